"""Sharing as people do it: an owner and a guest, each at a browser, with the real Worker and a real Blender."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dashboard.owner import Owner
from harness.blender import HeadlessBlender
from harness.mcp import login
from harness.peer import Peer
from harness.visitor import PHONE, Visitor
from harness.workerd import Workerd
from playwright.async_api import expect

from .links import Link, Sharer

LAYOUT = (Path(__file__).parents[1] / "dashboard" / "layout.js").read_text()
HEBREW = "\u05e1\u05d8\u05d5\u05d3\u05d9\u05d5 \u05d2\u05d3\u05d5\u05dc"
LONG = "w" * 128


class Clicks:
    """Counts what a person presses."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.count = 0

    async def press(self, role: Any, name: str | re.Pattern[str]) -> None:
        self.count += 1
        await self.visitor.page.get_by_role(role, name=name, exact=isinstance(name, str)).first.click()


@asynccontextmanager
async def both(server: Workerd, **window: Any) -> AsyncIterator[tuple[Owner, Visitor]]:
    """An owner on the dashboard, and somebody without an account."""
    async with Owner.at(server.url, **window) as owner, Visitor.at(server.url, **window) as guest:
        await owner.sign_in()
        await expect(owner.link()).to_have_text("Live")
        yield owner, guest
        assert owner.complaints == []
        assert [url for url in guest.requests if not url.startswith(server.url)] == []


async def make(owner: Owner, name: str, *, work: bool) -> tuple[Link, int]:
    """Shares the only Blender from its card. Returns the link and the clicks it took."""
    clicks = Clicks(owner)
    await clicks.press("link", "Share")
    await owner.page.get_by_label("Whom it is for").fill(name)
    if work:
        await clicks.press("radio", re.compile("work"))
    await clicks.press("button", "Make a link")
    return Link(await owner.page.locator(".whole").first.inner_text()), clicks.count


async def test_a_friend_watches_asks_to_work_and_is_shown_out(server: Workerd, tmp_path: Path) -> None:
    async with both(server) as (owner, guest):
        with HeadlessBlender(server.url, tmp_path, uuid="desk"):
            await expect(owner.peer("desk")).to_contain_text("connected")
            link, clicks = await make(owner, "Ada", work=True)
            assert clicks == 3
            await owner.opens("/dashboard")

            await guest.opens(link.url)
            assert guest.page.url.startswith(f"{server.url}/share/g-") and link.secret not in guest.page.url
            await expect(guest.page.locator("#link")).to_have_text("Live")
            await expect(owner.peer("desk")).to_contain_text("Shared with Ada to work, watching now")
            await guest.page.get_by_role("button", name="New picture").click()
            picture = guest.page.get_by_alt_text("The viewport of the shared Blender")
            await expect(picture).to_be_visible()
            assert await picture.evaluate("image => image.complete && image.naturalWidth") > 300
            await guest.picture("share-desktop")

            await expect(guest.page.locator(".jobs").get_by_role("button")).to_have_count(0)
            await guest.page.get_by_label("Python code").fill("print(6 * 7)")
            await guest.page.get_by_role("button", name="Ask to run it").click()
            await expect(guest.page.locator("#outcome")).to_contain_text("is asked")
            asked = owner.page.locator("#questions-list")
            await expect(asked).to_contain_text("print(6 * 7)")
            await expect(guest.page.locator(".jobs").get_by_role("button")).to_have_count(1)
            await expect(asked).to_contain_text("Ada (share link)")
            await owner.page.get_by_role("button", name="Allow once").click()
            row = guest.page.locator(".jobs > li").first
            await expect(row).to_contain_text("completed")
            await row.locator("a.what").click()
            await expect(guest.page.get_by_label("What came of the job")).to_have_text("42\n")
            await guest.page.get_by_role("link", name="Back to the Blender").click()
            await expect(guest.page.locator("#link")).to_have_text("Live")

            await owner.page.get_by_role("link", name="End it").click()
            await expect(owner.page.get_by_text("watching now")).to_be_visible()
            await owner.page.get_by_role("button", name="End the share for Ada").click()
            await expect(owner.page.get_by_text("The share has ended")).to_be_visible()
            await expect(guest.page.get_by_role("heading", name="This share has ended")).to_be_visible()


async def test_a_share_is_ended_from_the_phone_in_two_taps(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, "desk"), both(server, viewport=PHONE, has_touch=True) as (owner, guest):
        link = Sharer(server).share("desk")
        await guest.opens(link.url)
        await expect(owner.peer("desk")).to_contain_text("watching now")
        clicks = Clicks(owner)
        await clicks.press("link", "End it")
        await clicks.press("button", "End the share for Ada")
        assert clicks.count == 2
        await expect(guest.page.get_by_role("heading", name="This share has ended")).to_be_visible()
        await owner.opens("/dashboard")
        await expect(owner.peer("desk")).not_to_contain_text("Shared with")


async def test_who_only_watches_is_offered_no_more_and_needs_no_script(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, "desk"), Visitor.at(server.url, java_script_enabled=False) as guest:
        await guest.opens(Sharer(server).share("desk").url)
        await expect(guest.page.get_by_role("heading", name="desk")).to_be_visible()
        await expect(guest.page.get_by_text("Shared with you to watch")).to_be_visible()
        await expect(guest.page.get_by_label("Python code")).to_have_count(0)
        await expect(guest.page.get_by_role("button")).to_have_text(["New picture"])


async def test_a_shared_blender_that_is_away_says_what_to_do(server: Workerd) -> None:
    token = await login(server.url)
    async with Visitor.at(server.url) as guest:
        async with Peer(server.ws_url, token, "desk"):
            await guest.opens(Sharer(server).share("desk").url)
            await expect(guest.page.get_by_text("connected", exact=True)).to_be_visible()
        await expect(guest.page.get_by_text("Ask its owner to press Connect")).to_be_visible()
        async with Peer(server.ws_url, token, "desk"):
            await expect(guest.page.get_by_text("connected", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1440])
async def test_the_pages_of_shares_are_for_everybody_at_every_width(server: Workerd, width: int, scheme: str) -> None:
    wrong: list[str] = []
    token = await login(server.url)
    window: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    async with (
        Peer(server.ws_url, token, LONG) as peer,
        Peer(server.ws_url, token, HEBREW),
        both(server, **window) as (owner, guest),
    ):
        sharer = Sharer(server)
        link = sharer.share(LONG, "work", name="W" * 80)
        sharer.share(HEBREW, name=HEBREW)
        for number in range(3):
            payload = {"message_type": "command_dispatch", "command": "execute_code", "params": {"code": "x" * 500}}
            await peer.call("blender_send_message", payload=payload | {"job_id": f"j-{number}"}, target_uuid=LONG)
            await peer.next_job()
        await peer.update("j-0", "failed", error="ValueError: " + "y" * 400)
        await guest.opens(link.url)
        for visitor, paths in [(owner, ["/shares"]), (guest, ["", "?job=j-0", "?job=none"])]:
            for path in paths:
                base = guest.page.url.partition("?")[0] if visitor is guest else server.url
                await visitor.opens(base + path)
                if visitor is guest and path == "":
                    await expect(guest.page.locator("#link")).to_have_text("Live")
                name = f"{'share' if visitor is guest else 'shares'}{path.replace('/', '-').replace('?', '-')}"
                wrong += [f"{name}: {one}" for one in await visitor.page.evaluate(LAYOUT)]
                wrong += [f"{name}: {one}" for one in await visitor.violations()]
                if await visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    wrong.append(f"{name}: is wider than the window")
                await visitor.picture(f"{name}-{width}-{scheme}")
    assert wrong == []
