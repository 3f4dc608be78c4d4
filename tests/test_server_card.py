"""What the server says of itself to clients and to those who look for servers."""

from __future__ import annotations

import re

import httpx
from harness.mcp import ModernClient, login
from harness.workerd import Workerd


def test_the_card_names_the_endpoint_and_a_picture_that_is_there(server: Workerd) -> None:
    card = httpx.get(f"{server.url}/.well-known/mcp/server-card.json").json()
    assert card["name"].endswith("/blender-bus") and card["title"] == "Blender Bus" and card["description"]
    assert card["remotes"] == [{"type": "streamable-http", "url": f"{server.url}/mcp"}]
    assert card["version"] == httpx.get(f"{server.url}/health").json()["version"]
    picture = httpx.get(card["icons"][0]["src"])
    assert picture.status_code == 200 and picture.headers["Content-Type"].startswith(card["icons"][0]["mimeType"])


def test_the_card_is_where_clients_look_for_it(server: Workerd) -> None:
    card = httpx.get(f"{server.url}/.well-known/mcp/server-card.json").json()
    for path in ("/.well-known/mcp", "/.well-known/mcp/", "/.well-known/mcp.json"):
        assert httpx.get(server.url + path).json() == card


def test_the_entry_for_registries_keeps_to_their_rules(server: Workerd) -> None:
    entry = httpx.get(f"{server.url}/server.json").json()
    assert entry["$schema"].endswith("/2025-12-11/server.schema.json")
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", entry["name"]) and 3 <= len(entry["name"]) <= 200
    assert 1 <= len(entry["description"]) <= 100 and 1 <= len(entry["title"]) <= 100
    assert re.fullmatch(r"\d+\.\d+\.\d+", entry["version"])
    assert entry["remotes"] == [{"type": "streamable-http", "url": f"{server.url}/mcp"}]
    for icon in entry["icons"]:
        assert icon["mimeType"] == "image/svg+xml" and "sizes" not in icon and len(icon["src"]) <= 255
    known = {"$schema", "name", "title", "description", "version", "websiteUrl", "icons", "remotes"}
    assert set(entry) == known


async def test_a_client_of_either_era_is_shown_title_and_icon(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(server.url, token) as client:
        discovered = (await client.request("server/discover", {})).result["_meta"]
        modern = discovered["io.modelcontextprotocol/serverInfo"]
        listed = (await client.request("tools/list", {})).result["_meta"]["io.modelcontextprotocol/serverInfo"]
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    async with httpx.AsyncClient(headers=headers) as http:
        legacy = (await http.post(f"{server.url}/mcp", json=body)).json()["result"]["serverInfo"]
    assert modern == legacy
    assert modern["title"] == "Blender Bus" and modern["icons"][0]["src"].endswith("/icon.svg")
    assert "icons" not in listed, "every result would carry them"
