"""Anything may be posted to the endpoint: the answer is JSON-RPC or an HTTP error, never a 5xx, and nothing panics."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import httpx
import pytest
from harness.mcp import ACCEPT, NAMED_BY, LegacySession, ModernClient, login
from harness.workerd import Workerd

REQUESTS = 150
AT_A_TIME = 6
METHODS = [
    "initialize",
    "ping",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
    "server/discover",
    "notifications/cancelled",
    "notifications/initialized",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
    "x",
]
NAMES = [
    "blender_get_scene_info",
    "blender_execute_code",
    "blender_submit",
    "blender_job_result",
    "blender_send_message",
    "blender_register_client",
    "blender_list_available_clients",
    "blender_job_update",
    "blender_debug_assistant",
    "nonsense",
]
URIS = [
    "blender://bus/clients",
    "blender://jobs/j-1",
    "blender://console/all/1",
    "blender://",
    "blender://jobs/%00",
    "x",
]
KEYS = [
    "name",
    "arguments",
    "uri",
    "ref",
    "argument",
    "level",
    "cursor",
    "_meta",
    "requestId",
    "code",
    "command",
    "params",
    "payload",
    "target_uuid",
    "client_uuid",
    "job_id",
    "taskId",
    "taskIds",
    "inputResponses",
    "requestState",
    "which_blender",
    "action",
    "notifications",
    "status",
    "clientInfo",
    "protocolVersion",
    "capabilities",
    "type",
    "value",
    "priority",
    "page",
    "_timeout",
    "timeout_seconds",
]
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "fuzz", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {
        "elicitation": {},
        "extensions": {"io.modelcontextprotocol/tasks": {}},
    },
}


def value(chance: random.Random, depth: int = 0) -> Any:
    """Any JSON value, with a liking for what the server knows and for the edges of types."""
    plain = [None, True, 0, -1, 1e308, 2**63, -0.0, "", "\u0000", "ä" * 300, "\ud83d\ude00", [], {}]
    known = [*NAMES, *URIS, "2025-11-25", "2026-07-28", "debug", "ref/prompt", "completed", "latest"]
    kind = chance.random()
    if depth > 3 or kind < 0.35:
        return chance.choice(plain)
    if kind < 0.65:
        return chance.choice(known)
    if kind < 0.75:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(KEYS): value(chance, depth + 1) for _ in range(chance.randrange(5))}


def message(chance: random.Random) -> Any:
    """A message: mostly right, with something wrong in it."""
    params = value(chance)
    if isinstance(params, dict) or chance.random() < 0.7:
        params = params if isinstance(params, dict) else {}
        params |= {"name": chance.choice(NAMES), "uri": chance.choice(URIS), "_meta": dict(META)}
        if chance.random() < 0.3:
            params["_meta"]["io.modelcontextprotocol/logLevel"] = chance.choice(["debug", "error", value(chance)])
        if chance.random() < 0.3:
            params |= {"taskId": chance.choice(["j-1", value(chance)]), "inputResponses": value(chance)}
        if chance.random() < 0.1:
            params["requestState"] = chance.choice(["1.a.b", "9" * 30 + ".a.b", "..", value(chance)])
        for key in chance.sample(sorted(params), chance.randrange(2)):
            params[key] = value(chance)
    made = {"jsonrpc": "2.0", "id": chance.randrange(99), "method": chance.choice(METHODS), "params": params}
    if chance.random() < 0.2:
        made[chance.choice(sorted(made))] = value(chance)
    if chance.random() < 0.1:
        del made[chance.choice(sorted(made))]
    return made


def body(chance: random.Random) -> bytes:
    """A message or a batch of them; sometimes no such thing at all."""
    batched = chance.random() < 0.2
    text = json.dumps([message(chance) for _ in range(chance.randrange(36))] if batched else message(chance)).encode()
    if chance.random() < 0.1:
        cut = chance.randrange(len(text))
        text = text[:cut] + chance.randbytes(chance.randrange(4)) + text[cut + chance.randrange(3) :]
    return text


def headers(chance: random.Random, content: bytes, session_id: str | None) -> dict[str, str]:
    """Those of either era, mostly fitting the body."""
    sent = {"Content-Type": "application/json", "Accept": ACCEPT}
    if chance.random() < 0.5:
        return sent | ({"Mcp-Session-Id": session_id} if session_id else {})
    try:
        message = json.loads(content)
        named = message["params"][NAMED_BY.get(message["method"], "name")]
        known = {"Mcp-Method": str(message["method"]), "Mcp-Name": str(named)}
    except (ValueError, TypeError, KeyError):
        known = {"Mcp-Method": "tools/list"}
    if any(not text.isascii() or not text.isprintable() for text in known.values()):
        known = {"Mcp-Name": "=?base64?w6Q=?="}
    return (
        sent | {"MCP-Protocol-Version": chance.choice(["2026-07-28", "2026-07-28", "2025-11-25", "1999-01-01"])} | known
    )


def complaint(answer: httpx.Response) -> str | None:
    """What is wrong with an answer, if anything."""
    if answer.status_code >= 500:
        return f"HTTP {answer.status_code}"
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/event-stream"):
        texts = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    else:
        texts = [answer.text] if kind.startswith("application/json") else []
    if not texts:
        return None if answer.status_code == 202 or answer.status_code >= 400 else "neither JSON-RPC nor an error"
    said = [json.loads(text) for text in texts]
    messages = [one for some in said for one in (some if isinstance(some, list) else [some]) if "method" not in one]
    if answer.status_code in (401, 403):
        return None
    right = all(message["jsonrpc"] == "2.0" and ("result" in message) != ("error" in message) for message in messages)
    return None if right else "no JSON-RPC response"


@pytest.mark.parametrize("seed", [20260728, 20251125])
async def test_whatever_is_posted_gets_json_rpc_or_an_http_error(server: Workerd, seed: int) -> None:
    token = await login(server.url)
    chance = random.Random(seed)
    async with (
        LegacySession(f"{server.url}/mcp", token, version="2025-03-26") as session,
        httpx.AsyncClient(timeout=30, headers={"Authorization": f"Bearer {token}"}) as http,
    ):
        places = asyncio.Semaphore(AT_A_TIME)

        async def send(content: bytes, sent: dict[str, str], path: str) -> str | None:
            async with places:
                answer = await http.post(server.url + path, content=content, headers=sent)
            wrong = complaint(answer)
            return wrong and f"{wrong}\n{content!r}\n{sent}\n{answer.text[:500]}"

        bodies = [body(chance) for _ in range(REQUESTS)]
        posts = [(text, headers(chance, text, session.session_id), chance.choice(["/", "/mcp"])) for text in bodies]
        batches = sum(text.startswith(b"[") for text in bodies)
        wrong = [found for found in await asyncio.gather(*(send(*post) for post in posts)) if found]
        assert wrong == []
        assert (await session.request("ping")).result == {}, "the session is as it was"
    async with ModernClient(f"{server.url}/", token) as client:
        assert (await client.call("blender_list_available_clients")).document["status"] == "ok"
    assert 20 < batches < REQUESTS, "batches are among them"
    log = server.log_text(1_000_000)
    assert [line for line in log.splitlines() if "panic" in line or "unreachable" in line] == []
