"""What people come for, in as few steps as it takes: each click, tap and key is counted."""

from __future__ import annotations

from pathlib import Path

from harness.blender import HeadlessBlender
from harness.visitor import PHONE
from harness.workerd import Workerd
from playwright.async_api import Locator, Page, expect

from .owner import Owner
from .stocked import ERROR, blenders, copy_jobs, give
from .test_questions import ask

ON_PHONE = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
# A screen of a phone, and a half: further down nobody looks for what is urgent.
NEAR = PHONE["height"] * 1.5


class Counted:
    """Does what a person does, and counts it. A field that is filled counts as one."""

    def __init__(self, page: Page) -> None:
        self.page, self.steps = page, 0

    async def tap(self, target: Locator) -> None:
        self.steps += 1
        await target.tap()

    async def click(self, target: Locator) -> None:
        self.steps += 1
        await target.click()

    async def fill(self, target: Locator, text: str) -> None:
        self.steps += 1
        await target.fill(text)

    async def press(self, key: str) -> None:
        self.steps += 1
        await self.page.keyboard.press(key)


async def test_from_the_first_visit_to_the_first_picture(server: Workerd, tmp_path: Path) -> None:
    """The address, a name, a password, Sign in, Screenshot; in between the page says how to connect."""
    async with Owner.at(server.url) as owner:
        person = Counted(owner.page)
        await owner.opens("/")
        await person.click(owner.page.get_by_role("link", name="Dashboard"))
        await person.fill(owner.page.get_by_label("User name"), "demo")
        await person.fill(owner.page.get_by_label("Password"), "demo")
        await person.press("Enter")
        await expect(owner.page.get_by_text("None is here yet. In Blender:")).to_be_visible()
        await expect(owner.page.locator("#blenders-empty li")).to_have_count(3)
        with HeadlessBlender(server.url, tmp_path, uuid="desk"):
            await person.click(owner.peer("desk").get_by_role("button", name="Screenshot"))
            await expect(owner.peer("desk").get_by_role("img")).to_have_js_property("complete", True)
            await expect(owner.peer("desk").get_by_role("img")).to_be_visible()
        assert person.steps <= 5
        assert owner.complaints == []


async def test_approving_from_the_phone_takes_one_tap(server: Workerd) -> None:
    async with Owner.at(server.url, **ON_PHONE) as owner, blenders(server, ["desk"]) as [peer]:
        await owner.sign_in()
        await ask(peer, "j-1", "import bpy\nbpy.ops.mesh.primitive_cube_add()\n")
        person = Counted(owner.page)
        allow = owner.page.get_by_role("button", name="Allow once")
        await expect(allow).to_be_visible()
        box = await allow.bounding_box()
        assert box is not None and box["y"] + box["height"] < NEAR and box["height"] >= 44 and box["width"] >= 44
        await person.tap(allow)
        await expect(owner.page.locator("#questions")).to_be_hidden()
        await expect(owner.page.locator("#outcome")).to_contain_text("may run, this time only")
        assert person.steps == 1


async def test_why_last_nights_job_failed_takes_two_taps(server: Workerd) -> None:
    """Among 500 jobs: choose the state, and read the line; one tap more has all of it."""
    async with blenders(server, ["desk"]) as [peer]:
        await peer.update(await give(peer, "done"), "completed", "fine")
    copy_jobs(server, 400)
    async with blenders(server, ["desk"]) as [peer]:
        await peer.update(await give(peer, "night", "render", ""), "failed", error=ERROR)
        for number in range(45):
            await peer.update(await give(peer, f"j-{number}"), "completed")
    async with Owner.at(server.url, **ON_PHONE) as owner:
        await owner.sign_in()
        person = Counted(owner.page)
        await person.tap(owner.page.get_by_role("link", name="Jobs", exact=True))
        person.steps += 1
        await owner.page.get_by_label("State", exact=True).select_option("failed")
        row = owner.jobs().first
        await expect(row).to_contain_text("RuntimeError: no such cube")
        assert person.steps == 2
        await person.tap(row.locator("a.what"))
        await expect(owner.page.get_by_label("What went wrong")).to_contain_text("line 3, in <module>")
        assert person.steps == 3
