"""Streams of sessions, as clients of the legacy revisions use them, undisturbed and under fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import mcp_types as types
from fastmcp import Client
from fastmcp.client.messages import MessageHandler
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

ME = "my-assistant"


class Listener:
    """A session's stream, opened again after the last event whenever it is cut; the payload numbers it brought."""

    def __init__(self, session: LegacySession) -> None:
        self.session = session
        self.numbers: list[int] = []
        self.last_event_id: str | None = None
        self.comments: list[str] = []
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for event in self.session.stream(last_event_id=self.last_event_id, comments=self.comments):
            self.last_event_id = event.id or self.last_event_id
            if event.data:
                self.numbers.append(event.message["params"]["data"]["payload"]["n"])

    async def cut(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self.task

    async def until(self, count: int, seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while len(self.numbers) < count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(server: Workerd, token: str) -> AsyncIterator[tuple[LegacySession, Listener]]:
    """A session that registered itself, wants every level and listens."""
    async with LegacySession(f"{server.url}/mcp", token) as session:
        await session.request("logging/setLevel", {"level": "debug"})
        await session.call("blender_register_client", client_uuid=ME, client_type="llm")
        listener = Listener(session)
        listener.start()
        yield session, listener
        await listener.cut()


async def say(client: ModernClient, number: int) -> None:
    sent = await client.call("blender_send_message", payload={"n": number}, target_uuid=ME)
    assert sent.document["status"] == "ok"


async def test_style_b_a_script_is_sent_and_its_waiter_resolved_by_the_notification(server: Workerd) -> None:
    token = await login(server.url)
    updates: dict[str, asyncio.Future[dict[str, Any]]] = {"style-b": asyncio.get_running_loop().create_future()}

    class Handler(MessageHandler):
        async def on_logging_message(self, message: types.LoggingMessageNotification) -> None:
            data: dict[str, Any] = message.params.data  # type: ignore[assignment]
            payload = data["payload"]
            if payload.get("kind") == "job_update" and payload["job_id"] in updates:
                updates[payload["job_id"]].set_result(payload)

    def run(job: dict[str, Any]) -> str:
        assert job["message_type"] == "job_dispatch"
        return f"ran {job['script']}"

    async with (
        Peer(f"{server.url.replace('http', 'ws', 1)}/ws", token, "b1", handler=run),
        Client(f"{server.url}/mcp", auth=token, message_handler=Handler()) as client,
    ):
        await client.set_logging_level("debug")
        await client.call_tool("blender_register_client", {"client_uuid": ME, "client_type": "llm"})
        payload = {"message_type": "job_dispatch", "job_id": "style-b", "script": "print(1)"}
        sent = await client.call_tool(
            "blender_send_message", {"payload": payload, "target_uuid": "b1", "from_uuid": ME}
        )
        assert sent.structured_content is not None
        assert sent.structured_content["job_id"] == "style-b"
        update = await asyncio.wait_for(updates["style-b"], 10)
        assert (update["status"], update["result"]) == ("completed", "ran print(1)")
        gone = await client.call_tool("blender_unregister_client", {"client_uuid": ME})
        assert gone.structured_content == {"status": "ok", "client_uuid": ME}


async def test_a_stream_answers_at_once_and_has_nothing_below_the_default_level(server: Workerd) -> None:
    token = await login(server.url)
    async with LegacySession(f"{server.url}/mcp", token) as session, ModernClient(f"{server.url}/", token) as other:
        await session.call("blender_register_client", client_uuid=ME, client_type="llm")
        listener = Listener(session)
        listener.start()
        async with asyncio.timeout(2):
            while not listener.comments:
                await asyncio.sleep(0.01)
        await say(other, 1)
        await other.call("blender_send_message", payload={"n": 2}, target_uuid=ME, priority="error")
        await listener.until(1)
        assert listener.numbers == [2]
        await listener.cut()


async def test_a_stream_cut_again_and_again_brings_every_record_once_and_in_order(server: Workerd) -> None:
    token = await login(server.url)
    async with listening(server, token) as (_, listener), ModernClient(f"{server.url}/", token) as other:
        for number in range(60):
            await say(other, number)
            if number % 7 == 3:
                await listener.cut()
            if number % 7 == 5:
                listener.start()
        await listener.cut()
        listener.start()
        await listener.until(60)
        assert listener.numbers == list(range(60))


async def test_a_long_backlog_arrives_whole_and_in_order_though_the_stream_is_cut(server: Workerd) -> None:
    token = await login(server.url)
    count = 1_300
    async with (
        LegacySession(f"{server.url}/mcp", token) as session,
        ModernClient(f"{server.url}/", token) as other,
    ):
        await session.request("logging/setLevel", {"level": "debug"})
        for name in (ME, "also-me"):
            await session.call("blender_register_client", client_uuid=name, client_type="llm")
        for number in range(count):
            target = ME if number % 2 else "also-me"
            await other.call("blender_send_message", payload={"n": number}, target_uuid=target)
        listener = Listener(session)
        listener.start()
        await listener.until(150)
        await listener.cut()
        listener.start()
        await say(other, count)
        await listener.until(count + 1, 20)
        assert listener.numbers == list(range(count + 1))
        await listener.cut()


async def test_a_stream_outlives_the_sleep_of_the_object(server: Workerd) -> None:
    token = await login(server.url)
    async with listening(server, token) as (_, listener), ModernClient(f"{server.url}/", token) as other:
        for number in range(5):
            await say(other, number)
            server.evict()
        await listener.until(5)
        assert listener.numbers == list(range(5))


async def test_a_killed_server_loses_no_record_of_a_session(server: Workerd) -> None:
    token = await login(server.url)
    async with listening(server, token) as (session, listener), ModernClient(f"{server.url}/", token) as other:
        await say(other, 0)
        await listener.until(1)
        server.restart()
        await listener.cut()
        await say(other, 1)
        assert (await session.request("ping")).result == {}
        listener.start()
        await say(other, 2)
        await listener.until(3)
        assert listener.numbers == [0, 1, 2]


async def test_closing_the_session_ends_its_stream_cleanly(server: Workerd) -> None:
    async with listening(server, await login(server.url)) as (session, listener):
        await asyncio.sleep(0.2)
        assert (await session.delete()).status_code == 204
        assert listener.task is not None
        await asyncio.wait_for(listener.task, 5)


async def test_a_blender_may_attach_over_http(server: Workerd) -> None:
    token = await login(server.url)
    async with LegacySession(f"{server.url}/mcp", token) as session, ModernClient(f"{server.url}/", token) as client:
        await session.request("logging/setLevel", {"level": "debug"})
        await session.call("blender_register_client", client_uuid="b-http", client_type="blender")
        assert (await client.call("blender_get_scene_info")).document["status"] == "no_client"
        stream = session.stream()
        opened = asyncio.create_task(anext(event async for event in stream if event.data))
        await asyncio.sleep(0.3)
        call = asyncio.create_task(client.call("blender_get_scene_info"))
        job = (await asyncio.wait_for(opened, 5)).message["params"]["data"]["payload"]
        await session.call("blender_job_update", job_id=job["job_id"], status="completed", result="by POST")
        answer = (await call).document
        assert (answer["status"], answer["result"]) == ("completed", "by POST")
        await stream.aclose()


async def test_a_last_event_id_that_was_not_given_out_is_refused(server: Workerd) -> None:
    async with LegacySession(f"{server.url}/mcp", await login(server.url)) as session:
        refused = await session.http.get(session.url, headers={**session.headers, "Last-Event-ID": "x"})
        assert refused.status_code == 400
