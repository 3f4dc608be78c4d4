"""The extension io.modelcontextprotocol/tasks: jobs as tasks."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import pytest
from harness.mcp import Answer, LegacySession, ModernClient, events, login
from harness.peer import Peer
from harness.workerd import Workerd

EXTENSION = "io.modelcontextprotocol/tasks"
CAPABILITIES = {"extensions": {EXTENSION: {}}}
# The published package of the extension has its shapes.
CHECK = """
import { createInterface } from 'node:readline';
import * as shapes from '@modelcontextprotocol/ext-tasks/core/v2';
const check = {
  created: shapes.isCreateTaskResultV2, task: shapes.isDetailedTaskV2, notification: shapes.isTaskStatusNotificationV2,
};
for await (const line of createInterface({ input: process.stdin })) {
  const [kind, value] = JSON.parse(line);
  if (!check[kind](value)) console.log(`no ${kind}: ${line}`);
}
"""


def client_of(server: Workerd, token: str) -> ModernClient:
    return ModernClient(f"{server.url}/", token, capabilities=CAPABILITIES)


async def out_of_shape(*messages: tuple[str, Any]) -> str:
    """What the extension's own package says against these."""
    command = ("node", "--input-type=module", "-e", CHECK)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=os.environ["BUS_NODE_CLIENTS"], stdin=pipe, stdout=pipe
    )
    text = "".join(json.dumps(message) + "\n" for message in messages)
    output, _ = await process.communicate(text.encode())
    assert process.returncode == 0
    return output.decode()


async def submit(client: ModernClient, **arguments: Any) -> dict[str, Any]:
    answer = await client.call("blender_submit", command="execute_code", params={"code": "1"}, **arguments)
    return answer.result


async def get(client: ModernClient, task_id: str) -> dict[str, Any]:
    return (await client.request("tasks/get", {"taskId": task_id})).result


@asynccontextmanager
async def listening(client: ModernClient, *task_ids: str) -> AsyncIterator[asyncio.Queue[dict[str, Any]]]:
    """The messages of a `subscriptions/listen` stream."""
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    params = {"notifications": {"taskIds": list(task_ids)}, "_meta": client.meta}
    body = {"jsonrpc": "2.0", "id": "l", "method": "subscriptions/listen", "params": params}
    headers = {**client.headers, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}

    async def read() -> None:
        content = json.dumps(body)
        async with client.http.stream("POST", client.url, content=content, headers=headers, timeout=None) as response:
            async for event in events(response.aiter_lines()):
                heard.put_nowait(event.message)

    reading = asyncio.create_task(read())
    yield heard
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading


async def test_the_extension_is_announced_to_modern_clients_only(server: Workerd) -> None:
    token = await login(server.url)
    async with client_of(server, token) as client, LegacySession(f"{server.url}/mcp", token) as session:
        discovered = (await client.request("server/discover")).result
        assert discovered["capabilities"]["extensions"][EXTENSION] == {}
        assert EXTENSION not in (await session.initialize()).result["capabilities"]["extensions"]
        assert (await session.request("tasks/get", {"taskId": "j-1"})).error["code"] == -32601


async def test_a_submission_is_a_task_from_the_first_answer_to_the_result(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, "b1") as peer, client_of(server, token) as client:
        created = await submit(client)
        assert created["resultType"] == "task"
        assert (created["status"], "result" in created) == ("working", False)
        assert created["ttlMs"] == 24 * 60 * 60 * 1000
        assert 500 <= created["pollIntervalMs"] <= 15_000
        job_id = str((await peer.next_job())["job_id"])
        assert created["taskId"] == job_id
        await peer.progress(job_id, 40, "baking")
        await asyncio.sleep(0.2)
        working = await get(client, job_id)
        assert (working["resultType"], working["status"]) == ("complete", "working")
        assert working["statusMessage"] == "40 %: baking"
        began, changed = (datetime.fromisoformat(working[name]) for name in ("createdAt", "lastUpdatedAt"))
        assert began < changed
        assert abs(began.timestamp() - time.time()) < 10
        await peer.update(job_id, "completed", "done")
        done = await get(client, job_id)
        assert done["status"] == "completed"
        assert done["result"]["structuredContent"]["result"] == "done"
        assert done["result"]["isError"] is False
        server.restart()
        assert (await get(client, job_id))["result"] == done["result"]
    assert await out_of_shape(("created", created), ("task", working), ("task", done)) == ""
    assert await out_of_shape(("created", working), ("task", {**done, "status": "nonsense"})) != ""


@pytest.mark.timeout(60)
async def test_a_call_becomes_a_task_when_it_outlasts_ten_seconds(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, "b1") as peer, client_of(server, token) as client:
        began = time.monotonic()
        call = asyncio.create_task(client.call("blender_execute_code", code="1"))
        job_id = str((await peer.next_job())["job_id"])
        answer = await call
        assert 9.5 < time.monotonic() - began < 13
        assert answer.streamed
        assert (answer.result["resultType"], answer.result["taskId"]) == ("task", job_id)
        await peer.update(job_id, "completed", "late")
        assert (await get(client, job_id))["result"]["structuredContent"]["result"] == "late"
        assert peer.cancelled == []


@pytest.mark.timeout(60)
async def test_a_call_that_is_given_up_before_it_becomes_a_task_is_cancelled(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, "b1") as peer, client_of(server, token) as client:
        call = asyncio.create_task(client.call("blender_execute_code", code="1"))
        job_id = str((await peer.next_job())["job_id"])
        await asyncio.sleep(0.6)
        call.cancel()
        async with asyncio.timeout(9.5):
            while job_id not in peer.cancelled:
                await asyncio.sleep(0.01)


async def test_a_quick_call_is_answered_and_a_client_without_the_extension_never_gets_a_task(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, "b1", handler=lambda job: "at once"):
        async with client_of(server, token) as client:
            answer = await client.call("blender_execute_code", code="1")
            assert (answer.result["resultType"], answer.document["result"]) == ("complete", "at once")
        async with ModernClient(f"{server.url}/", token) as plain:
            submitted = await submit(plain)
            assert submitted["resultType"] == "complete"
            assert submitted["structuredContent"]["status"] == "queued"


async def test_a_failure_in_blender_is_a_completed_task_and_a_cancelled_job_a_cancelled_one(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, "b1") as peer, client_of(server, token) as client:
        failing = (await submit(client))["taskId"]
        await peer.next_job()
        await peer.update(failing, "failed", error="Traceback")
        failed = await get(client, failing)
        assert failed["status"] == "completed"
        envelope = failed["result"]["structuredContent"]
        assert (envelope["status"], envelope["error"]) == ("failed", "Traceback")
        running = (await submit(client))["taskId"]
        await peer.next_job()
        acknowledged = (await client.request("tasks/cancel", {"taskId": running})).result
        assert set(acknowledged) <= {"resultType", "_meta"} and acknowledged["resultType"] == "complete"
        async with asyncio.timeout(5):
            while running not in peer.cancelled:
                await asyncio.sleep(0.01)
        assert (await get(client, running))["status"] == "working"
        await peer.update(running, "cancelled")
        cancelled = await get(client, running)
        assert cancelled["status"] == "cancelled" and "result" not in cancelled
    assert await out_of_shape(("task", failed), ("task", cancelled)) == ""


async def test_a_task_of_a_blender_that_is_away_says_so_and_can_be_cancelled(server: Workerd) -> None:
    token = await login(server.url)
    async with client_of(server, token) as client:
        async with Peer(server.ws_url, token, "b1"):
            pass
        created = await submit(client, target_uuid="b1")
        assert "b1 is not connected" in created["statusMessage"]
        await client.request("tasks/cancel", {"taskId": created["taskId"]})
        assert (await get(client, created["taskId"]))["status"] == "cancelled"


async def test_a_group_is_one_task_until_its_last_job_has_ended(server: Workerd) -> None:
    token = await login(server.url)
    async with (
        Peer(server.ws_url, token, "b1", group_id="g") as one,
        Peer(server.ws_url, token, "b2", group_id="g") as two,
        client_of(server, token) as client,
    ):
        task_id = (await submit(client, target_group="g"))["taskId"]
        async with listening(client, task_id) as heard:
            assert (await heard.get())["method"] == "notifications/subscriptions/acknowledged"
            assert (await heard.get())["params"]["status"] == "working"
            await one.update(str((await one.next_job())["job_id"]), "completed", "1")
            assert (await get(client, task_id))["status"] == "working"
            await two.update(str((await two.next_job())["job_id"]), "completed", "2")
            done = await get(client, task_id)
            async with asyncio.timeout(5):
                while (last := (await heard.get())["params"])["status"] == "working":
                    pass
        assert done["status"] == last["status"] == "completed"
        assert [job["result"] for job in done["result"]["structuredContent"]["jobs"]] == ["1", "2"]


async def test_a_stream_hears_of_its_tasks_from_now_to_the_result(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, "b1") as peer, client_of(server, token) as client:
        mine, other = [(await submit(client))["taskId"] for _ in range(2)]
        for _ in range(2):
            await peer.next_job()
        async with listening(client, mine, "j-none") as heard:
            agreed = await heard.get()
            assert agreed["params"]["notifications"] == {"taskIds": [mine, "j-none"]}
            now = await heard.get()
            assert (now["method"], now["params"]["taskId"]) == ("notifications/tasks", mine)
            server.evict()
            await peer.update(other, "completed", "not mine")
            await peer.progress(mine, 50, "half")
            half = await heard.get()
            assert (half["params"]["status"], half["params"]["statusMessage"]) == ("working", "50 %: half")
            await peer.update(mine, "completed", "done")
            done = await heard.get()
            assert done["params"]["result"]["structuredContent"]["result"] == "done"
            assert done["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": "l"}
            assert heard.empty()
        async with listening(client, mine) as heard:
            await heard.get()
            assert (await heard.get())["params"]["status"] == "completed"
    assert await out_of_shape(*(("notification", message) for message in (now, half, done))) == ""


async def test_an_update_is_acknowledged_and_asks_for_nothing(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, "b1") as peer, client_of(server, token) as client:
        task_id = (await submit(client))["taskId"]
        await peer.next_job()
        responses = {"never asked": {"action": "accept", "content": {}}}
        updated = await client.request("tasks/update", {"taskId": task_id, "inputResponses": responses})
        assert set(updated.result) <= {"resultType", "_meta"}
        assert (await get(client, task_id))["status"] == "working"
        assert (await client.request("tasks/update", {"taskId": task_id})).error["code"] == -32602


async def test_what_is_wrong_with_a_request_for_a_task_has_its_code(server: Workerd) -> None:
    token = await login(server.url)

    def code(answer: Answer) -> tuple[int, int]:
        return answer.status, answer.error["code"]

    async with client_of(server, token) as client, ModernClient(f"{server.url}/", token) as plain:
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            params = {"taskId": "j-000000000000", "inputResponses": {}}
            assert code(await client.request(method, params)) == (200, -32602)
            assert code(await client.request(method, {"taskId": 7, "inputResponses": {}})) == (200, -32602)
            refused = await plain.request(method, params)
            assert code(refused) == (400, -32021)
            assert refused.error["data"] == {"requiredCapabilities": CAPABILITIES}
            assert code(await client.request(method, params, headers={"Mcp-Name": "j-1"})) == (400, -32020)
            assert code(await client.request(method, params, headers={"Mcp-Name": None})) == (400, -32020)
        listen = {"notifications": {"taskIds": ["j-1"]}}
        assert code(await plain.request("subscriptions/listen", listen)) == (400, -32021)
        for nonsense in (7, ["j"] * 65):
            wrong = await client.request("subscriptions/listen", {"notifications": {"taskIds": nonsense}})
            assert code(wrong) == (200, -32602)


async def test_another_user_has_no_such_task(server: Workerd) -> None:
    token, ada = await login(server.url), await login(server.url, "ada")
    async with (
        Peer(server.ws_url, token, "b1"),
        client_of(server, token) as client,
        client_of(server, ada) as stranger,
    ):
        task_id = (await submit(client))["taskId"]
        for method in ("tasks/get", "tasks/cancel"):
            assert (await stranger.request(method, {"taskId": task_id})).error["code"] == -32602
        assert (await get(client, task_id))["status"] == "working"
