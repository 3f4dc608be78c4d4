"""Tokens of every scope against what other tokens of their user have, on the built Worker."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer, ToolRefused
from harness.workerd import Workerd
from oauth.flow import Flow
from torture.scopes import scoped, storm

CALLS = 400


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Workerd]:
    with Workerd(tmp_path / "workerd", variables={"DEV_ACCOUNTS": "demo:demo"}) as running:
        yield running


async def test_tokens_of_every_scope_do_what_the_table_says_and_harm_nobody(server: Workerd) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    run = await storm(server.url, server.ws_url, CALLS, seed)
    assert run.calls == CALLS and run.refused > CALLS // 4


async def test_a_later_login_has_the_name_and_the_earlier_one_is_told_in_words(server: Workerd) -> None:
    before, later = await login(server.url), await login(server.url)
    async with Peer(server.ws_url, before, "studio-1") as first, Peer(server.ws_url, later, "studio-1"):
        code, _ = await first.closed(10)
        assert code == 4409
        with pytest.raises(ToolRefused, match="not_yours.*another login or token"):
            await Peer(server.ws_url, before, "studio-1").connect()


async def test_a_name_moves_to_a_later_sign_in_of_the_same_program_and_to_no_other(server: Workerd) -> None:
    studio = [await scoped(server.url, "peer", "Blender Bus on studio.local")]
    studio.append(await scoped(server.url, "peer", "Blender Bus on studio.lan"))
    node = await scoped(server.url, "peer", "Blender Bus on node-1")
    async with Peer(server.ws_url, studio[0], "studio-1"):
        with pytest.raises(ToolRefused, match="not_yours"):
            await Peer(server.ws_url, node, "studio-1").connect()
        async with Peer(server.ws_url, studio[1], "studio-1"):
            with pytest.raises(ToolRefused, match="not_yours"):
                await Peer(server.ws_url, studio[0], "studio-1").connect()


async def test_the_audit_log_of_the_account_tells_of_a_name_that_moved(server: Workerd) -> None:
    before, later = await login(server.url), await login(server.url)
    async with Peer(server.ws_url, before, "studio-1"), Peer(server.ws_url, later, "studio-1"):
        browser = Flow(server.url)
        await asyncio.to_thread(browser.sign_in)
        for _ in range(50):
            page = await asyncio.to_thread(browser.browser.get, "/account/audit")
            if "client moved to a later sign-in" in page.text:
                break
            await asyncio.sleep(0.1)
        assert "client moved to a later sign-in" in page.text and "studio-1" in page.text


async def test_a_name_outlives_an_eviction_as_its_grants(server: Workerd) -> None:
    before, later = await scoped(server.url, "peer"), await login(server.url)
    async with Peer(server.ws_url, later, "studio-1"):
        server.evict()
        with pytest.raises(ToolRefused, match="not_yours"):
            await Peer(server.ws_url, before, "studio-1").connect()


async def test_a_peer_attaches_over_http_with_peer_and_dispatch(server: Workerd) -> None:
    registration = {"client_uuid": "h1", "client_type": "blender", "is_persistent": True}
    async with ModernClient(f"{server.url}/", await scoped(server.url, "bus:read bus:dispatch")) as client:
        refused = (await client.call("blender_register_client", **registration)).result
        assert refused["isError"] and "scope peer" in refused["content"][0]["text"]
    async with LegacySession(f"{server.url}/mcp", await scoped(server.url, "bus:dispatch peer")) as session:
        assert (await session.call("blender_register_client", **registration)).document["status"] == "ok"


async def test_a_token_that_only_attaches_opens_no_session(server: Workerd) -> None:
    async with LegacySession(f"{server.url}/mcp", await scoped(server.url, "peer")) as session:
        assert session.session_id is None
        assert (await session.request("ping")).status == 403
