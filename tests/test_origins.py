"""Web pages: those of allowed origins may use the endpoint, a stranger's may not, whatever name it gave this host."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from harness.mcp import ACCEPT, ModernClient, login
from harness.peer import Peer
from harness.workerd import DEV_ACCOUNTS, Workerd
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "page", "version": "1"}},
}
HEADERS = {"Content-Type": "application/json", "Accept": ACCEPT}
FOREIGN = ["http://evil.example", "https://evil.example:8787", "http://localhost.evil.example", "null"]


@pytest.mark.parametrize("path", ["/", "/mcp"])
@pytest.mark.parametrize("origin", FOREIGN)
async def test_the_page_of_a_stranger_is_refused(server: Workerd, path: str, origin: str) -> None:
    token = await login(server.url)
    headers = {**HEADERS, "Origin": origin, "Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient() as http:
        for answer in (
            await http.post(server.url + path, json=INITIALIZE, headers=headers),
            await http.get(server.url + path, headers=headers),
            await http.options(server.url + path, headers={**headers, "Access-Control-Request-Method": "POST"}),
        ):
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == -32600 and "id" not in answer.json()
            assert "access-control-allow-origin" not in answer.headers


async def test_a_name_that_is_not_this_machine_is_refused(server: Workerd) -> None:
    async with httpx.AsyncClient() as http:
        headers = {**HEADERS, "Host": "evil.example:8787", "Authorization": f"Bearer {await login(server.url)}"}
        assert (await http.post(f"{server.url}/mcp", json=INITIALIZE, headers=headers)).status_code == 403


async def test_a_page_on_this_machine_reads_answers_and_challenges(server: Workerd) -> None:
    origin = "http://localhost:6274"
    async with httpx.AsyncClient() as http:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        asked["Access-Control-Request-Headers"] = "authorization,content-type,mcp-protocol-version,mcp-session-id"
        preflight = await http.options(f"{server.url}/mcp", headers=asked)
        assert preflight.status_code == 204
        allowed = preflight.headers["access-control-allow-headers"].lower().split(", ")
        assert set(asked["Access-Control-Request-Headers"].split(",")) <= set(allowed)
        assert "DELETE" in preflight.headers["access-control-allow-methods"]
        challenge = await http.post(f"{server.url}/mcp", json=INITIALIZE, headers={**HEADERS, "Origin": origin})
        assert challenge.status_code == 401
        token = await login(server.url)
        signed_in = {**HEADERS, "Origin": origin, "Authorization": f"Bearer {token}"}
        answer = await http.post(f"{server.url}/mcp", json=INITIALIZE, headers=signed_in)
        assert answer.json()["result"]["serverInfo"]
        for readable in (challenge, answer):
            assert readable.headers["access-control-allow-origin"] == origin
            exposed = readable.headers["access-control-expose-headers"].split(", ")
            assert {"Mcp-Session-Id", "WWW-Authenticate", "MCP-Protocol-Version"} <= set(exposed)
        assert answer.headers["mcp-session-id"]


async def test_a_page_on_this_machine_reads_what_blender_answers(server: Workerd) -> None:
    token, origin = await login(server.url), "http://localhost:6274"
    async with Peer(server.ws_url, token, handler=lambda job: "3\n"), ModernClient(server.url, token) as client:
        params = {"name": "blender_execute_code", "arguments": {"code": "print(3)"}}
        answer = await client.request("tools/call", params, headers={"Origin": origin})
        assert answer.document["result"] == "3\n"
        assert answer.headers["access-control-allow-origin"] == origin


async def test_an_operator_can_allow_an_origin(tmp_path: Path) -> None:
    variables = {"DEV_ACCOUNTS": DEV_ACCOUNTS, "ALLOWED_ORIGINS": "https://inspector.example, https://other.example/"}
    with Workerd(tmp_path / "workerd", variables=variables) as server:
        token = await login(server.url)
        async with httpx.AsyncClient() as http:
            for origin in ("https://inspector.example", "https://other.example"):
                headers = {**HEADERS, "Origin": origin, "Authorization": f"Bearer {token}"}
                answer = await http.post(f"{server.url}/mcp", content=json.dumps(INITIALIZE), headers=headers)
                assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)


async def test_the_page_of_a_stranger_opens_no_socket(server: Workerd) -> None:
    headers = {"Authorization": f"Bearer {await login(server.url)}", "Origin": "http://evil.example"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.ws_url, additional_headers=headers)
    assert refused.value.response.status_code == 403
