"""Tours of libraries on mcp 2; see touring.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
from agents.mcp import MCPServerStreamableHttp
from agno.tools.mcp import MCPTools
from agno.tools.mcp.params import StreamableHTTPClientParams
from anthropic.lib.tools.mcp import async_mcp_tool, mcp_message
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
from mcp.client.streamable_http import streamable_http_client
from pydantic_ai.mcp import MCPToolset
from strands.tools.mcp import MCPClient
from touring import PROMPT, RESOURCE, TOOL, Driver, driver, main

from mcp import ClientSession

Headers = dict[str, str]


@driver("openai-agents")
async def openai_agents(url: str, headers: Headers) -> AsyncIterator[Driver]:
    class Agents(Driver):
        async def list(self) -> int:
            return len(await server.list_tools())

        async def call(self, code: str) -> Any:
            return await server.call_tool(TOOL, {"code": code})

        async def resource(self) -> Any:
            return await server.read_resource(RESOURCE)

        async def prompt(self) -> Any:
            return await server.get_prompt(*PROMPT)

    async with MCPServerStreamableHttp({"url": url, "headers": headers}, client_session_timeout_seconds=60) as server:
        yield Agents()


@driver("pydantic-ai")
async def pydantic_ai(url: str, headers: Headers) -> AsyncIterator[Driver]:
    class PydanticAI(Driver):
        async def list(self) -> int:
            return len(await toolset.list_tools())

        async def call(self, code: str) -> Any:
            return await toolset.direct_call_tool(TOOL, {"code": code})

        async def resource(self) -> Any:
            return await toolset.read_resource(RESOURCE)

        async def prompt(self) -> Any:
            return await toolset.get_prompt(*PROMPT)

    async with MCPToolset(Client(StreamableHttpTransport(url, headers=headers))) as toolset:
        yield PydanticAI()


@driver("llama-index")
async def llama_index(url: str, headers: Headers) -> AsyncIterator[Driver]:
    client = BasicMCPClient(url, headers=headers)

    class LlamaIndex(Driver):
        async def list(self) -> int:
            self.tools = {tool.metadata.name: tool for tool in await McpToolSpec(client).to_tool_list_async()}
            return len(self.tools)

        async def call(self, code: str) -> Any:
            return await self.tools[TOOL].acall(code=code)

        async def resource(self) -> Any:
            return await client.read_resource(RESOURCE)

        async def prompt(self) -> Any:
            return await client.get_prompt(*PROMPT)

    yield LlamaIndex()


@driver("anthropic")
async def anthropic(url: str, headers: Headers) -> AsyncIterator[Driver]:
    class Anthropic(Driver):  # its conversion of resources takes text, PDF and pictures only
        async def list(self) -> int:
            listed = (await session.list_tools()).tools
            self.tools = {tool.name: async_mcp_tool(tool, session) for tool in listed}
            return len(self.tools)

        async def call(self, code: str) -> Any:
            return await self.tools[TOOL].call({"code": code})

        async def prompt(self) -> Any:
            return [mcp_message(one) for one in (await session.get_prompt(*PROMPT)).messages]

    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(url, http_client=http) as streams,
        ClientSession(*streams[:2]) as session,
    ):
        await session.initialize()
        yield Anthropic()


@driver("agno")
async def agno(url: str, headers: Headers) -> AsyncIterator[Driver]:
    class Agno(Driver):
        async def list(self) -> int:
            return len(tools.functions)

        async def call(self, code: str) -> Any:
            return await tools.functions[TOOL].entrypoint(code=code)

    params = StreamableHTTPClientParams(url=url, headers=headers)
    async with MCPTools(server_params=params, transport="streamable-http", timeout_seconds=60) as tools:
        yield Agno()


@driver("strands")
async def strands(url: str, headers: Headers) -> AsyncIterator[Driver]:
    class Strands(Driver):
        async def list(self) -> int:
            return len(await asyncio.to_thread(client.list_tools_sync))

        async def call(self, code: str) -> Any:
            return await client.call_tool_async("1", TOOL, {"code": code}, timedelta(seconds=60))

        async def resource(self) -> Any:
            return await asyncio.to_thread(client.read_resource_sync, RESOURCE)

        async def prompt(self) -> Any:
            return await asyncio.to_thread(client.get_prompt_sync, *PROMPT)

    client = MCPClient(url=url, headers=headers)
    await asyncio.to_thread(client.start)
    try:
        yield Strands()
    finally:
        await asyncio.to_thread(client.stop, None, None, None)


if __name__ == "__main__":
    main()
