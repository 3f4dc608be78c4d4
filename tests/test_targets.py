"""Which Blender a call reaches, and whose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

Job = dict[str, object]


def named(name: str) -> Callable[[Job], str]:
    return lambda job: name


def peer(server: Workerd, token: str, uuid: str, **options: object) -> Peer:
    return Peer(f"{server.url.replace('http', 'ws', 1)}/ws", token, uuid, **options)  # type: ignore[arg-type]


async def test_without_a_blender_the_hint_says_how_to_connect_one(server: Workerd) -> None:
    async with ModernClient(f"{server.url}/", await login(server.url)) as client:
        answer = (await client.call("blender_get_scene_info")).document
    assert answer["status"] == "no_client"
    assert "Connect" in answer["hint"]


async def test_two_blenders_are_ambiguous_until_one_is_named(server: Workerd) -> None:
    token = await login(server.url)
    async with (
        ModernClient(f"{server.url}/", token) as client,
        peer(server, token, "left", handler=named("left")),
        peer(server, token, "right", handler=named("right")),
    ):
        answer = (await client.call("blender_get_scene_info")).document
        assert answer["status"] == "ambiguous_target"
        assert sorted(answer["candidates"]) == ["left", "right"]
        for uuid in ("left", "right"):
            picked = (await client.call("blender_get_scene_info", target_uuid=uuid)).document
            assert (picked["target_uuid"], picked["result"]) == (uuid, uuid)
        latest = (await client.call("blender_get_scene_info", target_uuid="latest")).document
        assert latest["result"] == "right"
        unknown = (await client.call("blender_get_scene_info", target_uuid="middle")).document
        assert unknown["status"] == "unknown_target"
        assert sorted(unknown["candidates"]) == ["left", "right"]


async def test_two_users_never_see_each_others_blenders(server: Workerd) -> None:
    demo, ada = await login(server.url, "demo"), await login(server.url, "ada", "lovelace")
    async with (
        ModernClient(f"{server.url}/", demo) as of_demo,
        ModernClient(f"{server.url}/", ada) as of_ada,
        peer(server, demo, "same-name", handler=named("demo's")),
    ):
        assert (await of_ada.call("blender_get_scene_info")).document["status"] == "no_client"
        hidden = (await of_ada.call("blender_get_scene_info", target_uuid="same-name")).document
        assert (hidden["status"], hidden["candidates"]) == ("unknown_target", [])
        async with peer(server, ada, "same-name", handler=named("ada's")):
            assert (await of_ada.call("blender_get_scene_info")).document["result"] == "ada's"
            assert (await of_demo.call("blender_get_scene_info")).document["result"] == "demo's"


async def test_a_blender_that_comes_back_in_time_still_answers(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client:
        first = peer(server, token, "b1")
        await first.connect()
        call = asyncio.create_task(client.call("blender_get_scene_info"))
        job = await first.next_job()
        await first.drop()
        async with peer(server, token, "b1") as second:
            await second.update(str(job["job_id"]), "completed", "after all")
            assert (await call).document["result"] == "after all"


async def test_the_newer_socket_of_a_uuid_wins(server: Workerd) -> None:
    token = await login(server.url)
    older = peer(server, token, "b1", handler=named("older"))
    await older.connect()
    async with ModernClient(f"{server.url}/", token) as client, peer(server, token, "b1", handler=named("newer")):
        code, reason = await older.closed()
        assert code == 4409
        assert reason
        assert (await client.call("blender_get_scene_info")).document["result"] == "newer"
    await older.close()


@pytest.mark.parametrize("acknowledge", [True, False])
async def test_the_object_sleeps_while_the_socket_stays_and_the_next_call_works(
    server: Workerd, acknowledge: bool
) -> None:
    token = await login(server.url)
    async with (
        ModernClient(f"{server.url}/", token) as client,
        peer(server, token, "b1", handler=named("awake"), acknowledge=acknowledge) as attached,
    ):
        for _ in range(3):
            server.evict()
            answer = (await client.call("blender_get_scene_info")).document
            assert (answer["status"], answer["result"]) == ("completed", "awake")
        assert attached.socket is not None
        assert attached.socket.close_code is None


async def test_a_restart_keeps_registrations_and_late_results(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client:
        attached = peer(server, token, "b1")
        await attached.connect()
        call = asyncio.create_task(client.call("blender_execute_code", code="1"))
        job = await attached.next_job()
        server.restart()
        call.cancel()
        await attached.drop()
        listed = (await client.call("blender_list_available_clients")).document
        assert [entry["uuid"] for entry in listed["persistent"]] == ["b1"]
        assert listed["persistent"][0]["connected"] is False
        async with peer(server, token, "b1") as again:
            await again.update(str(job["job_id"]), "completed", "late")
            kept = (await client.call("blender_job_result", job_id=job["job_id"])).document
            assert (kept["status"], kept["result"]) == ("completed", "late")
