"""Published MCP clients, unmodified, sign in through the pages and refresh without a second visit to them.

FastMCP renews its token when that has ended by `expires_in`; the TypeScript clients wait for a 401, which comes after a
minute of leeway. So all of them run at a time, and their tests look at what came of it.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from harness import browser
from harness.workerd import DEV_ACCOUNTS, Workerd

from .test_clients import HERE, TOOLS, python_of, run, setting

LEEWAY_SECONDS = 60
KINDS = ["fastmcp4", "fastmcp3", "fastmcp2", "rmcp", "sdk1", "client", "inspector"]


async def sign_in_by_tour(kind: str, url: str, env: dict[str, str]) -> dict[str, Any]:
    tour = [setting("BUS_RMCP_CLIENT")] if kind == "rmcp" else [python_of(kind), str(HERE / "tour.py")]
    output = await run(*tour, url, "oauth", "-", env=env)
    return dict(json.loads(output.strip().splitlines()[-1]))


async def sign_in_node(sdk: str, url: str, env: dict[str, str]) -> dict[str, Any]:
    script = (HERE / "sign_in.mjs").read_text()
    command = ("node", "--input-type=module", "-", url, sdk, str(LEEWAY_SECONDS + 2))
    output = await run(*command, stdin=script, cwd=setting("BUS_NODE_CLIENTS"), env=env)
    return dict(json.loads(output.strip().splitlines()[-1]))


async def sign_in_inspector(folder: Path, url: str, env: dict[str, str]) -> dict[str, Any]:
    """Two runs of the Inspector's command line: the second one finds what the first has kept."""
    kept = {"MCP_STORAGE_DIR": str(folder / "store"), "MCP_INSPECTOR_SECRET_STORE": "file"}
    env = {**env, **kept, "MCP_AUTO_OPEN_ENABLED": "true"}
    command = ("node", "node_modules/.bin/mcp-inspector", "--cli", "--server-url", url, "--transport", "http")
    options = ("--format", "json", "-q", "--method", "tools/list", "--callback-url", "http://127.0.0.1:0/callback")
    listed = []
    for waiting in (0, LEEWAY_SECONDS + 2):
        await asyncio.sleep(waiting)
        said = json.loads(await run(*command, *options, cwd=setting("BUS_NODE_CLIENTS"), env=env))
        listed.append(len(said.get("result", said)["tools"]))
    return {"tools": listed[-1], "access_tokens": answers_of_the_token_endpoint(folder / "workerd")}


def answers_of_the_token_endpoint(workerd: Path) -> int:
    """How many there were, as the account knows it: each brought a refresh token."""
    [file] = [file for file in (workerd / "state" / "Account").glob("*.sqlite") if file.stem != "metadata"]
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        return int(database.execute("SELECT COUNT(*) FROM refresh_tokens").fetchone()[0])


async def sign_in(kind: str, folder: Path) -> tuple[dict[str, Any], int]:
    """What the client reports, and how often it has opened the browser."""
    log = folder / "browser.log"
    env = {"BROWSER": f"{sys.executable} {browser.__file__} %s", "BUS_BROWSER_LOG": str(log), "HOME": str(folder)}
    variables = {"DEV_ACCOUNTS": DEV_ACCOUNTS, "ACCESS_TOKEN_TTL": "1"}
    with Workerd(folder / "workerd", variables=variables) as server:
        url = f"{server.url}/mcp"
        if kind == "inspector":
            report = await sign_in_inspector(folder, url, env)
        elif kind in ("sdk1", "client"):
            report = await sign_in_node(kind, url, env)
        else:
            report = await sign_in_by_tour(kind, url, env)
    return report, log.read_text().count("signed in")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, Any], int] | BaseException]:
    async def all_at_a_time() -> list[tuple[dict[str, Any], int] | BaseException]:
        going = (sign_in(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS)
        return await asyncio.gather(*going, return_exceptions=True)

    return dict(zip(KINDS, asyncio.run(all_at_a_time()), strict=True))


@pytest.mark.timeout(200)
@pytest.mark.parametrize("kind", KINDS)
def test_a_published_client_signs_in_once_and_refreshes(
    outcomes: dict[str, tuple[dict[str, Any], int] | BaseException], kind: str
) -> None:
    outcome = outcomes[kind]
    if isinstance(outcome, BaseException):
        raise outcome
    report, visits = outcome
    assert report["tools"] == TOOLS
    assert report["access_tokens"] >= 2, "a new token after the first"
    assert visits == 1, "one visit of the browser"
