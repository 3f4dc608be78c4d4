"""What an operator sees of a call: lines of JSON with the ids of request and job, never what was asked or answered."""

from __future__ import annotations

import asyncio
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
    (ended,) = events(server)
    job_id = answer.document["job_id"]
    assert (ended["event"], ended["job_id"], ended["state"]) == ("job_ended", job_id, "completed")
    assert ended["traceparent"] == TRACEPARENT and ended["took_ms"] >= 0 and ended["request_id"]
    log = server.log_text(1_000_000)
    assert not [secret for secret in ("secret_code", "outcome-of-it", token) if secret in log]


async def test_a_call_that_takes_long_is_in_the_log_before_it_ends(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token) as peer, ModernClient(server.url, token) as client:
        calling = asyncio.create_task(client.call("blender_get_scene_info"))
        job = await peer.next_job()
        async with asyncio.timeout(5):
            while not events(server):
                await asyncio.sleep(0.02)
        (made,) = events(server)
        assert (made["event"], made["state"], made["job_id"]) == ("job_made", "running", job["job_id"])
        await peer.update(job["job_id"], "completed", "late")
        answer = await calling
    ended = events(server)[1]
    assert (ended["event"], ended["job_id"]) == ("job_ended", made["job_id"])
    assert ended["request_id"] == made["request_id"] and made["request_id"]
    assert answer.document["result"] == "late"


async def test_limits_are_set_by_variables(tmp_path) -> None:
    variables = {"DEV_ACCOUNTS": "demo:demo", "LIMIT_MESSAGES_PER_SECOND": "1", "LIMIT_SOCKETS": "1"}
    with Workerd(tmp_path / "workerd", variables=variables) as server:
        token = await login(server.url)
        async with Peer(server.ws_url, token), ModernClient(server.url, token) as client:
            answers = [await client.call("blender_submit", command="get_scene_info", params={}) for _ in range(3)]
            refused = [answer.result["content"][0]["text"] for answer in answers if answer.result.get("isError")]
            assert refused and "1 messages a second" in refused[0]
