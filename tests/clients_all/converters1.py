"""Converters of libraries on mcp 1; see converting.py."""

from __future__ import annotations

import os

os.environ["MCP_USE_ANONYMIZED_TELEMETRY"] = "false"  # read when it is imported

from typing import Any

import smolagents
from autogen_ext.tools.mcp import StreamableHttpServerParams, mcp_server_tools
from converting import Converted, converter, main
from google.adk.tools.mcp_tool.mcp_session_manager import StreamableHTTPConnectionParams
from google.adk.tools.mcp_tool.mcp_toolset import McpToolset
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp_use import MCPClient
from mcp_use.agents.adapters.anthropic import AnthropicMCPAdapter
from mcp_use.agents.adapters.google import GoogleMCPAdapter
from mcp_use.agents.adapters.langchain_adapter import LangChainAdapter
from mcp_use.agents.adapters.openai import OpenAIMCPAdapter
from mcpadapt.core import MCPAdapt
from mcpadapt.google_genai_adapter import GoogleGenAIAdapter

Headers = dict[str, str]


def as_openai_sees(tool: Any, strict: bool | None = None) -> Any:
    return convert_to_openai_tool(tool, strict=strict)["function"]["parameters"]


@converter("langchain-mcp-adapters")
async def langchain(made: Converted, url: str, headers: Headers) -> None:
    client = MultiServerMCPClient({"bus": {"transport": "streamable_http", "url": url, "headers": headers}})
    for tool in await client.get_tools():
        made.add(tool.name, lambda tool=tool: as_openai_sees(tool))


@converter("langchain-mcp-adapters, strict for OpenAI")
async def langchain_strict(made: Converted, url: str, headers: Headers) -> None:
    client = MultiServerMCPClient({"bus": {"transport": "streamable_http", "url": url, "headers": headers}})
    for tool in await client.get_tools():
        made.add(tool.name, lambda tool=tool: as_openai_sees(tool, strict=True))


@converter("autogen")
async def autogen(made: Converted, url: str, headers: Headers) -> None:
    for tool in await mcp_server_tools(StreamableHttpServerParams(url=url, headers=headers)):
        made.add(tool.name, lambda tool=tool: dict(tool.schema["parameters"]))


async def with_mcp_use(made: Converted, url: str, headers: Headers, adapter: Any, shown: Any) -> None:
    token = headers["Authorization"].removeprefix("Bearer ")  # with a header alone it signs in by OAuth
    client = MCPClient({"mcpServers": {"bus": {"url": url, "auth": token}}})
    try:
        await adapter.create_tools(client)
        for tool in adapter.tools:
            made.add(*shown(tool))
    finally:
        await client.close_all_sessions()


@converter("mcp-use, LangChain")
async def mcp_use_langchain(made: Converted, url: str, headers: Headers) -> None:
    await with_mcp_use(made, url, headers, LangChainAdapter(), lambda tool: (tool.name, lambda: as_openai_sees(tool)))


@converter("mcp-use, OpenAI")
async def mcp_use_openai(made: Converted, url: str, headers: Headers) -> None:
    def shown(tool: Any) -> Any:
        return tool["function"]["name"], tool["function"]["parameters"]

    await with_mcp_use(made, url, headers, OpenAIMCPAdapter(), shown)


@converter("mcp-use, Anthropic")
async def mcp_use_anthropic(made: Converted, url: str, headers: Headers) -> None:
    await with_mcp_use(made, url, headers, AnthropicMCPAdapter(), lambda tool: (tool["name"], tool["input_schema"]))


@converter("mcp-use, Gemini")
async def mcp_use_google(made: Converted, url: str, headers: Headers) -> None:
    def shown(tool: Any) -> Any:
        return tool.name, tool.parameters_json_schema

    await with_mcp_use(made, url, headers, GoogleMCPAdapter(), shown)


@converter("smolagents")
async def smol(made: Converted, url: str, headers: Headers) -> None:
    server = {"url": url, "transport": "streamable-http", "headers": headers}
    with smolagents.MCPClient(server, structured_output=False) as tools:
        for tool in tools:
            made.add(tool.name, {"properties": tool.inputs})


@converter("mcpadapt, Gemini")
async def mcpadapt_gemini(made: Converted, url: str, headers: Headers) -> None:
    server = {"url": url, "transport": "streamable-http", "headers": headers}
    with MCPAdapt(server, GoogleGenAIAdapter()) as tools:
        for tool, (name, _call) in tools:
            [declaration] = tool.function_declarations
            made.add(name, declaration.parameters.model_dump(exclude_none=True))


@converter("google-adk")
async def adk(made: Converted, url: str, headers: Headers) -> None:
    toolset = McpToolset(connection_params=StreamableHTTPConnectionParams(url=url, headers=headers))
    try:
        for tool in await toolset.get_tools():
            made.add(tool.name, lambda tool=tool: seen_by_gemini(tool._get_declaration()))
    finally:
        await toolset.close()


def seen_by_gemini(declaration: Any) -> Any:
    if declaration.parameters is not None:
        return declaration.parameters.model_dump(exclude_none=True)
    return declaration.parameters_json_schema


if __name__ == "__main__":
    main()
