"""The conformance suite of MCP, in two versions, against the Worker on raw workerd.

It has no way to send a token, so a proxy adds one. Every server scenario is run, in every revision that the suite
knows; what fails must stand in expected-failures.toml, and what stands there must fail. Version 0.2 also checks every
message of the server against the JSON schema of its revision.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from harness.mcp import login
from harness.proxy import RecordingProxy
from harness.workerd import Workerd

EXPECTED = tomllib.loads((Path(__file__).parent / "expected-failures.toml").read_text())["expected"]
# (which of the two versions, revision, path) -> scenarios that need nothing of a fixture, and must have run and passed
LEGACY = {
    "server-initialize",
    "ping",
    "logging-set-level",
    "tools-list",
    "resources-list",
    "prompts-list",
    "completion-complete",
}
STREAMS = {"server-sse-multiple-streams", "dns-rebinding-protection"}
CATALOGS = {"tools-list", "resources-list", "prompts-list", "completion-complete"}
MODERN = CATALOGS | STREAMS | {"caching", "http-header-validation", "sep-2164-resource-not-found"}
RUNS = [
    ("0.1", "2025-11-25", "/mcp", LEGACY | STREAMS),
    ("0.2", "2025-03-26", "/mcp", {"server-session-lifecycle"}),
    ("0.2", "2025-06-18", "/mcp", LEGACY | {"server-session-lifecycle"}),
    ("0.2", "2025-11-25", "/mcp", LEGACY | STREAMS | {"server-session-lifecycle"}),
    ("0.2", "2025-11-25", "/", LEGACY | STREAMS | {"server-session-lifecycle"}),
    ("0.2", "2026-07-28", "/", MODERN),
]


# Scenarios of extensions stand in no revision and no suite: they are run by name.
EXTENSIONS = ("sep-2640-skills-directory", "sep-2640-skills-enumeration", "sep-2640-skills-manifest")


async def run_suite(
    version: str, revision: str, url: str, folder: Path, which: tuple[str, ...] = ("--suite", "all")
) -> dict[str, list[dict[str, Any]]]:
    """Runs the server scenarios of a revision, every one or as `which` says; returns the checks of each."""
    if not (packages := os.environ.get("BUS_NODE_CLIENTS")):
        pytest.fail("BUS_NODE_CLIENTS must name the folder with the packages of tests/clients; `npm test` sets it")
    suite = Path(packages) / "node_modules" / f"conformance-{version}" / "dist" / "index.js"
    options = ["--url", url, "--spec-version", revision, *which, "--output-dir", str(folder)]
    process = await asyncio.create_subprocess_exec(
        "node", str(suite), "server", *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    found = results(folder)
    assert found, output.decode()[-4000:]
    return found


def results(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for checks in folder.glob("server-*/checks.json"):
        scenario = re.sub(r"^server-(.*)-\d{4}-\d\d-\d\dT[\d-]+Z$", r"\1", checks.parent.name)
        found[scenario] = json.loads(checks.read_text())
    return found


@pytest.mark.parametrize(("version", "revision", "path", "without_fixture"), RUNS)
async def test_the_conformance_suite_fails_nowhere_but_where_expected(
    server: Workerd, tmp_path: Path, version: str, revision: str, path: str, without_fixture: set[str]
) -> None:
    expected = {failure for entry in EXPECTED for failure in entry["failures"]}
    with RecordingProxy(server.url, token=await login(server.url)) as proxy:
        found = await run_suite(version, revision, proxy.url + path, tmp_path / "results")
    surprises, met = [], set()
    for scenario, checks in found.items():
        for check in (check for check in checks if check["status"] == "FAILURE"):
            excuses = {scenario, f"{scenario}/{check['id']}"} & expected
            if not excuses or check["id"] == "wire-schema-valid":
                surprises.append(f"{scenario}/{check['id']}: {check.get('errorMessage')}")
            met |= excuses
    assert surprises == []
    of_this_run = {failure for failure in expected if failure.split("/")[0] in found}
    assert of_this_run - met == set(), "expected to fail, and did not"
    passed = {scenario for scenario, checks in found.items() if any(check["status"] == "SUCCESS" for check in checks)}
    assert without_fixture - passed == set(), "must have run and passed"


@pytest.mark.parametrize("scenario", EXTENSIONS)
async def test_skills_conform(server: Workerd, tmp_path: Path, scenario: str) -> None:
    with RecordingProxy(server.url, token=await login(server.url)) as proxy:
        which = ("--force", "--scenario", scenario)
        found = await run_suite("0.2", "2026-07-28", f"{proxy.url}/", tmp_path / "results", which)
    [checks] = found.values()
    assert {check["status"] for check in checks} == {"SUCCESS"}, checks
