"""A range of frames that the headless members of a group render together."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

# Enough samples that a part takes some seconds.
CYCLES = {"engine": "cycles", "width": 96, "height": 96, "samples": 400}


async def submit(client: ModernClient, first: int, last: int, **params: Any) -> dict[str, Any]:
    params = {"frame": first, "frame_end": last, **params}
    answer = await client.call("blender_submit", command="render", params=params, target_group="farm")
    document: dict[str, Any] = answer.document
    assert document["status"] == "queued", document
    return document


async def status(client: ModernClient, batch: dict[str, Any], wait_seconds: float = 0.0) -> dict[str, Any]:
    answer = await client.call("blender_job_status", job_id=batch["job_id"], wait_seconds=wait_seconds)
    document: dict[str, Any] = answer.document
    return document


async def until_it_ends(client: ModernClient, batch: dict[str, Any], seconds: float) -> dict[str, Any]:
    async with asyncio.timeout(seconds):
        while (document := await status(client, batch, 20.0))["status"] in ("queued", "running"):
            pass
    return document


def parts(document: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(job["target_uuid"], job["frame"], job["frame_end"]) for job in document["jobs"]]


async def render(peer: Peer) -> dict[str, Any]:
    """Answer one part as a Blender would."""
    job = await peer.next_job()
    params = job["params"]
    frames = [{"frame": number} for number in range(params["frame"], params["frame_end"] + 1)]
    await peer.update(job["job_id"], "completed", json.dumps({"frames": frames}))
    return params


def rendered(document: dict[str, Any]) -> list[int]:
    return [row["frame"] for job in document["jobs"] for row in json.loads(job["result"])["frames"]]


async def test_members_share_a_range_and_a_waiting_caller_hears_of_each_part(server: Workerd) -> None:
    token = await login(server.url)
    async with AsyncExitStack() as stack:
        peers = [
            await stack.enter_async_context(Peer(server.ws_url, token, f"node-{number}", group_id="farm"))
            for number in (1, 2, 3)
        ]
        client = await stack.enter_async_context(ModernClient(f"{server.url}/", token, timeout=60))
        batch = await submit(client, 10, 16)
        assert parts(batch) == [("node-1", 10, 12), ("node-2", 13, 14), ("node-3", 15, 16)]
        assert (await render(peers[2]))["frame"] == 15
        waiting = asyncio.create_task(status(client, batch, 50.0))
        await asyncio.sleep(0.5)
        await render(peers[0])
        async with asyncio.timeout(10):
            assert (await waiting)["status"] == "running"
        await render(peers[1])
        done = await until_it_ends(client, batch, 10)
        assert (done["status"], rendered(done)) == ("completed", list(range(10, 17)))
        refused = await client.call(
            "blender_submit", command="render", params={"frame": 1, "frame_end": 1_000_000}, target_group="farm"
        )
        assert refused.result["isError"]
        assert "frame_end must be at most 6000" in refused.result["content"][0]["text"]


async def test_a_node_that_drops_in_the_middle_is_replaced_and_told_to_stop(server: Workerd) -> None:
    token = await login(server.url)
    async with (
        Peer(server.ws_url, token, "node-1", group_id="farm") as one,
        Peer(server.ws_url, token, "node-2", group_id="farm") as two,
        ModernClient(f"{server.url}/", token, timeout=60) as client,
    ):
        batch = await submit(client, 1, 4)
        begun = await two.next_job()
        await two.progress(begun["job_id"], 50)
        await two.drop()
        await render(one)
        assert (await one.next_job(40.0))["params"] == begun["params"]
        shown = await status(client, batch)
        assert parts(shown) == [("node-1", 1, 2), ("node-1", 3, 4)]
        [before] = shown["jobs"][1]["tried_before"]
        assert (before["target_uuid"], before["status"], before["error"]) == ("node-2", "lost", "node-2 has left")
        two.registration["open_jobs"] = [begun["job_id"]]
        await two.connect()
        async with asyncio.timeout(5):
            while begun["job_id"] not in two.cancelled:
                await asyncio.sleep(0.05)
        frames = json.dumps({"frames": [{"frame": 3}, {"frame": 4}]})
        await one.update(shown["jobs"][1]["job_id"], "completed", frames)
        done = await until_it_ends(client, batch, 10)
        assert (done["status"], rendered(done)) == ("completed", [1, 2, 3, 4])


async def test_two_real_blenders_render_a_range_though_one_is_killed_half_way(tmp_path: Path) -> None:
    group = ("--group", "farm")
    with (
        Workerd(tmp_path / "bus") as bus,
        HeadlessBlender(bus.url, tmp_path / "home", uuid="node-1", options=group),
        HeadlessBlender(bus.url, tmp_path / "home", uuid="node-2", options=group) as doomed,
    ):
        async with ModernClient(f"{bus.url}/", await login(bus.url), timeout=90) as client:
            batch = await submit(client, 1, 6, **CYCLES)
            assert parts(batch) == [("node-1", 1, 3), ("node-2", 4, 6)]
            async with asyncio.timeout(60):
                while (await status(client, batch))["jobs"][1].get("progress", {}).get("percent", 0) < 30:
                    await asyncio.sleep(0.1)
            doomed.kill()
            done = await until_it_ends(client, batch, 180)
    assert done["status"] == "completed", done
    assert parts(done) == [("node-1", 1, 3), ("node-1", 4, 6)]
    assert done["jobs"][1]["tried_before"][0]["target_uuid"] == "node-2"
    assert rendered(done) == [1, 2, 3, 4, 5, 6]
    names = [file["name"] for job in done["jobs"] for file in job["files"]]
    assert len(names) == 6 and names == sorted(names), names
    assert "warning" not in done
