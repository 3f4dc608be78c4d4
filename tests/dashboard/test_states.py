"""What is empty, away, busy, full or lost says so, and what to do next."""

from __future__ import annotations

import asyncio
from pathlib import Path

from harness.blender import HeadlessBlender
from harness.mcp import login
from harness.visitor import PHONE
from harness.workerd import Workerd
from playwright.async_api import expect

from .owner import Owner
from .stocked import blenders, give
from .stored import put


async def test_a_blender_that_works_says_on_what_since_when_and_stops_when_told(
    server: Workerd, tmp_path: Path
) -> None:
    async with Owner.at(server.url) as owner:
        await owner.sign_in()
        card = owner.peer("desk")
        with HeadlessBlender(server.url, tmp_path, uuid="desk"):
            await expect(card).to_contain_text("connected, idle")
            await owner.send("execute_code", "import time\nfor _ in range(600):\n    time.sleep(0.1)")
            await expect(card).to_contain_text("connected, busy")
            await expect(card.get_by_role("link", name="execute_code")).to_be_visible()
            # Blender itself tells where it is.
            await expect(card).to_contain_text("at line 3")
            await card.get_by_role("button", name="Cancel execute_code in desk").click()
            await expect(owner.jobs().first).to_contain_text("cancelled")
            await expect(card).to_contain_text("connected, idle")
        await expect(card).to_contain_text("away, seen")
        await expect(card).to_contain_text("Press Connect in it.")


async def test_a_blender_that_takes_nothing_says_where_to_look(server: Workerd) -> None:
    async with Owner.at(server.url) as owner, blenders(server, ["desk"]) as [peer]:
        await owner.sign_in()
        peer.acknowledge = False
        await owner.send("get_scene_info", "")
        await owner.send("get_scene_info", "")
        card = owner.peer("desk")
        await expect(card).to_contain_text("connected, not yet at work")
        await expect(card).to_contain_text("2 jobs wait for it. If that lasts, look at its computer")
        job = (await peer.next_job())["job_id"]
        told = {"progressToken": job, "progress": 0, "total": 100, "message": "waiting: the user drags something"}
        told["_meta"] = {"blender-bus/waits": True}
        await peer.send({"jsonrpc": "2.0", "method": "notifications/progress", "params": told})
        await expect(card).to_contain_text("2 jobs wait for it: the user drags something.")
        await peer.close()
        await expect(card).to_contain_text("away, seen")
        await expect(card).to_contain_text("What is sent to it waits until it is back.")


async def test_a_connection_that_is_lost_is_told_and_comes_back_by_itself(server: Workerd) -> None:
    async with Owner.at(server.url, viewport=PHONE) as owner:
        await owner.sign_in()
        await expect(owner.link()).to_have_text("Live")
        server.kill()
        await expect(owner.link()).to_have_text("Connection lost. Trying again ...")
        await owner.picture("lost-phone")
        server.start()
        await expect(owner.link()).to_have_text("Live")
        async with blenders(server, ["desk"]) as [peer]:
            await expect(owner.peer("desk")).to_contain_text("connected, idle")
            await owner.page.context.set_offline(True)
            await owner.page.get_by_role("button", name="Screenshot").click()
            await expect(owner.peer("desk")).to_contain_text("The server could not be reached. Try again.")
            await owner.page.context.set_offline(False)
            await owner.opens(f"/dashboard/job?id={await give(peer, 'j-1')}")
            lost = owner.page.get_by_text("Connection lost. Trying again ...")
            await expect(lost).to_have_count(0)
            server.kill()
            await expect(lost).to_be_visible()
            server.start()
            await expect(lost).to_have_count(0)


async def test_a_full_shelf_and_a_full_bus_say_so_before_anything_is_refused(tmp_path: Path) -> None:
    variables = {"DEV_ACCOUNTS": "demo:demo", "LIMIT_FILES": "2", "LIMIT_STORAGE_MIB": "1"}
    with Workerd(tmp_path / "small", variables=variables) as server:
        token = await login(server.url)
        async with Owner.at(server.url) as owner, blenders(server, ["desk"]) as [peer]:
            await owner.sign_in()
            await expect(owner.page.locator("#warning")).to_be_empty()
            await put(server, token, "a.glb", b"a")
            await owner.opens("/dashboard/files")
            await expect(owner.page.get_by_text("There is no room for more")).to_have_count(0)
            await put(server, token, "b.glb", b"b")
            await owner.page.reload()
            await expect(owner.page.get_by_text("There is no room for more")).to_be_visible()
            await owner.opens("/dashboard")
            job = await give(peer, "j-1")
            await peer.update(job, "completed", "x" * 1_000_000)
            await expect(owner.page.locator("#warning")).to_contain_text("Your bus is full, and takes no jobs")
            await expect(owner.page.locator("#warning")).to_contain_text("24 hours after they were made")
            await asyncio.sleep(1.1)  # the bus looks at its size once a second
            await owner.send("get_scene_info", "")
            await expect(owner.page.locator("#sent")).to_contain_text("24 hours after they were made")
