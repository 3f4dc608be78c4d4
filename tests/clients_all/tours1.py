"""Tours of libraries on mcp 1; see touring.py."""

from __future__ import annotations

import os

os.environ["MCP_USE_ANONYMIZED_TELEMETRY"] = "false"  # read when it is imported

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import MagicMock

import smolagents
from autogen_ext.tools.mcp import McpWorkbench, StreamableHttpServerParams
from google.adk.tools.mcp_tool.mcp_session_manager import StreamableHTTPConnectionParams
from google.adk.tools.mcp_tool.mcp_toolset import McpToolset
from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp.client.stdio import stdio_client
from mcp.types import CancelledNotification, CancelledNotificationParams, ClientNotification
from mcp_use import MCPClient
from touring import PROMPT, RESOURCE, TOOL, Driver, SessionDriver, driver, main

from mcp import ClientSession, StdioServerParameters

Headers = dict[str, str]


@driver("langchain-mcp-adapters")
async def langchain(url: str, headers: Headers) -> AsyncIterator[Driver]:
    client = MultiServerMCPClient({"bus": {"transport": "streamable_http", "url": url, "headers": headers}})

    class LangChain(Driver):
        async def list(self) -> int:
            self.tools = {tool.name: tool for tool in await client.get_tools()}
            return len(self.tools)

        async def call(self, code: str) -> Any:
            return await self.tools[TOOL].ainvoke({"code": code})

        async def resource(self) -> Any:
            return [blob.as_string() for blob in await client.get_resources("bus", uris=RESOURCE)]

        async def prompt(self) -> Any:
            return await client.get_prompt("bus", PROMPT[0], arguments=PROMPT[1])

    yield LangChain()


@driver("mcp-use")
async def mcp_use(url: str, headers: Headers) -> AsyncIterator[Driver]:
    token = headers["Authorization"].removeprefix("Bearer ")
    client = MCPClient({"mcpServers": {"bus": {"url": url, "auth": token}}})
    session = await client.create_session("bus")

    yield SessionDriver(session)
    await client.close_all_sessions()


@driver("autogen")
async def autogen(url: str, headers: Headers) -> AsyncIterator[Driver]:
    async with McpWorkbench(StreamableHttpServerParams(url=url, headers=headers, timeout=60)) as workbench:
        yield SessionDriver(workbench)


@driver("smolagents")
async def smol(url: str, headers: Headers) -> AsyncIterator[Driver]:
    server = {"url": url, "transport": "streamable-http", "headers": headers}
    client = await asyncio.to_thread(smolagents.MCPClient, server, structured_output=False)

    class Smolagents(Driver):
        cancels = False

        async def list(self) -> int:
            self.tools = {tool.name: tool for tool in client.get_tools()}
            return len(self.tools)

        async def call(self, code: str) -> Any:
            return await asyncio.to_thread(self.tools[TOOL], code=code)

    yield Smolagents()
    await asyncio.to_thread(client.disconnect)


@driver("google-adk")
async def adk(url: str, headers: Headers) -> AsyncIterator[Driver]:
    parameters = StreamableHTTPConnectionParams(url=url, headers=headers, timeout=60)
    toolset = McpToolset(connection_params=parameters)

    class Adk(Driver):
        async def list(self) -> int:
            self.tools = {tool.name: tool for tool in await toolset.get_tools()}
            return len(self.tools)

        async def call(self, code: str) -> Any:
            # An invocation of an agent, which these tools only read their settings from.
            return await self.tools[TOOL].run_async(args={"code": code}, tool_context=MagicMock())

        async def resource(self) -> Any:
            name = {one["uri"]: one["name"] for one in await listed()}[RESOURCE]
            return await toolset.read_resource(name)

    async def listed() -> Any:
        return [await toolset.get_resource_info(name) for name in await toolset.list_resources()]

    yield Adk()
    await toolset.close()


async def through(command: list[str]) -> AsyncIterator[Driver]:
    """A client over stdio, in front of a program that goes on to the bus over HTTP."""
    parameters = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))

    class Stdio(SessionDriver):
        async def stop(self) -> None:
            told = CancelledNotificationParams(requestId=session._request_id - 1, reason="enough")
            await session.send_notification(ClientNotification(CancelledNotification(params=told)))

    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield Stdio(session)


def bridge(name: str, command: Any) -> None:
    async def opening(url: str, headers: Headers) -> AsyncIterator[Driver]:
        async for one in through(command(url, headers["Authorization"])):
            yield one

    driver(name)(opening)


PROGRAMS = f"{os.environ.get('BUS_COMMAND_LINES', '')}/node_modules/.bin"
bridge("mcp-remote", lambda url, value: [f"{PROGRAMS}/mcp-remote", url, "--header", f"Authorization: {value}"])
bridge("mcp-remote, OAuth", lambda url, value: [f"{PROGRAMS}/mcp-remote", url])
bridge(
    "mcp-remote, oldest",
    lambda url, value: [
        "node", f"{PROGRAMS}/../mcp-remote-oldest/dist/proxy.js", url, "--header", f"Authorization: {value}",
    ],
)  # fmt: skip
bridge(
    "supergateway",
    lambda url, value: [f"{PROGRAMS}/supergateway", "--streamableHttp", url, "--header", f"Authorization: {value}"],
)
bridge(
    "mcp-proxy",
    lambda url, value: [
        sys.executable, "-m", "mcp_proxy", "--transport", "streamablehttp", "-H", "Authorization", value, url,
    ],
)  # fmt: skip

if __name__ == "__main__":
    main()
