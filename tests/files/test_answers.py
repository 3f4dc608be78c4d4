"""Files in what tools and resources answer: links with URLs that are good now, and long results that become files."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

from .conftest import served
from .shelf import Shelf, noise, sha256

LONG = "".join(f"line {number}\n" for number in range(70_000))


@pytest.fixture
def server(store: str, tmp_path: Path) -> Iterator[Workerd]:
    with served(tmp_path / "workerd", store) as running:
        yield running


@pytest.fixture
async def token(server: Workerd) -> str:
    return await login(server.url)


@pytest.fixture
async def client(server: Workerd, token: str) -> AsyncIterator[ModernClient]:
    async with ModernClient(f"{server.url}/mcp", token) as client:
        yield client


async def fetch(url: str) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.get(url)


async def put(url: str, content: bytes) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.put(url, content=content)


def links(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for block in result["content"] if block["type"] == "resource_link"]


async def test_the_tools_make_list_show_and_delete(server: Workerd, client: ModernClient) -> None:
    made = (await client.call("blender_create_upload", name="reference.png", bytes=5)).document
    assert made["status"] == "ok" and made["file_id"].startswith("f-")
    sent = await put(made["upload_url"], content=b"bytes")
    assert sent.status_code == 201
    answer = await client.call("blender_get_file", file_id=made["file_id"])
    file = answer.document
    assert (file["name"], file["bytes"], file["sha256"]) == ("reference.png", 5, sha256(b"bytes"))
    assert (await fetch(file["url"])).content == b"bytes"
    assert [link["uri"] for link in links(answer.result)] == [file["url"]]
    listed = (await client.call("blender_list_files")).document
    assert [entry["file_id"] for entry in listed["files"]] == [made["file_id"]]
    assert (await client.call("blender_delete_file", file_id=made["file_id"])).document["status"] == "ok"
    assert (await client.call("blender_delete_file", file_id=made["file_id"])).document["status"] == "not_found"
    refused = await client.call("blender_get_file", file_id=made["file_id"])
    assert refused.result["isError"] and "no file" in refused.result["content"][0]["text"]
    bad = await client.call("blender_create_upload", name="a/b")
    assert bad.result["isError"] and "1 to 255 bytes" in bad.result["content"][0]["text"]


async def test_a_long_result_becomes_a_file_once_and_its_head_stays(
    server: Workerd, token: str, client: ModernClient
) -> None:
    async with Peer(server.ws_url, token, handler=lambda job: LONG):
        answer = await client.call("blender_execute_code", code="print")
        document = answer.document
        assert document["status"] == "completed"
        assert LONG.startswith(document["result"]) and 60_000 < len(document["result"]) <= 65_536
        file = document["result_file"]
        assert (file["bytes"], file["sha256"]) == (len(LONG), sha256(LONG.encode()))
        assert file["file_id"] in document["hint"] and str(len(LONG)) in document["hint"]
        assert (await fetch(file["url"])).text == LONG
        assert [link["uri"] for link in links(answer.result)] == [file["url"]]
        job_id = document["job_id"]
        again = (await client.call("blender_job_result", job_id=job_id)).document
        assert again["result_file"]["file_id"] == file["file_id"]
        read = await client.request("resources/read", {"uri": f"blender://jobs/{job_id}"})
        assert json.loads(read.result["contents"][0]["text"])["result_file"]["file_id"] == file["file_id"]
        assert len((await client.call("blender_list_files")).document["files"]) == 1
        await client.call("blender_delete_file", file_id=file["file_id"])
        anew = await asyncio.gather(*(client.call("blender_job_result", job_id=job_id) for _ in range(6)))
        made = {answer.document["result_file"]["file_id"] for answer in anew}
        assert len(made) == 1, "also where several ask at the same time"
        assert len((await client.call("blender_list_files")).document["files"]) == 1
        url = anew[0].document["result_file"]["url"]
        assert (await fetch(url)).text == LONG, "the result is still with its job"


async def test_a_short_result_is_as_it_was(server: Workerd, token: str, client: ModernClient) -> None:
    async with Peer(server.ws_url, token, handler=lambda job: "x" * 500_000):
        document = (await client.call("blender_execute_code", code="print")).document
        assert len(document["result"]) == 500_000 and "result_file" not in document


async def test_a_long_result_without_room_for_a_file_is_answered_whole(tmp_path: Path, store: str) -> None:
    with served(tmp_path / "full", store, LIMIT_FILES="1") as server:
        token = await login(server.url)
        with Shelf(server.url, token=token) as shelf:
            shelf.store(b"x")

        async def work(job: dict[str, Any]) -> str:
            await asyncio.sleep(0.5 if job["params"]["code"] == "slow" else 0)
            return LONG

        async with ModernClient(f"{server.url}/mcp", token) as client, Peer(server.ws_url, token, handler=work):
            for code in ("quick", "slow"):
                answer = await client.call("blender_execute_code", code=code)
                document = answer.document
                # On a busy machine the quick one takes long enough for a stream, too, whose events are bounded.
                assert answer.streamed or code == "quick"
                if answer.streamed:
                    assert document["cut"] and LONG.startswith(document["result"][:100_000])
                    assert (
                        f"blender_job_result(job_id={json.dumps(document['job_id'])}) has all of it" in document["hint"]
                    )
                    document = (await client.call("blender_job_result", job_id=document["job_id"])).document
                assert document["result"] == LONG and "1 files" in document["hint"]


async def test_files_that_a_blender_names_get_urls_and_nothing_of_them_is_taken_on_trust(
    server: Workerd, token: str, client: ModernClient
) -> None:
    with Shelf(server.url, token=token) as shelf:
        async with Peer(server.ws_url, token, "studio-1") as peer:
            submitted = (await client.call("blender_submit", command="execute_code", params={"code": "1"})).document
            job = await peer.next_job()
            made = shelf.create("render.png", job_id=job["job_id"])
            file = shelf.put(made["file_id"], b"picture").json()
            assert (file["blender"], file["job_id"]) == ("studio-1", job["job_id"])
            said = {**file, "url": "https://evil.example/x", "name": "evil.exe"}
            await peer.call(
                "blender_job_update",
                job_id=job["job_id"],
                status="completed",
                result="head",
                extra={
                    "result_file": said,
                    "files": [said, {"file_id": "f-0000000000000000000000", "url": "https://evil.example"}],
                },
            )
            answer = await client.call("blender_job_result", job_id=submitted["job_id"])
            document = answer.document
            assert document["result"] == "head" and document["result_file"]["name"] == "render.png"
            assert file["file_id"] in document["hint"] and "7 bytes" in document["hint"]
            assert (await fetch(document["result_file"]["url"])).content == b"picture"
            assert document["files"][1] == {"file_id": "f-0000000000000000000000", "url": None}
            assert "evil" not in json.dumps(answer.result)
            assert len(links(answer.result)) == 2


async def test_old_revisions_get_no_content_that_they_do_not_know(server: Workerd, token: str) -> None:
    with Shelf(server.url, token=token) as shelf:
        file_id = shelf.store(b"x")["file_id"]
    for version, expected in (("2025-11-25", 1), ("2025-06-18", 1), ("2025-03-26", 0)):
        async with LegacySession(f"{server.url}/mcp", token, version=version) as session:
            answer = await session.call("blender_get_file", file_id=file_id)
            assert len(links(answer.result)) == expected, version


async def test_files_are_resources_with_their_bytes(server: Workerd, token: str, client: ModernClient) -> None:
    with Shelf(server.url, token=token) as shelf:
        picture = shelf.store(noise(1000), "a.png")["file_id"]
        text = shelf.store("größe".encode(), "a.txt")["file_id"]
        large = shelf.store(noise(1024 * 1024 + 1), "a.blend")["file_id"]
    listed = (await client.request("resources/list", {})).result["resources"]
    assert [entry["uri"] for entry in listed[-3:]] == [f"blender://files/{file}" for file in (large, text, picture)]

    async def read(file_id: str) -> dict[str, Any]:
        answer = await client.request("resources/read", {"uri": f"blender://files/{file_id}"})
        content = answer.result["contents"][0]
        assert isinstance(content, dict)
        return content

    assert base64.b64decode((await read(picture))["blob"]) == noise(1000)
    assert (await read(text))["text"] == "größe" and (await read(text))["mimeType"] == "text/plain"
    assert (await fetch(json.loads((await read(large))["text"])["url"])).content == noise(1024 * 1024 + 1)
    missing = await client.request("resources/read", {"uri": "blender://files/f-0000000000000000000000"})
    assert missing.error["code"] == -32602
    whole = json.loads(
        (await client.request("resources/read", {"uri": "blender://files"})).result["contents"][0]["text"]
    )
    assert len(whole["files"]) == 3


async def test_who_subscribes_to_a_file_is_told(server: Workerd, token: str) -> None:
    with Shelf(server.url, token=token) as shelf:
        file_id = shelf.store(b"x")["file_id"]
        wanted = {f"blender://files/{file_id}", "blender://files"}
        async with LegacySession(f"{server.url}/mcp", token) as session:
            for uri in wanted:
                assert (await session.request("resources/subscribe", {"uri": uri})).result == {}
            told: set[str] = set()

            async def listen() -> None:
                async for event in session.stream():
                    if event.data and event.message.get("method") == "notifications/resources/updated":
                        told.add(event.message["params"]["uri"])
                    if told == wanted:
                        return

            listening = asyncio.create_task(listen())
            await asyncio.sleep(1)
            await asyncio.to_thread(shelf.http.delete, f"/files/{file_id}")
            await asyncio.wait_for(listening, 20)
