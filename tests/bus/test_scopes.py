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
    assert run.calls == CALLS and run.refused > CALLS // 4 and run.beyond > CALLS // 20


async def test_tokens_of_another_user_find_and_harm_nothing(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    with Workerd(tmp_path / "workerd", variables={"DEV_ACCOUNTS": "demo:demo,eve:eve"}) as server:
        assert (await storm(server.url, server.ws_url, 200, seed, "eve")).calls == 200


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


async def test_a_node_bound_to_a_uuid_or_a_group_attaches_as_nothing_else(server: Workerd) -> None:
    node = await scoped(server.url, "peer blender=node-1")
    async with Peer(server.ws_url, node, "node-1") as peer:
        listed = await peer.call("blender_list_available_clients")
        assert [client["uuid"] for client in listed["persistent"]] == ["node-1"]
    with pytest.raises(ToolRefused, match="beyond_bound.*node-1"):
        await Peer(server.ws_url, node, "node-2").connect()
    farm = await scoped(server.url, "peer group=farm", "Farm")
    member = Peer(server.ws_url, farm, "node-3")
    await member.connect(register=False)
    registration = {"client_uuid": "node-3", "client_type": "blender", "is_persistent": True}
    for group in ({}, {"group_id": "desk"}):
        with pytest.raises(ToolRefused, match="beyond_bound.*farm"):
            await member.call("blender_register_client", **registration, **group)
    server.evict()
    with pytest.raises(ToolRefused, match="beyond_bound"):
        await member.call("blender_register_client", **registration)
    assert (await member.call("blender_register_client", **registration, group_id="farm"))["status"] == "ok"
    await member.close()


async def test_a_watcher_of_one_blender_sees_its_jobs_and_no_other(server: Workerd) -> None:
    owner = await login(server.url)
    watcher = await scoped(server.url, "bus:read bus:dispatch blender=studio-1")
    async with (
        Peer(server.ws_url, owner, "studio-1") as studio,
        Peer(server.ws_url, owner, "studio-2"),
        ModernClient(f"{server.url}/", owner) as all_of_it,
        ModernClient(f"{server.url}/", watcher) as bound,
    ):
        jobs = {}
        for uuid in ("studio-1", "studio-2"):
            sent = await all_of_it.call(
                "blender_submit", command="execute_code", params={"code": "1"}, target_uuid=uuid
            )
            jobs[uuid] = sent.document["job_id"]
        listed = (await bound.call("blender_list_jobs")).document["jobs"]
        assert [job["job_id"] for job in listed] == [jobs["studio-1"]]
        status = (await bound.call("blender_job_status", job_id=jobs["studio-2"])).document
        assert status["status"] == "not_found"
        read = await bound.request("resources/read", {"uri": f"blender://jobs/{jobs['studio-2']}"})
        assert "not_found" in str(read.body)
        for uri in ("blender://bus/clients", "blender://bus/stats"):
            assert "studio-2" not in str((await bound.request("resources/read", {"uri": uri})).body)
        refused = (await bound.call("blender_execute_code", code="1", target_uuid="studio-2")).result
        assert refused["isError"] and "beyond_bound" in str(refused)
        # It need not say which Blender: only one is there for it.
        await asyncio.wait_for(studio.jobs.get(), 10)
        sent = await bound.call("blender_submit", command="get_scene_info", params={})
        assert sent.document["target_uuid"] == "studio-1"
