"""What an operator sees of a call: lines of JSON with the ids of request and job, never what was asked or said."""

from __future__ import annotations

import json
from typing import Any

from harness.mcp import CLIENT_INFO, MODERN, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def events(server: Workerd) -> list[dict[str, Any]]:
    lines = (line[line.index("{") :] for line in server.log_text(1_000_000).splitlines() if '{"event"' in line)
    return [json.loads(line) for line in lines]


async def test_a_call_leaves_its_ids_in_the_log_and_nothing_of_its_content(server: Workerd) -> None:
    token = await login(server.url)
    prefix = "io.modelcontextprotocol/"
    meta = {
        f"{prefix}protocolVersion": MODERN,
        f"{prefix}clientInfo": CLIENT_INFO,
        f"{prefix}clientCapabilities": {},
        "traceparent": TRACEPARENT,
    }
    peer = Peer(server.ws_url, token, handler=lambda job: "outcome-of-it")
    async with peer, ModernClient(server.url, token) as client:
        call = {"name": "blender_execute_code", "arguments": {"code": "secret_code()"}}
        answer = await client.request("tools/call", call, meta=meta)
        record = await peer.next_record()
    assert record["traceparent"] == TRACEPARENT
    made, ended = events(server)
    job_id = answer.document["job_id"]
    assert (made["event"], made["job_id"], made["traceparent"]) == ("job_made", job_id, TRACEPARENT)
    assert made["request_id"]
    assert (ended["event"], ended["job_id"], ended["state"]) == ("job_ended", job_id, "completed")
    assert ended["traceparent"] == TRACEPARENT and ended["took_ms"] >= 0
    log = server.log_text(1_000_000)
    assert not [secret for secret in ("secret_code", "outcome-of-it", token) if secret in log]


async def test_limits_are_set_by_variables(tmp_path) -> None:
    variables = {"DEV_ACCOUNTS": "demo:demo", "LIMIT_MESSAGES_PER_SECOND": "1", "LIMIT_SOCKETS": "1"}
    with Workerd(tmp_path / "workerd", variables=variables) as server:
        token = await login(server.url)
        async with Peer(server.ws_url, token), ModernClient(server.url, token) as client:
            answers = [await client.call("blender_submit", command="get_scene_info", params={}) for _ in range(3)]
            refused = [answer.result["content"][0]["text"] for answer in answers if answer.result.get("isError")]
            assert refused and "1 messages a second" in refused[0]
