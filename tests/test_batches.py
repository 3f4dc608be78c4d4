"""JSON-RPC batches, which only revision 2025-03-26 has ("Sending Messages to the Server")."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from harness.mcp import Answer, LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

BATCHING = "2025-03-26"


def request(identifier: Any, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}


def call(identifier: Any, tool: str, **arguments: Any) -> dict[str, Any]:
    return request(identifier, "tools/call", name=tool, arguments=arguments)


def notification(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


async def send(session: LegacySession, *messages: Any) -> Answer:
    return await session.post(json.dumps(list(messages)))


def by_id(answer: Answer) -> dict[Any, dict[str, Any]]:
    return {response.get("id"): response for response in answer.batch}


@pytest.fixture
async def token(server: Workerd) -> str:
    return await login(server.url)


async def test_requests_and_notifications_mixed_get_one_array(server: Workerd, token: str) -> None:
    async with LegacySession(f"{server.url}/mcp", token, version=BATCHING) as session:
        answer = await send(
            session,
            request(1, "ping"),
            notification("notifications/initialized"),
            request("two", "tools/list"),
            call(0, "blender_list_available_clients"),
        )
    assert (answer.status, answer.streamed) == (200, False)
    responses = by_id(answer)
    assert set(responses) == {1, "two", 0}
    assert responses[1]["result"] == {}
    assert len(responses["two"]["result"]["tools"]) > 24
    assert responses[0]["result"]["structuredContent"]["status"] == "ok"


async def test_notifications_and_responses_alone_are_accepted_without_an_answer(server: Workerd, token: str) -> None:
    async with LegacySession(f"{server.url}/mcp", token, version=BATCHING) as session:
        for messages in (
            [notification("notifications/initialized"), notification("notifications/x")],
            [{"jsonrpc": "2.0", "id": 1, "result": {}}, {"jsonrpc": "2.0", "id": 2, "result": {}}],
        ):
            answer = await send(session, *messages)
            assert (answer.status, answer.body) == (202, "")


async def test_each_message_stands_or_falls_by_itself(server: Workerd, token: str) -> None:
    async with LegacySession(f"{server.url}/mcp", token, version=BATCHING) as session:
        initialize = request(3, "initialize", protocolVersion=BATCHING, capabilities={}, clientInfo={"name": "x"})
        answer = await send(
            session,
            request(1, "ping"),
            7,
            request(2, "no/such"),
            initialize,
            request(1, "ping"),
            call(4, "blender_get_object_info"),
            call(5, "nonsense"),
        )
    assert answer.status == 200
    assert len(answer.batch) == 7
    codes = sorted((str(response.get("id")), response.get("error", {}).get("code", 0)) for response in answer.batch)
    assert codes == [("1", -32600), ("1", 0), ("2", -32601), ("3", -32600), ("4", 0), ("5", -32602), ("None", -32600)]
    assert by_id(answer)[4]["result"]["isError"] is True
    assert "initialize" in by_id(answer)[3]["error"]["message"]


async def test_an_empty_batch_and_one_that_is_too_long_are_refused(server: Workerd, token: str) -> None:
    async with LegacySession(f"{server.url}/mcp", token, version=BATCHING) as session:
        assert (await send(session, *[request(n, "ping") for n in range(32)])).status == 200
        for messages, reason in (([], "empty"), ([request(n, "ping") for n in range(33)], "33")):
            answer = await send(session, *messages)
            assert (answer.status, answer.error["code"]) == (400, -32600)
            assert reason in answer.error["message"]


async def test_slow_members_open_a_stream_at_once_and_quick_ones_do_not_wait_for_them(
    server: Workerd, token: str
) -> None:
    async with (
        Peer(server.ws_url, token, "b1") as peer,
        LegacySession(f"{server.url}/mcp", token, version=BATCHING) as session,
    ):
        messages = [call("slow", "blender_execute_code", code="1"), request("quick", "ping")]
        messages[0]["params"]["_meta"] = {"progressToken": "p"}
        body = json.dumps(messages)
        seen: list[Any] = []
        async with session.http.stream("POST", session.url, content=body, headers=session.headers) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            job_id = str((await peer.next_job())["job_id"])
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    seen.append(json.loads(line.removeprefix("data: ")))
                    if len(seen) == 1:
                        await peer.progress(job_id, 50, "half")
                    if len(seen) == 2:
                        await peer.update(job_id, "completed", "done")
    assert seen[0] == {"jsonrpc": "2.0", "id": "quick", "result": {}}
    assert seen[1]["method"] == "notifications/progress"
    assert seen[1]["params"]["progressToken"] == "p"
    assert seen[2]["id"] == "slow"
    assert seen[2]["result"]["structuredContent"]["result"] == "done"
    assert len(seen) == 3


async def test_a_batch_can_cancel_what_another_began(server: Workerd, token: str) -> None:
    async with (
        Peer(server.ws_url, token, "b1") as peer,
        LegacySession(f"{server.url}/mcp", token, version=BATCHING) as session,
    ):
        calling = asyncio.create_task(send(session, call(8, "blender_execute_code", code="1"), request(9, "ping")))
        job_id = str((await peer.next_job())["job_id"])
        cancelled = await send(session, notification("notifications/cancelled", requestId=8), request(10, "ping"))
        assert set(by_id(cancelled)) == {10}
        async with asyncio.timeout(5):
            while job_id not in peer.cancelled:
                await asyncio.sleep(0.01)
        await peer.update(job_id, "cancelled")
        assert by_id(await calling)[8]["result"]["structuredContent"]["status"] == "cancelled"


@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25"])
async def test_a_session_of_a_later_revision_is_refused_batches(server: Workerd, token: str, version: str) -> None:
    async with LegacySession(f"{server.url}/mcp", token, version=version) as session:
        answer = await send(session, request(1, "ping"))
        assert (answer.status, answer.error["code"]) == (400, -32600)
        assert version in answer.error["message"] and BATCHING in answer.error["message"]


async def test_outside_a_session_there_are_no_batches(server: Workerd, token: str) -> None:
    async with ModernClient(f"{server.url}/", token) as client:
        answer = await client.post(json.dumps([request(1, "tools/list", _meta=client.meta)]))
        assert (answer.status, answer.error["code"]) == (400, -32600)
        assert BATCHING in answer.error["message"]
    async with LegacySession(f"{server.url}/mcp", token, version=BATCHING) as session:
        session.headers["Mcp-Session-Id"] = "ended"
        assert (await send(session, request(1, "ping"))).status == 404
