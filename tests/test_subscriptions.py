"""Hearing of changes: `subscriptions/listen` without sessions, `resources/subscribe` within one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from harness.mcp import LegacySession, ModernClient, events, login
from harness.peer import Peer
from harness.workerd import Workerd

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


async def listen(client: ModernClient, filters: dict[str, Any], seconds: float = 10) -> AsyncIterator[dict[str, Any]]:
    params = {"notifications": filters, "_meta": META}
    body = {"jsonrpc": "2.0", "id": "sub-1", "method": "subscriptions/listen", "params": params}
    headers = {
        **client.headers,
        "Content-Type": "application/json",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "subscriptions/listen",
    }
    async with client.http.stream("POST", client.url, content=json.dumps(body), headers=headers) as response:
        assert response.status_code == 200
        async for event in events(response.aiter_lines()):
            yield event.message


def subscription_id(message: dict[str, Any]) -> Any:
    return message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"]


async def test_a_stream_of_changes_begins_with_what_it_agreed_to(server: Workerd) -> None:
    token = await login(server.url)
    uri = "blender://bus/clients"
    async with ModernClient(f"{server.url}/", token) as client:
        wanted = [uri, "blender://scene/info", "blender://no/such"]
        stream = listen(client, {"toolsListChanged": True, "resourceSubscriptions": wanted})
        acknowledged = await anext(stream)
        assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
        assert acknowledged["params"]["notifications"] == {"resourceSubscriptions": [uri]}
        assert subscription_id(acknowledged) == "sub-1"
        async with Peer(f"{server.url.replace('http', 'ws', 1)}/ws", token, "b1"):
            updated = await asyncio.wait_for(anext(stream), 5)
        assert updated["method"] == "notifications/resources/updated"
        assert (updated["params"]["uri"], subscription_id(updated)) == (uri, "sub-1")
        await stream.aclose()


async def test_a_stream_of_changes_outlives_the_sleep_of_the_object(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client:
        await client.call("blender_register_client", client_uuid="me", client_type="llm")
        stream = listen(client, {"resourceSubscriptions": ["blender://inbox/me"]})
        await anext(stream)
        for number in range(3):
            server.evict()
            await client.call("blender_send_message", payload={"n": number}, target_uuid="me")
            assert (await asyncio.wait_for(anext(stream), 5))["params"]["uri"] == "blender://inbox/me"
        read = await client.request("resources/read", {"uri": "blender://inbox/me"})
        inbox = json.loads(read.result["contents"][0]["text"])
        assert [record["payload"]["n"] for record in inbox["messages"]] == [0, 1, 2]
        await stream.aclose()


async def test_a_filter_that_is_none_is_refused(server: Workerd) -> None:
    async with ModernClient(f"{server.url}/", await login(server.url)) as client:
        for filters in (None, [], {"resourceSubscriptions": "x"}, {"resourceSubscriptions": ["blender://"] * 65}):
            answer = await client.request("subscriptions/listen", {"notifications": filters})
            assert answer.error["code"] == -32602, filters


async def test_a_session_hears_of_the_job_it_subscribed_to(server: Workerd) -> None:
    token = await login(server.url)
    async with (
        LegacySession(f"{server.url}/mcp", token) as session,
        Peer(f"{server.url.replace('http', 'ws', 1)}/ws", token, "b1") as peer,
    ):
        job_id = (await session.call("blender_submit", command="get_scene_info", params={})).document["job_id"]
        uri = f"blender://jobs/{job_id}"
        assert (await session.request("resources/subscribe", {"uri": uri})).result == {}
        stream = session.stream()
        heard = asyncio.create_task(anext(event async for event in stream if event.data))
        await peer.next_job()
        await peer.update(job_id, "completed", "{}")
        message = (await asyncio.wait_for(heard, 5)).message
        assert (message["method"], message["params"]) == ("notifications/resources/updated", {"uri": uri})
        await stream.aclose()
        assert (await session.request("resources/unsubscribe", {"uri": uri})).result == {}
        unknown = await session.request("resources/subscribe", {"uri": "blender://no/such"})
        assert unknown.error["code"] == -32002
        fixed = await session.request("resources/subscribe", {"uri": "blender://scene/info"})
        assert fixed.error["code"] == -32602


async def test_a_session_is_told_once_of_what_changed_often_while_it_was_away(server: Workerd) -> None:
    token = await login(server.url)
    async with (
        LegacySession(f"{server.url}/mcp", token) as session,
        ModernClient(f"{server.url}/", token) as other,
    ):
        await session.call("blender_register_client", client_uuid="me", client_type="llm")
        uri = "blender://inbox/me"
        assert (await session.request("resources/subscribe", {"uri": uri})).result == {}
        heard: list[dict[str, Any]] = []

        async def listen_to_session() -> None:
            async for event in session.stream():
                if event.data and event.message["method"] == "notifications/resources/updated":
                    heard.append(event.message["params"])

        for evicts in (False, True):
            heard.clear()
            for number in range(5):
                await other.call("blender_send_message", payload={"n": number}, target_uuid="me")
            if evicts:
                server.evict()
            listening = asyncio.create_task(listen_to_session())
            await asyncio.sleep(0.7)
            assert heard == [{"uri": uri}], "as often as it changed"
            # With a stream: at once, and what follows quickly together.
            started = asyncio.get_running_loop().time()
            for number in range(40):
                await other.call("blender_send_message", payload={"n": number}, target_uuid="me")
            took = asyncio.get_running_loop().time() - started
            await asyncio.sleep(0.7)
            assert 2 <= len(heard) - 1 <= 2 + took / 0.25
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await asyncio.sleep(0.3)
