"""What each client does with this server: the table of docs/reference/clients.md is what these tests have seen.

`BLESS=1 npm test -- clients-all` writes tests/clients_all/matrix.json and the page anew; without it they must agree.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from clients.test_clients import TOOLS, run, setting
from harness import browser
from harness.mcp import login
from harness.peer import Peer
from harness.workerd import Workerd
from oauth.outside import Answer, Outside

from .commandline import COMMAND_LINES, DOCUMENTS, Desk
from .models import Model
from .table import MATRIX, PAGE, STEPS, known, with_table

HERE = Path(__file__).parent
LIBRARIES = {
    "2": ("openai-agents", "pydantic-ai", "llama-index", "anthropic", "agno", "strands"),
    "1": ("langchain-mcp-adapters", "mcp-use", "autogen", "smolagents", "google-adk", "mcp-remote", "mcp-remote, OAuth",
          "mcp-remote, oldest", "supergateway", "mcp-proxy"),
}  # fmt: skip
CLIENTS = [*LIBRARIES["2"], *LIBRARIES["1"], "ai-sdk", *COMMAND_LINES]
AT_A_TIME = 3
SLOW_SECONDS = 15
BIG = "x" * 300_000 + "END"


async def answer(peer: Peer, job: dict[str, Any]) -> None:
    """A Blender that is quick, slow with reports, talkative, or does not end by itself."""
    job_id, code = job["job_id"], job["params"].get("code")
    if code == "slow":
        for second in range(0, SLOW_SECONDS, 3):
            await peer.progress(job_id, 100 * second / SLOW_SECONDS, f"at {second}")
            await asyncio.sleep(3)
    if code == "endless":
        for _ in range(400):
            if job_id in peer.cancelled:
                await peer.update(job_id, "cancelled")
                return
            await asyncio.sleep(0.05)
    await peer.update(job_id, "completed", BIG if code == "big" else f"did {code}")


@asynccontextmanager
async def blender(server: Workerd, token: str) -> AsyncIterator[Peer]:
    """The peer, which works on all that comes at a time."""

    async def work() -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(answer(peer, await peer.next_job(seconds=600)))

    async with Peer(server.ws_url, token, "b1") as peer:
        working = asyncio.create_task(work())
        yield peer
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def report_of(client: str, server: Workerd, token: str, folder: Path) -> dict[str, Any]:
    url = f"{server.url}/mcp"
    env = {
        "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost,127.0.0.1", "HOME": str(folder),
        "BROWSER": f"{sys.executable} {browser.__file__} %s", "BUS_BROWSER_LOG": str(folder / "browser.log"),
    }  # fmt: skip
    if client in COMMAND_LINES:
        with Model() as model:
            desk = Desk(url, token, folder, Path(setting("BUS_COMMAND_LINES")), model)
            return await COMMAND_LINES[client](desk)
    if client == "ai-sdk":
        command = ("node", "--input-type=module", "-", url, token)
        script = (HERE / "tour_ai.mjs").read_text()
        output = await run(*command, stdin=script, cwd=setting("BUS_COMMAND_LINES"), env=env, seconds=240)
    else:
        [group] = [group for group, names in LIBRARIES.items() if client in names]
        command = (setting(f"BUS_FRAMEWORKS{group}_PYTHON"), str(HERE / f"tours{group}.py"), client, url, token)
        output = await run(*command, env=env, seconds=240)
    return dict(json.loads(output.strip().splitlines()[-1]))


def cell(step: str, found: Any, peer: Peer) -> str:
    """What the table says of a step; what is neither done nor missing in the client is told as it is."""
    if step == "list":
        return "yes" if found == TOOLS else f"{found} of {TOOLS}"
    if step == "cancel":
        return "-" if found is None else "yes" if peer.cancelled else "not told"
    expected = {"call": "did quick", "slow call": "did slow", "big result": "END", "resource": "b1", "prompt": "E-77"}
    if found is None:
        return "-"
    if expected[step] in found:
        return "yes"
    return "shortened" if step == "big result" and not found.startswith("error") else f"no: {found[-300:]}"


def document(url: str) -> Answer:
    """What stands at a client's id, as far as a server needs it."""
    redirects = [f"http://{host}/callback" for host in ("localhost", "127.0.0.1")]
    about = {"client_id": url, "client_name": "A program", "redirect_uris": redirects}
    return Answer({**about, "token_endpoint_auth_method": "none"})


async def row_of(client: str, folder: Path) -> dict[str, str]:
    with Outside() as outside, Workerd(folder / "workerd", outbound=outside.address) as server:
        outside.answers |= {url: document(url) for url in DOCUMENTS}
        token = await login(server.url)
        async with blender(server, token) as peer:
            home = folder / "home"
            home.mkdir()
            report = await report_of(client, server, token, home)
            for _ in range(100):
                if peer.cancelled:
                    break
                await asyncio.sleep(0.05)
            sign_in = "OAuth" if "OAuth" in client else "header"
            return {"sign-in": sign_in, **{step: cell(step, report.get(step), peer) for step in STEPS[1:]}}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str] | BaseException]:
    """All clients, some at a time: they mostly wait. What went wrong with one is raised by its own test."""
    places = asyncio.Semaphore(AT_A_TIME)
    chosen = [name for name in CLIENTS if name in os.environ.get("BUS_ONLY", name)]

    async def go(number: int, client: str) -> dict[str, str]:
        async with places:
            return await row_of(client, tmp_path_factory.mktemp(f"client{number}"))

    async def go_all() -> list[dict[str, str] | BaseException]:
        return await asyncio.gather(*(go(n, client) for n, client in enumerate(chosen)), return_exceptions=True)

    found = dict(zip(chosen, asyncio.run(go_all()), strict=True))
    if os.environ.get("BLESS"):
        seen = {name: row for name, row in found.items() if not isinstance(row, BaseException)}
        merged = {name: {**known(), **seen}[name] for name in CLIENTS if name in {**known(), **seen}}
        MATRIX.write_text(json.dumps(merged, indent=1) + "\n")
        PAGE.write_text(with_table(PAGE.read_text(), merged))
    return found


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_does_what_the_table_says(client: str, rows: dict[str, dict[str, str] | BaseException]) -> None:
    if client not in rows:
        pytest.skip("not chosen")
    row = rows[client]
    if isinstance(row, BaseException):
        raise row
    assert row == known().get(client)
    assert not [said for said in row.values() if said.startswith("no: ") or " of " in said], row
