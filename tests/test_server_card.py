"""What the server says of itself to clients and to those who look for servers."""

from __future__ import annotations

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
