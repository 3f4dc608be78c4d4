"""Sockets that are closed by the bus: their token ended, or was taken back."""

from __future__ import annotations

from pathlib import Path

import httpx
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import DEV_ACCOUNTS, Workerd


def peer(server: Workerd, token: str) -> Peer:
    return Peer(f"{server.url.replace('http', 'ws', 1)}/ws", token, "b1")


async def test_a_socket_ends_with_its_token(tmp_path: Path) -> None:
    with Workerd(tmp_path, variables={"DEV_ACCOUNTS": DEV_ACCOUNTS, "ACCESS_TOKEN_TTL": "2"}) as server:
        async with peer(server, await login(server.url)) as attached:
            server.evict()
            code, reason = await attached.closed(10)
        assert code == 4401
        assert reason is not None
        assert "expired" in reason
        async with ModernClient(f"{server.url}/", await login(server.url)) as client:
            listed = (await client.call("blender_list_available_clients")).document["persistent"]
        assert [entry["connected"] for entry in listed] == [False]


async def test_revoking_ends_sockets_streams_and_sessions_at_once(server: Workerd) -> None:
    async with httpx.AsyncClient() as http:
        signed_in = (await http.post(f"{server.url}/auth/login", json={"username": "demo", "password": "demo"})).json()
        token = signed_in["access_token"]
        async with peer(server, token) as attached, LegacySession(f"{server.url}/mcp", token) as session:
            events = session.stream()
            revoked = await http.post(f"{server.url}/revoke", data={"token": signed_in["refresh_token"]})
            assert revoked.status_code == 200
            assert (await attached.closed(5))[0] == 4401
            refused = await session.request("ping")
            assert refused.status == 401
            assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
            await events.aclose()
