"""Converters of libraries on mcp 2; see converting.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx2
from agents.mcp import MCPServerStreamableHttp
from agents.mcp.util import MCPUtil
from agno.tools.mcp import MCPTools
from agno.tools.mcp.params import StreamableHTTPClientParams
from anthropic.lib.tools.mcp import async_mcp_tool
from converting import Converted, converter, main
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from google.genai import types as gemini
from google.genai._mcp_utils import mcp_to_gemini_tool
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
from mcp.client.streamable_http import streamable_http_client
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.profiles.google import GoogleJsonSchemaTransformer
from pydantic_ai.profiles.openai import OpenAIJsonSchemaTransformer
from strands.tools.mcp import MCPClient

from mcp import ClientSession

Headers = dict[str, str]


@asynccontextmanager
async def session(url: str, headers: Headers) -> AsyncIterator[ClientSession]:
    """A session of the SDK, which several of these libraries are given."""
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        streamable_http_client(url, http_client=http) as streams,
        ClientSession(*streams[:2]) as opened,
    ):
        await opened.initialize()
        yield opened


def declared(tool: gemini.Tool) -> Any:
    """The parameters in the only declaration of a tool for Gemini."""
    [declaration] = tool.function_declarations or []
    parameters = declaration.parameters
    return declaration.parameters_json_schema if parameters is None else parameters.model_dump(exclude_none=True)


@converter("openai-agents, strict")
async def openai_agents(made: Converted, url: str, headers: Headers) -> None:
    async with MCPServerStreamableHttp({"url": url, "headers": headers}) as server:
        for tool in await server.list_tools():
            function = MCPUtil.to_function_tool(tool, server, True)
            made.add(function.name, function.params_json_schema)
            if not function.strict_json_schema:
                made.loose.append(function.name)


@converter("google-genai, tools of MCP")
async def gemini_mcp(made: Converted, url: str, headers: Headers) -> None:
    async with session(url, headers) as opened:
        for tool in (await opened.list_tools()).tools:
            made.add(tool.name, lambda tool=tool: declared(mcp_to_gemini_tool(tool)))


@converter("google-genai, function declarations")
async def gemini_declarations(made: Converted, url: str, headers: Headers) -> None:
    def declare(tool: Any) -> Any:
        asked = {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}
        return declared(gemini.Tool.model_validate({"function_declarations": [asked]}))

    async with session(url, headers) as opened:
        for tool in (await opened.list_tools()).tools:
            made.add(tool.name, lambda tool=tool: declare(tool))


@converter("google-genai, JSON Schema")
async def gemini_schema(made: Converted, url: str, headers: Headers) -> None:
    def read(tool: Any) -> Any:
        schema = gemini.JSONSchema.model_validate(tool.input_schema)
        return gemini.Schema.from_json_schema(json_schema=schema, raise_error_on_unsupported_field=True).model_dump()

    async with session(url, headers) as opened:
        for tool in (await opened.list_tools()).tools:
            made.add(tool.name, lambda tool=tool: read(tool))


@converter("anthropic, strict")
async def anthropic(made: Converted, url: str, headers: Headers) -> None:
    async with session(url, headers) as opened:
        for tool in (await opened.list_tools()).tools:
            made.add(tool.name, lambda tool=tool: async_mcp_tool(tool, opened, strict=True).to_dict()["input_schema"])


@converter("llama-index")
async def llama_index(made: Converted, url: str, headers: Headers) -> None:
    for tool in await McpToolSpec(BasicMCPClient(url, headers=headers)).to_tool_list_async():
        made.add(tool.metadata.name, lambda tool=tool: tool.metadata.to_openai_tool()["function"]["parameters"])


async def with_pydantic_ai(made: Converted, url: str, headers: Headers, transform: Any) -> None:
    toolset = MCPToolset(Client(StreamableHttpTransport(url, headers=headers)))
    async with toolset:
        context: Any = SimpleNamespace(retry=0, max_retries=1, tool_manager=None)
        for name, tool in (await toolset.get_tools(context)).items():
            made.add(name, lambda tool=tool: transform(tool.tool_def.parameters_json_schema))


@converter("pydantic-ai, strict for OpenAI")
async def pydantic_openai(made: Converted, url: str, headers: Headers) -> None:
    await with_pydantic_ai(made, url, headers, lambda schema: OpenAIJsonSchemaTransformer(schema, strict=True).walk())


@converter("pydantic-ai, for Gemini")
async def pydantic_gemini(made: Converted, url: str, headers: Headers) -> None:
    await with_pydantic_ai(made, url, headers, lambda schema: GoogleJsonSchemaTransformer(schema).walk())


@converter("agno")
async def agno(made: Converted, url: str, headers: Headers) -> None:
    params = StreamableHTTPClientParams(url=url, headers=headers)
    async with MCPTools(server_params=params, transport="streamable-http") as tools:
        for name, function in tools.functions.items():
            made.add(name, function.parameters)


@converter("strands")
async def strands(made: Converted, url: str, headers: Headers) -> None:
    with MCPClient(url=url, headers=headers) as client:
        for tool in client.list_tools_sync():
            made.add(tool.tool_name, tool.tool_spec["inputSchema"]["json"])


if __name__ == "__main__":
    main()
