"""What real clients and models send that a narrow reading of the protocols refuses, and what they ask for first."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from harness.assets import ROOT
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

WELL_KNOWN = "/.well-known/oauth-protected-resource"
LARGE_IDS = ["18446744073709551616", "123456789012345678901234567890", "-9223372036854775809", "1.50"]
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
Blender = Callable[..., Awaitable[Peer]]


@pytest.fixture
async def blender(server: Workerd) -> AsyncIterator[Blender]:
    """Connects Blenders of the account demo."""
    token, peers = await login(server.url), []

    async def connected(uuid: str = "blender-test", **options: Any) -> Peer:
        peers.append(Peer(server.ws_url, token, uuid, **options))
        await peers[-1].connect()
        return peers[-1]

    yield connected
    for peer in peers:
        await peer.close()


def challenge(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 401, answer.text
    scheme, _, rest = answer.headers["www-authenticate"].partition(" ")
    assert scheme == "Bearer"
    return {name: value.strip('"') for name, _, value in (part.partition("=") for part in rest.split(", "))}


@pytest.mark.parametrize("path", ["/", "/mcp", "/mcp/"])
def test_an_endpoint_and_its_metadata_agree_with_the_url_that_was_pasted(server: Workerd, path: str) -> None:
    with httpx.Client(base_url=server.url) as http:
        told = challenge(http.post(path, json={}))
        assert told["scope"] == "bus:read bus:dispatch"
        document = http.get(told["resource_metadata"])
    assert document.status_code == 200 and document.json()["resource"] == server.url + path
    assert told["resource_metadata"] == f"{server.url}{WELL_KNOWN}{path if path != '/' else ''}"


async def test_a_slash_at_the_end_serves_the_same_without_a_redirect(server: Workerd) -> None:
    token = await login(server.url)
    async with LegacySession(f"{server.url}/mcp/", token) as session:
        assert (await session.request("ping")).result == {}
        assert (await session.request("server/discover")).error["code"] == -32601
        assert (await session.delete()).status_code == 204
    async with httpx.AsyncClient(base_url=server.url) as http:
        for path in ("/health/", "/dashboard/", "/.well-known/oauth-authorization-server/"):
            assert (await http.get(path)).status_code == (await http.get(path.rstrip("/"))).status_code


def test_a_blender_is_told_its_own_scope(server: Workerd) -> None:
    answer = httpx.get(f"{server.url}/ws", headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    assert challenge(answer)["scope"] == "peer"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_old_transport_is_gone_and_says_what_is_there_instead(server: Workerd, method: str) -> None:
    answer = httpx.request(method, f"{server.url}/sse")
    assert answer.status_code == 410
    assert f"{server.url}/mcp" in answer.text and "Streamable HTTP" in answer.text


def test_there_is_an_icon_and_crawlers_are_kept_to_the_home_page(server: Workerd) -> None:
    icon = httpx.get(f"{server.url}/favicon.ico")
    assert icon.status_code == 200 and icon.headers["content-type"].startswith("image/")
    assert icon.content == (ROOT / "public/favicon.ico").read_bytes()
    assert icon.content[:4] == b"\x00\x00\x01\x00" and b"\x89PNG" in icon.content
    robots = httpx.get(f"{server.url}/robots.txt").text.split("\n")
    assert robots[:3] == ["User-agent: *", "Allow: /$", "Disallow: /"]


@pytest.mark.parametrize("identifier", LARGE_IDS)
async def test_ids_of_any_size_are_returned_to_the_letter(server: Workerd, identifier: str) -> None:
    token = await login(server.url)
    async with LegacySession(f"{server.url}/mcp", token) as session:
        for method, params in [
            ("tools/list", "{}"),
            ("nothing", "{}"),
            ("tools/call", '{"name": "blender_list_jobs"}'),
        ]:
            body = f'{{"jsonrpc": "2.0", "id": {identifier}, "method": "{method}", "params": {params}}}'
            answer = await session.post(body)
            assert f'"id":{identifier},' in answer.body, answer.body[:200]


async def test_a_call_with_a_large_id_and_token_is_answered_followed_and_cancelled(
    server: Workerd, blender: Blender
) -> None:
    large, token = "98765432109876543210", "18446744073709551617"
    params = {"name": "blender_execute_code", "arguments": {"code": "x"}, "_meta": {"progressToken": 1}}
    body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "tools/call", "params": params})
    body = body.replace('"progressToken": 1', f'"progressToken": {token}').replace('"id": 0', f'"id": {large}')
    async with LegacySession(f"{server.url}/mcp", await login(server.url)) as session:
        peer = await blender()
        call = asyncio.create_task(session.post(body))
        job = await peer.next_job()
        await peer.progress(job["job_id"], 40)
        await asyncio.sleep(0.5)
        cancelled = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":' + large + "}}"
        await session.post(cancelled)
        while job["job_id"] not in peer.cancelled:
            await asyncio.sleep(0.05)
        await peer.update(job["job_id"], "cancelled")
        answer = await asyncio.wait_for(call, 10)
    assert f'"progressToken":{token},' in answer.body and f'"id":{large},' in answer.body
    assert answer.document["status"] == "cancelled"


async def test_a_body_may_begin_with_a_byte_order_mark(server: Workerd) -> None:
    async with LegacySession(f"{server.url}/mcp", await login(server.url)) as session:
        answer = await session.post(b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}')
    assert answer.result == {}


@pytest.mark.parametrize("path", ["/mcp", "/token", "/register"])
async def test_a_compressed_body_is_refused_as_such(server: Workerd, path: str) -> None:
    headers = {
        "Authorization": f"Bearer {await login(server.url)}",
        "Content-Type": "application/x-www-form-urlencoded" if path == "/token" else "application/json",
        "Content-Encoding": "gzip",
    }
    async with httpx.AsyncClient() as http:
        answer = await http.post(server.url + path, content=gzip.compress(b"{}"), headers=headers)
    assert answer.status_code == 415 and "Content-Encoding" in answer.text


SLOW = {"name": "blender_execute_code", "arguments": {"code": "x", "timeout_seconds": 2}}


@pytest.mark.parametrize("meta", [{}, {"progressToken": "p"}])
async def test_who_takes_only_json_gets_json_however_long_it_takes(
    server: Workerd, blender: Blender, meta: dict[str, Any]
) -> None:
    await blender()
    async with ModernClient(server.url, await login(server.url)) as client:
        client.headers["Accept"] = "application/json"
        answer = await client.request("tools/call", SLOW, meta={**client.meta, **meta})
        assert not answer.streamed and answer.document["status"] == "timeout"
        listened = await client.request("subscriptions/listen", {"notifications": {}})
        assert listened.status == 406 and "text/event-stream" in listened.error["message"]


async def test_who_takes_only_streams_gets_streams_also_quickly(server: Workerd) -> None:
    async with LegacySession(f"{server.url}/mcp", await login(server.url)) as session:
        session.headers["Accept"] = "text/event-stream"
        del session.headers["Mcp-Session-Id"]
        opened = await session.request("initialize", INITIALIZE)
        assert opened.streamed and opened.headers["mcp-session-id"]
        session.headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        listed = await session.request("tools/list")
        called = await session.call("blender_list_available_clients")
        assert listed.streamed and listed.result["tools"] and called.streamed and called.document["status"] == "ok"
        session.headers["Accept"] = "image/png"
        assert (await session.request("ping")).status == 406


async def test_arguments_are_taken_where_they_can_mean_one_thing_only(server: Workerd, blender: Blender) -> None:
    peer = await blender()
    async with LegacySession(f"{server.url}/mcp", await login(server.url)) as session:

        async def dispatched(name: str, arguments: Any) -> dict[str, Any]:
            call = asyncio.create_task(session.request("tools/call", {"name": name, "arguments": arguments}))
            job = await asyncio.wait_for(peer.next_job(), 10)
            await peer.update(job["job_id"], "completed", "{}")
            assert (await call).document["status"] == "completed"
            params = job["params"]
            assert isinstance(params, dict)
            return params

        defaults = {"page": 1, "page_size": 50, "detail_level": "summary"}
        nulls = {"page": None, "collection": None, "detail_level": None, "_timeout": None, "timeout_seconds": None}
        for none in (None, "", "{}", " {}", "\ufeff{}", nulls):
            assert await dispatched("blender_browse_data", none) == defaults
        for timeout in ({"_timeout": "9"}, {"timeout_seconds": 9}, {"_timeout": 9, "timeout_seconds": 9}):
            assert await dispatched("blender_browse_data", {"page": "2", **timeout}) == {**defaults, "page": 2}
        text = json.dumps({"collection": "objects", "_timeout": 5})
        assert await dispatched("blender_browse_data", text) == {**defaults, "collection": "objects"}
        operation = {"operation": "get_info", "params": '{"a": 1}'}
        assert await dispatched("blender_console_operations", operation) == {**operation, "params": {"a": 1}}
        submitted = await session.call(
            "blender_submit", command="get_object_info", params='{"name": "Cube"}', target_uuid=None
        )
        assert submitted.document["status"] == "queued"
        assert (await asyncio.wait_for(peer.next_job(), 10))["params"] == {"name": "Cube"}


async def test_what_could_mean_two_things_is_refused_by_name(server: Workerd) -> None:
    async with LegacySession(f"{server.url}/mcp", await login(server.url)) as session:

        async def refusal(name: str, arguments: Any) -> str:
            answer = await session.request("tools/call", {"name": name, "arguments": arguments})
            assert answer.result["isError"] is True
            text = answer.result["content"][0]["text"]
            assert isinstance(text, str)
            return text

        assert "page" in await refusal("blender_browse_data", {"page": "two"})
        assert "code" in await refusal("blender_execute_code", {"code": None})
        assert "must be an object" in await refusal("blender_browse_data", "[]")
        assert "timeout_seconds" in await refusal("blender_browse_data", {"_timeout": 1, "timeout_seconds": 2})
        assert "name" in await refusal("blender_submit", {"command": "get_object_info", "params": '{"x": 1}'})


async def test_completion_offers_clients_that_are_connected(server: Workerd, blender: Blender) -> None:
    here, away = await blender("here"), await blender("away", group_id="gone")
    await away.close()
    assert here
    async with LegacySession(f"{server.url}/mcp", await login(server.url)) as session:
        listed = await session.call("blender_list_available_clients")
        assert {client["uuid"] for client in listed.document["persistent"]} == {"here", "away"}
        for reference, name in (
            ({"type": "ref/prompt", "name": "blender_dispatch_script"}, "target"),
            ({"type": "ref/resource", "uri": "blender://inbox/{client_uuid}"}, "client_uuid"),
        ):
            params = {"ref": reference, "argument": {"name": name, "value": ""}}
            values = (await session.request("completion/complete", params)).result["completion"]["values"]
            offered = [value for value in values if "here" in value or "away" in value or "gone" in value]
            assert offered == [f"uuid:{'here'}" if name == "target" else "here"], values
