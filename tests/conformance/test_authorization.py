"""The conformance suite's `authorization` command: it plays a client that the operator has registered.

A public one: where a server takes clients without a secret, the suite never shows the one it was given.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from harness.browser import Browser
from harness.workerd import DEV_ACCOUNTS, Workerd

SCENARIOS = {"authorization-server-metadata-endpoint", "authorization-code-grant"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def run_suite(url: str, port: int, folder: Path) -> str:
    """Runs it with a browser that signs in wherever it asks for one; returns what it printed."""
    if not (packages := os.environ.get("BUS_NODE_CLIENTS")):
        pytest.fail("BUS_NODE_CLIENTS must name the folder with the packages of tests/clients; `npm test` sets it")
    suite = Path(packages) / "node_modules" / "conformance-0.2" / "dist" / "index.js"
    where = ["--url", url, "--port", str(port), "--output-dir", str(folder)]
    process = await asyncio.create_subprocess_exec(
        "node",
        str(suite),
        "authorization",
        *where,
        "--client-id",
        "suite",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said, visits = [], []
    try:
        async with asyncio.timeout(60):
            async for line in process.stdout:
                said.append(line.decode())
                if found := re.search(rf"{re.escape(url)}/authorize\?\S+", said[-1]):
                    visits.append(asyncio.create_task(asyncio.to_thread(visit, found.group())))
            await asyncio.gather(*visits)
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    return "".join(said)


def results(folder: Path) -> dict[str, list[Any]]:
    checks = {}
    for file in folder.glob("authorization-server-*/checks.json"):
        scenario = re.sub(r"^authorization-server-(.*)-\d{4}-\d\d-\d\dT[\d-]+Z$", r"\1", file.parent.name)
        checks[scenario] = json.loads(file.read_text())
    return checks


def visit(url: str) -> None:
    browser = Browser()
    browser.fetch(browser.sign_in(url))


async def test_the_authorization_command_passes(tmp_path: Path) -> None:
    port = free_port()
    client = {"client_id": "suite", "redirect_uris": [f"http://127.0.0.1:{port}/callback"]}
    variables = {"DEV_ACCOUNTS": DEV_ACCOUNTS, "OAUTH_CLIENTS": json.dumps([client])}
    with Workerd(tmp_path / "workerd", variables=variables) as server:
        said = await run_suite(server.url, port, tmp_path / "results")
    checks = results(tmp_path / "results")
    assert set(checks) == SCENARIOS, said
    for scenario, found in checks.items():
        assert {check["status"] for check in found} <= {"SUCCESS", "INFO"}, f"{scenario}: {found}"
        assert any(check["status"] == "SUCCESS" for check in found), scenario
