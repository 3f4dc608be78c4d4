"""What waits for a decision: all of it is shown exactly, coloured by the server, with what it may touch."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.visitor import PHONE
from harness.workerd import Workerd
from playwright.async_api import Locator, expect

from .owner import Owner
from .stocked import blenders, give

CODE = """
import os, urllib.request
# a comment with <b>, & and 'quotes'\t
text = f"a{1 + 2}" + r'n' + '''over
lines'''
if True: bpy.ops.wm.save_mainfile(filepath='/x')  \u202e\u2066 # turned
x = "<script>alert(1)</script>" and '&amp;&#13;'\r
\xa0é\U0001f600\u200b
"""


async def ask(peer: Peer, job_id: str, code: str, command: str = "execute_code") -> None:
    await give(peer, job_id, command, code)
    params = {"progressToken": job_id, "progress": 0, "total": 100, "message": "waits for the user's consent"}
    params["_meta"] = {"blender-bus/asks": "consent"}
    await peer.send({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})


def shown(owner: Owner) -> Locator:
    return owner.page.get_by_label("What would run")


@pytest.mark.parametrize("scripts", [True, False])
async def test_code_that_asks_is_shown_to_the_last_byte(server: Workerd, scripts: bool) -> None:
    async with Owner.at(server.url, java_script_enabled=scripts) as owner, blenders(server, ["desk"]) as [peer]:
        await ask(peer, "j-1", CODE)
        await owner.sign_in()
        assert await shown(owner).evaluate("it => it.textContent") == CODE
        assert await shown(owner).locator(".k").all_inner_texts() == ["import", "if", "True", "and"]
        await expect(shown(owner).locator(".h")).to_have_count(3)
        await expect(shown(owner).locator(".h").first).to_have_attribute("data-h", "U+202E")
        await owner.opens("/dashboard/job?id=j-1")
        given = owner.page.get_by_label("What the job was given")
        assert await given.evaluate("it => it.textContent") == CODE
        assert owner.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_colours_can_be_told_from_their_ground(server: Workerd, scheme: str) -> None:
    async with Owner.at(server.url, color_scheme=scheme, viewport=PHONE) as owner, blenders(server, ["desk"]) as [peer]:
        await ask(peer, "j-1", CODE)
        await owner.sign_in()
        assert await owner.violations() == []
        await owner.picture(f"question-code-{scheme}")


async def test_a_question_tells_what_the_code_mentions_and_claims_no_more(server: Workerd) -> None:
    async with Owner.at(server.url) as owner, blenders(server, ["desk"]) as [peer]:
        await owner.sign_in()
        question = owner.page.locator("#questions")
        await ask(peer, "j-1", CODE)
        await expect(question).to_contain_text("Mentions files of that computer: os bpy.ops.wm.save_mainfile")
        await expect(question).to_contain_text("Mentions the network: urllib.request")
        await expect(question).to_contain_text("Code can reach what it does not name: read it.")
        await peer.update("j-1", "cancelled")
        await ask(peer, "j-2", "bpy.ops.mesh.primitive_cube_add()")
        await expect(question).to_contain_text("It names nothing that this page knows as reaching beyond the scene.")


async def test_what_a_real_blender_asks_about_says_what_it_does(server: Workerd, tmp_path: Path) -> None:
    async with Owner.at(server.url) as owner:
        await owner.sign_in()
        with HeadlessBlender(server.url, tmp_path, uuid="desk", options=["--policy", "ask"]):
            await expect(owner.peer("desk")).to_contain_text("asks before code")
            path = str(tmp_path / "elsewhere.txt.png")
            async with ModernClient(server.url, await login(server.url)) as client:
                (tmp_path / "elsewhere.txt.png").write_text("there is something")
                await client.call("blender_submit", command="get_viewport_screenshot", params={"filepath": path})
                question = owner.page.locator("#questions")
                await expect(question).to_contain_text(f"Writes a picture to the file {path} on that computer.")
                await expect(owner.peer("desk")).to_contain_text("asks you")
                await question.get_by_role("button", name="Refuse").click()
                await expect(question).to_be_hidden()
