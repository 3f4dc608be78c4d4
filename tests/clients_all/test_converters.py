"""What libraries make of the list of tools before a model sees it: none refuses one, and none loses a parameter.

`cargo test` checks the listed schemas by a rule, `input_schemas_keep_to_what_every_library_takes`. Here the rule is
compared with the libraries: they take all that it allows, and what it forbids is trouble for one of them.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from clients.test_clients import run, setting
from fastmcp import FastMCP
from fastmcp.tools import Tool, ToolResult
from harness.mcp import LegacySession, login
from harness.workerd import Workerd
from starlette.applications import Starlette
from starlette.routing import Mount

PROFILES = ("/mcp/core", "/mcp/scene", "/mcp/assets", "/mcp/full")
SCRIPTS = {"BUS_FRAMEWORKS1_PYTHON": "converters1.py", "BUS_FRAMEWORKS2_PYTHON": "converters2.py"}
# The library speaks of its own credentials.
BESIDE_THE_POINT = ("google_adk.google.adk.tools.mcp_tool.mcp_session_manager: Failed to configure mTLS",)
NO_NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost,127.0.0.1"}
Report = dict[str, dict[str, Any]]  # by converter

# What the rule forbids, one tool each. A converter that has trouble with it is why the rule says so.
FORBIDDEN: dict[str, dict[str, Any]] = {
    "closed": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
    "exclusive": {"type": "object", "properties": {"a": {"type": "number", "exclusiveMinimum": 0}}},
    "underscore": {"type": "object", "properties": {"_a": {"type": "number"}}},
    "untyped": {"type": "object", "properties": {"a": {"description": "Anything."}}},
    "items": {"type": "object", "properties": {"a": {"type": "array", "items": {}}}},
    "types": {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
    "const": {"type": "object", "properties": {"a": {"type": "string", "const": "x"}}},
    "reference": {
        "type": "object",
        "$defs": {"b": {"type": "object", "properties": {"c": {"$ref": "#/$defs/b"}}}},
        "properties": {"a": {"$ref": "#/$defs/b"}},
    },
    "combined": {"type": "object", "properties": {"a": {"allOf": [{"type": "string"}]}}},
    "noitems": {"type": "object", "properties": {"a": {"type": "array"}}},
}


class Listed(Tool):
    """A tool with a schema given by hand."""

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult("never called")


def offering(name: str, schema: dict[str, Any]) -> Any:
    server = FastMCP(name)
    server.add_tool(Listed(name=name, description="A tool.", parameters=schema))
    return server.http_app(path="/mcp")


@pytest.fixture(scope="module")
def forbidden() -> Iterator[str]:
    """The address of servers that each offer one tool of FORBIDDEN, at /NAME/mcp."""
    apps = {name: offering(name, schema) for name, schema in FORBIDDEN.items()}

    async def serve(listening: socket.socket) -> None:
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.lifespan(app))
            await web.serve([listening])

    whole = Starlette(routes=[Mount(f"/{name}", app=app) for name, app in apps.items()])
    web = uvicorn.Server(uvicorn.Config(whole, log_level="error", lifespan="off"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=lambda: asyncio.run(serve(listening)))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        web.should_exit = True
        thread.join(20)


async def converted(token: str, urls: Sequence[str]) -> dict[str, Report]:
    """What every converter made of the list at each URL."""
    found: dict[str, Report] = {url: {} for url in urls}
    for variable, script in SCRIPTS.items():
        command = (setting(variable), str(Path(__file__).with_name(script)), token, *urls)
        output = await run(*command, env=NO_NETWORK, seconds=600)
        for url, report in json.loads(output.strip().splitlines()[-1]).items():
            found[url] |= report
    return found


def trouble(made: dict[str, Any], listed: dict[str, list[str]]) -> list[str]:
    """What a converter lost, refused or complained of."""
    if "failed" in made:
        return [made["failed"]]
    found = [f"refused {name}: {why}" for name, why in made["refused"].items()]
    found += [line for line in made["said"] if not line.startswith(BESIDE_THE_POINT)]
    found += [f"less strict: {name}" for name in made["loose"]]
    return found + [
        f"{name} has become {made['tools'].get(name)}" for name in listed if made["tools"].get(name) != listed[name]
    ]


def open_objects(schema: dict[str, Any]) -> bool:
    """Whether a schema has an object of any members, which no strict schema can say."""
    parts = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return (schema["type"] == "object" and not schema.get("properties")) or any(map(open_objects, parts))


@pytest.mark.timeout(900)
async def test_every_library_takes_every_tool_of_every_profile(server: Workerd) -> None:
    token = await login(server.url)
    reports = await converted(token, [server.url + path for path in PROFILES])
    for path in PROFILES:
        async with LegacySession(server.url + path, token) as session:
            tools = (await session.request("tools/list")).result["tools"]
        listed = {tool["name"]: sorted(tool["inputSchema"]["properties"]) for tool in tools}
        report = reports[server.url + path]
        assert len(report) == 20
        # A strict schema cannot say "any members": OpenAI's library then sends the tool as it is, and says so.
        loose = {f"less strict: {tool['name']}" for tool in tools if open_objects(tool["inputSchema"])}
        allowed = {"openai-agents, strict": loose}
        found = {name: set(trouble(made, listed)) for name, made in report.items()}
        assert found == {name: allowed.get(name, set()) for name in report}, path


@pytest.mark.timeout(900)
async def test_what_the_rule_forbids_is_what_some_library_cannot_take(forbidden: str) -> None:
    reports = await converted("-", [f"{forbidden}/{name}/mcp" for name in FORBIDDEN])
    for name, schema in FORBIDDEN.items():
        listed = {name: sorted(schema["properties"])}
        made = reports[f"{forbidden}/{name}/mcp"]
        hurt = {converter: trouble(one, listed) for converter, one in made.items()}
        hurt = {converter: lines for converter, lines in hurt.items() if lines}
        assert 0 < len(hurt) < len(made), (name, hurt)
