"""Published MCP clients, unmodified: each lists, calls, reads, gets a prompt, waits for a slow call and gives one up.

A proxy between them and the Worker keeps every message, so that each is checked against the shapes of its revision.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.mcp import login
from harness.peer import Peer
from harness.proxy import Exchange, RecordingProxy
from harness.workerd import Workerd

from .wire import complaints, revision_of

HERE = Path(__file__).parent
SECONDS = 90
LEGACY, MODERN = "2025-11-25", "2026-07-28"
AT_A_TIME = 5
Tour = tuple[str, str, str, str]  # kind, mode, path, the revision that must come of it
TOURS: list[Tour] = [
    ("fastmcp4", "auto", "/", MODERN),
    ("fastmcp4", "auto", "/mcp", LEGACY),
    ("fastmcp4", "legacy", "/", LEGACY),
    ("fastmcp4", MODERN, "/mcp", MODERN),
    ("fastmcp3", "-", "/mcp", LEGACY),
    ("fastmcp2", "-", "/mcp", LEGACY),
    ("typescript", "sdk1", "/mcp", LEGACY),
    ("typescript", "legacy", "/mcp", LEGACY),
    ("typescript", "auto", "/", MODERN),
    ("typescript", "auto", "/mcp", LEGACY),
    ("rmcp", "auto", "/", MODERN),
    ("rmcp", "auto", "/mcp", LEGACY),
    ("rmcp", "legacy", "/", LEGACY),
    ("inspector", "legacy", "/mcp", LEGACY),
    ("inspector", "auto", "/", MODERN),
    ("inspector", "modern", "/", MODERN),
]

CATALOG = Path(__file__).resolve().parents[2] / "docs" / "reference" / "catalog.md"
# The generated reference has a heading for each; prompts have one too, after the tools.
TOOLS = CATALOG.read_text(encoding="utf-8").partition("\n## Resources")[0].count("\n### blender_")


def setting(name: str) -> str:
    """A path that `npm test` sets."""
    if not (value := os.environ.get(name)):
        pytest.fail(f"{name} is not set; `npm test` sets it")
    return value


async def run(
    *command: str,
    stdin: str = "",
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> str:
    """Runs a client to its end and returns what it printed. `env`: beside the variables of this process."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(stdin.encode()), seconds)
    except TimeoutError:
        process.kill()
        output, errors = await process.communicate()
        pytest.fail(f"not done after {seconds} s:\n{output.decode()}\n{errors.decode()}")
    assert process.returncode == 0, f"{output.decode()}\n{errors.decode()}"
    return output.decode()


def python_of(kind: str) -> str:
    """The interpreter that has this FastMCP."""
    return sys.executable if kind == "fastmcp4" else setting(f"BUS_{kind.upper()}_PYTHON")


async def answer_jobs(peer: Peer) -> None:
    """A Blender that is quick, or slow with reports, or does not end until it is told to."""
    while True:
        job = await peer.next_job(seconds=SECONDS)
        job_id, code = job["job_id"], job["params"].get("code")
        if code == "slow":
            for percent in (25, 75):
                await asyncio.sleep(0.4)
                await peer.progress(job_id, percent, f"at {percent}")
            await asyncio.sleep(0.4)
        if code == "endless":
            await peer.progress(job_id, 0, "started")  # a client gives it up when it hears this
            async with asyncio.timeout(20):
                while job_id not in peer.cancelled:
                    await asyncio.sleep(0.02)
            await peer.update(job_id, "cancelled")
        else:
            await peer.update(job_id, "completed", f"did {code}")


@asynccontextmanager
async def blender(server: Workerd, token: str) -> AsyncIterator[Peer]:
    async with Peer(server.ws_url, token, "b1") as peer:
        working = asyncio.create_task(answer_jobs(peer))
        yield peer
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def take_tour(kind: str, url: str, token: str, mode: str) -> dict[str, Any]:
    if kind == "typescript":
        script = (HERE / "tour.mjs").read_text()
        command = ("node", "--input-type=module", "-", url, token, mode)
        output = await run(*command, stdin=script, cwd=setting("BUS_NODE_CLIENTS"))
    elif kind == "rmcp":
        output = await run(setting("BUS_RMCP_CLIENT"), url, token, mode)
    else:
        output = await run(python_of(kind), str(HERE / "tour.py"), url, token, mode)
    report = json.loads(output.strip().splitlines()[-1])
    assert isinstance(report, dict)
    return report


def did(envelope: dict[str, Any], what: str) -> bool:
    return (envelope["status"], envelope["result"], envelope["target_uuid"]) == ("completed", f"did {what}", "b1")


async def inspect(url: str, token: str, era: str) -> dict[str, Any]:
    """The same with the Inspector's command line, which makes one request a run and can give nothing up."""
    code = ("--tool-name", "blender_execute_code", "--tool-arg")
    asked = {
        "tools": ("tools/list",),
        "call": ("tools/call", *code, "code=quick"),
        "slow": ("tools/call", *code, "code=slow"),
        "resource": ("resources/read", "--uri", "blender://bus/clients"),
        "prompt": ("prompts/get", "--prompt-name", "blender_debug_assistant", "--prompt-args", "error_text=E-77"),
    }
    target = ("--server-url", url, "--transport", "http", "--header", f"Authorization: Bearer {token}")
    inspector = ("node", "node_modules/.bin/mcp-inspector", "--cli", *target, "--protocol-era", era, "--format", "json")
    folder = setting("BUS_NODE_CLIENTS")
    found = {}
    for what, method in asked.items():
        said = json.loads(await run(*inspector, "-q", "--method", *method, cwd=folder))
        found[what] = said.get("result", said)
    return {
        "tools": len(found["tools"]["tools"]),
        "call": found["call"]["structuredContent"],
        "slow": found["slow"]["structuredContent"],
        "resource": found["resource"]["contents"][0]["text"],
        "prompt": found["prompt"]["messages"][0]["content"]["text"],
    }


@dataclass
class Trip:
    """What a client reported, what passed between it and the server, and the jobs it gave up."""

    report: dict[str, Any]
    exchanges: list[Exchange]
    given_up: list[str]


async def travel(folder: Path, kind: str, mode: str, path: str) -> Trip:
    with Workerd(folder) as server, RecordingProxy(server.url) as proxy:
        token = await login(server.url)
        async with blender(server, token) as peer:
            if kind == "inspector":
                return Trip(await inspect(proxy.url + path, token, mode), proxy.exchanges, [])
            report = await take_tour(kind, proxy.url + path, token, mode)
            async with asyncio.timeout(20):
                while not peer.cancelled:
                    await asyncio.sleep(0.02)
            return Trip(report, proxy.exchanges, peer.cancelled)


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> dict[Tour, Trip | BaseException]:
    """All tours, some at a time: they mostly wait. What went wrong with one is raised by its own test."""
    places = asyncio.Semaphore(AT_A_TIME)

    async def go(number: int, tour: Tour) -> Trip:
        async with places:
            return await travel(tmp_path_factory.mktemp(f"tour{number}"), *tour[:3])

    async def go_all() -> list[Trip | BaseException]:
        return await asyncio.gather(*(go(n, tour) for n, tour in enumerate(TOURS)), return_exceptions=True)

    return dict(zip(TOURS, asyncio.run(go_all()), strict=True))


@pytest.mark.timeout(400)
@pytest.mark.parametrize("tour", TOURS, ids=" ".join)
def test_a_published_client_does_everything(trips: dict[Tour, Trip | BaseException], tour: Tour) -> None:
    trip = trips[tour]
    if isinstance(trip, BaseException):
        raise trip
    report = trip.report
    assert report["tools"] == TOOLS
    assert did(report["call"], "quick") and did(report["slow"], "slow")
    clients = json.loads(report["resource"])
    assert [client["uuid"] for client in clients["persistent"]] == ["b1"]
    assert "E-77" in report["prompt"]
    if tour[0] != "inspector":
        assert (report["resources"] >= 4, report["prompts"], report["templates"]) == (True, 9, 5)
        assert report["revision"] == tour[3]
        assert report["progress"] == [[25, 100, "at 25"], [75, 100, "at 75"]]
        assert len(trip.given_up) == 1
    if tour[0] == "rmcp" and tour[3] == MODERN:
        assert did(report["task"], "quick")
    assert {revision_of(exchange) for exchange in trip.exchanges if exchange.status == 200} == {tour[3]}
    assert complaints(trip.exchanges) == []
    assert [exchange for exchange in trip.exchanges if exchange.status >= 500] == []


def test_a_message_out_of_shape_is_complained_of() -> None:
    """The check itself can fail."""

    def exchange(answer: dict[str, Any], revision: str) -> Exchange:
        asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
        body = bytearray(json.dumps({"jsonrpc": "2.0", **answer}).encode())
        kind = {"content-type": "application/json"}
        return Exchange("POST", "/", {"mcp-protocol-version": revision}, asked, 200, kind, body)

    assert complaints([exchange({"id": 1, "result": {"tools": []}}, LEGACY)]) == []
    caching = {"ttlMs": 0, "cacheScope": "public", "resultType": "complete"}
    assert complaints([exchange({"id": 1, "result": {"tools": [], **caching}}, MODERN)]) == []
    for answer, revision in (
        ({"id": 1, "result": {"tools": []}}, MODERN),
        ({"id": 1, "result": {"tools": [{"name": "x"}]}}, LEGACY),
        ({"id": 2, "result": {"tools": []}}, LEGACY),
        ({"id": 1, "error": {"code": "x", "message": "y"}}, LEGACY),
        ({"id": None, "error": {"code": -1, "message": "y"}}, LEGACY),
        ({"method": "notifications/nonsense"}, LEGACY),
        ({"id": 1, "result": {"resultType": "task", "taskId": "j-1", "status": "working"}}, MODERN),
        ({"method": "notifications/tasks", "params": {"taskId": "j-1", "status": "completed"}}, MODERN),
    ):
        assert len(complaints([exchange(answer, revision)])) == 1, answer
