"""The app as a resource, in both eras, and what its listing costs."""

from __future__ import annotations

import json
import re

import pytest
from harness.mcp import LegacySession, ModernClient, login
from harness.workerd import Workerd

EXTENSION = "io.modelcontextprotocol/ui"
URI, MIME_TYPE = "ui://blender-bus/viewport", "text/html;profile=mcp-app"
SHOWN = {"get_viewport_screenshot", "render", "render_views", "get_scene_tree"}


def client(server: Workerd, token: str, era: str) -> ModernClient | LegacySession:
    return ModernClient(f"{server.url}/", token) if era == "modern" else LegacySession(f"{server.url}/mcp", token)


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_the_page_is_read_small_whole_and_asks_nobody(server: Workerd, era: str) -> None:
    async with client(server, await login(server.url), era) as host:
        listed = {item["uri"]: item for item in (await host.request("resources/list")).result["resources"]}[URI]
        [content] = (await host.request("resources/read", {"uri": URI})).result["contents"]
    assert (content["uri"], content["mimeType"], listed["mimeType"]) == (URI, MIME_TYPE, MIME_TYPE)
    assert content["_meta"] == listed["_meta"]
    assert not any(content["_meta"]["ui"]["csp"].values()) and "permissions" not in content["_meta"]["ui"]
    page = content["text"]
    assert page.startswith("<!doctype html>") and len(page.encode()) < 60 * 1024
    # The one address is that of this server's dashboard, which is opened where somebody asks for it.
    assert re.findall(r"\w+://[^\s\"'<>]+", page) == [f"{server.url}/dashboard"]
    assert re.findall(r"(?<!\.)(?:src|href)\s*=|url\(|@import", page) == []


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_four_tools_name_it_to_every_client_and_to_no_model(server: Workerd, era: str) -> None:
    async with client(server, await login(server.url), era) as host:
        tools = (await host.request("tools/list")).result["tools"]
    shown = {tool["name"].removeprefix("blender_") for tool in tools if "_meta" in tool}
    assert shown == SHOWN
    metas = [tool["_meta"] for tool in tools if "_meta" in tool]
    assert all(meta == {"ui": {"resourceUri": URI}} for meta in metas)
    assert sum(len(json.dumps({"_meta": meta})) for meta in metas) < 300


async def test_the_extension_is_declared(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as host:
        discovered = (await host.request("server/discover", {})).result["capabilities"]["extensions"]
    async with LegacySession(f"{server.url}/mcp", token) as session:
        initialized = (await session.initialize()).result["capabilities"]["extensions"]
    assert discovered[EXTENSION] == initialized[EXTENSION] == {"mimeTypes": [MIME_TYPE]}


async def test_another_page_of_that_scheme_is_unknown(server: Workerd) -> None:
    async with ModernClient(f"{server.url}/", await login(server.url)) as host:
        for uri in ("ui://blender-bus/", "ui://blender-bus/viewport/x", "ui://elsewhere/viewport"):
            assert (await host.request("resources/read", {"uri": uri})).error["code"] == -32602
