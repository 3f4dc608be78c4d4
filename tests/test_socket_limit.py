"""At the limit of open connections every way in says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd
from websockets.exceptions import InvalidStatus


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Workerd]:
    variables = {"DEV_ACCOUNTS": "demo:demo", "LIMIT_SOCKETS": "1"}
    with Workerd(tmp_path / "workerd", variables=variables) as running:
        yield running


async def test_a_stream_that_is_one_too_many_is_refused_with_the_reason(small: Workerd) -> None:
    token = await login(small.url)
    reason = "this user has 1 connections open, the most there may be"
    ws_url = f"{small.url.replace('http', 'ws', 1)}/ws"
    async with Peer(ws_url, token, "b1"), LegacySession(f"{small.url}/mcp", token) as session:
        refused = await session.http.get(session.url, headers={**session.headers, "Accept": "text/event-stream"})
        assert (refused.status_code, refused.json()["error"]["message"]) == (429, reason)
        async with ModernClient(f"{small.url}/", token) as client:
            filters = {"resourceSubscriptions": ["blender://bus/clients"]}
            answer = await client.request("subscriptions/listen", {"notifications": filters})
            assert (answer.status, answer.error["message"]) == (429, reason)
        with pytest.raises(InvalidStatus) as socket:
            await Peer(ws_url, token, "b2").connect()
        assert (socket.value.response.status_code, socket.value.response.body.decode()) == (429, reason)
