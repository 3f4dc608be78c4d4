"""A Blender that works on something that does not yield: callers are told what, and need not wait for it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.workerd import Workerd

BLOCKED = "import time\nuntil = time.time() + 6\nwhile time.time() < until: pass\ntime.sleep(60)"


async def test_callers_are_told_what_keeps_blender_busy_and_need_not_wait(tmp_path: Path) -> None:
    with Workerd(tmp_path / "bus") as bus, HeadlessBlender(bus.url, tmp_path / "home", uuid="blender-1"):
        async with ModernClient(f"{bus.url}/", await login(bus.url), timeout=60) as client:
            submitted = await client.call("blender_submit", command="execute_code", params={"code": BLOCKED})
            runs = submitted.document["job_id"]
            # It comes before the bus knows, and hears as soon as that does.
            impatient, patient = await asyncio.gather(
                client.call("blender_get_scene_info", wait_if_busy=False, timeout_seconds=30),
                client.call("blender_get_scene_info", timeout_seconds=8),
            )
            refused: dict[str, Any] = impatient.document
            assert (refused["status"], refused["result"]) == ("busy", ""), refused
            running = refused["running"]
            assert (running["job_id"], running["command"]) == (runs, "execute_code")
            assert 4 <= running["seconds"] < 10
            assert running["message"].startswith("busy since 5 s, at line 3: while time.time() < until: pass\n")
            waited = patient.document
            assert (waited["status"], waited["job_state"]) == ("timeout", "queued")
            assert waited["hint"].startswith(f"Blender works on execute_code ({runs}) since ")
            assert waited["running"]["job_id"] == runs
            # Now it is known, so that no job is made.
            again = (await client.call("blender_execute_code", code="print(1)", wait_if_busy=False)).document
            assert (again["status"], again["job_id"]) == ("busy", None)
            async with asyncio.timeout(10):
                while "blocked in a Blender operation" not in again["running"]["message"]:
                    await asyncio.sleep(0.5)
                    again = (await client.call("blender_get_scene_info", wait_if_busy=False)).document
            assert "at line 4: time.sleep(60)" in again["running"]["message"]
            assert "<code of j-" in again["running"]["message"]
            listed = (await client.call("blender_job_result", job_id=refused["job_id"])).document
            assert listed["status"] == "cancelled"
