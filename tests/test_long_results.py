"""The longest results reach every client by every way: quick, slow, as a task, by job id, as a resource."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastmcp import Client
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

MIB = 1024 * 1024
FILLINGS = ["x", '"', "\u0001", "\u6905"]  # in JSON of one, two, six and three bytes a character


def longest(filling: str) -> str:
    return filling * (MIB // len(filling.encode()))


def handler(filling: str) -> Any:
    async def work(job: dict[str, Any]) -> str:
        if "slow" in job["params"]["code"]:
            await asyncio.sleep(0.5)
        return longest(filling)

    return work


def peer(server: Workerd, token: str, filling: str) -> Peer:
    return Peer(server.ws_url, token, "b1", handler=handler(filling))


HEAD = 64 * 1024


async def in_full(document: dict[str, Any]) -> str:
    """The result of an answer: its head stands there, and the whole is a file."""
    file = document["result_file"]
    async with httpx.AsyncClient() as http:
        whole = (await http.get(file["url"])).text
    assert whole.startswith(document["result"])
    assert HEAD - 4 < len(document["result"].encode()) <= HEAD
    assert file["bytes"] == len(whole.encode()) and file["file_id"] in document["hint"]
    return whole


async def whole(client: Client[Any], job_id: str) -> str:
    """The result by job id, as a tool and as a resource; both agree."""
    by_tool = await client.call_tool("blender_job_result", {"job_id": job_id})
    contents = await client.read_resource(f"blender://jobs/{job_id}")
    assert by_tool.structured_content is not None
    read = json.loads(contents[0].text)
    assert read["result"] == by_tool.structured_content["result"]
    assert read["result_file"]["file_id"] == by_tool.structured_content["result_file"]["file_id"]
    return await in_full(by_tool.structured_content)


@pytest.mark.parametrize(("path", "filling"), zip(["/mcp", "/", "/mcp", "/"], FILLINGS, strict=True))
async def test_fastmcp_gets_the_longest_result_quick_and_slow(server: Workerd, path: str, filling: str) -> None:
    token = await login(server.url)
    async with peer(server, token, filling), Client(f"{server.url}{path}", auth=token) as client:
        quick = await client.call_tool("blender_execute_code", {"code": "quick"})
        assert quick.structured_content is not None
        assert await whole(client, quick.structured_content["job_id"]) == longest(filling)
        slow = await client.call_tool("blender_execute_code", {"code": "slow"})
        document = slow.structured_content
        assert document is not None and document["status"] == "completed"
        assert json.loads(slow.content[0].text) == document
        # An event ends at 1 MiB in this client and holds the document twice: the head fits.
        assert "cut" not in document
        assert await in_full(document) == longest(filling)
        assert await whole(client, document["job_id"]) == longest(filling)


async def test_a_task_and_a_wait_for_the_result_deliver_it_whole(server: Workerd) -> None:
    token = await login(server.url)
    async with peer(server, token, '"'), ModernClient(f"{server.url}/", token) as client:
        submitted = await client.call("blender_submit", command="execute_code", params={"code": "slow"})
        job_id = submitted.document["job_id"]
        await client.until_ended(job_id)
        whole = await client.call("blender_job_result", job_id=job_id)
        assert not whole.streamed and await in_full(whole.document) == longest('"')


async def test_a_result_of_half_an_event_comes_whole_by_a_stream_too(server: Workerd) -> None:
    token = await login(server.url)

    async def half(_: dict[str, Any]) -> str:
        await asyncio.sleep(0.5)
        return "x" * 500_000

    async with Peer(server.ws_url, token, "b1", handler=half), ModernClient(f"{server.url}/", token) as client:
        answer = await client.call("blender_execute_code", code="slow")
        assert answer.streamed
        assert answer.document["result"] == "x" * 500_000 and "cut" not in answer.document
