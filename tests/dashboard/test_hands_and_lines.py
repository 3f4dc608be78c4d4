"""The dashboard on a slow line, where nothing jumps, and by the keyboard alone, where everything is reached."""

from __future__ import annotations

import json
import time

from harness.visitor import OUTLINE, PHONE
from harness.workerd import Workerd
from playwright.async_api import expect

from .owner import Owner
from .stocked import ERROR, blenders, give
from .test_pictures import drawn
from .test_questions import ask

SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
PATHS = ["/dashboard", "/dashboard/job?id=j-1", "/dashboard/files", "/tokens", "/clients", "/account"]
SHIFTS = """() => new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((one) => (sum += one.value)))
        .observe({type: 'layout-shift', buffered: true});
    setTimeout(() => resolve(sum), 300);
})"""
REACHABLE = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter((it) => it.checkVisibility() && !it.disabled && it.type !== 'hidden' && it.tabIndex >= 0)
    .map((it, place) => it.dataset.place = String(place))"""
KEPT = """() => Object.fromEntries([...document.querySelectorAll('[data-place]')]
    .map((it) => [it.dataset.place, it.outerHTML]))"""
FOCUSED = "() => document.activeElement.dataset.place ?? ''"
# 100 KB need two of them, and each answer waits 0.4 s for its first byte; the machine may be busy.
MAX_SECONDS = 9.0


async def test_on_a_slow_line_the_page_is_soon_there_and_nothing_jumps(server: Workerd) -> None:
    async with (
        Owner.at(server.url, viewport=PHONE, is_mobile=True, has_touch=True) as owner,
        blenders(server, ["desk", "farm"]) as peers,
    ):
        for peer in peers:
            shot = await give(peer, f"shot-{peer.uuid}", "get_viewport_screenshot", "")
            await peer.update(shot, "completed", json.dumps(drawn(960, 540) | {"note": "x" * 100_000}))
        await owner.sign_in()
        devtools = await owner.page.context.new_cdp_session(owner.page)
        await devtools.send("Network.enable")
        await devtools.send("Network.emulateNetworkConditions", SLOW)
        started = time.monotonic()
        await owner.page.goto(server.url + "/dashboard", wait_until="commit")
        await expect(owner.page.get_by_role("heading", name="Blenders")).to_be_visible()
        await expect(owner.link()).to_have_text("Live")
        assert time.monotonic() - started < MAX_SECONDS
        image = owner.peer("desk").get_by_role("img")
        await expect(image).to_have_js_property("naturalWidth", 960)
        # Not what comes and goes with the jobs of others, only what the page itself does.
        assert await owner.page.evaluate(SHIFTS) < 0.02
        await peers[0].progress(await give(peers[0], "j-1"), 40, "frame 4 of 10")
        await expect(owner.peer("desk")).to_contain_text("busy")
        await owner.peer("desk").get_by_role("button", name="Cancel").tap()
        await expect(owner.peer("desk")).to_contain_text("Blender was asked to stop it")
        assert peers[0].cancelled == ["j-1"]
        assert owner.complaints == []


async def missed(owner: Owner, path: str) -> list[str]:
    """What Tab does not come to. A page that replaces something meanwhile, since there was news, is begun again."""
    while True:
        places = set(await owner.page.evaluate(REACHABLE))
        assert len(places) > 3, path
        seen = {await owner.page.evaluate(FOCUSED)} if path == "/dashboard" else set()
        for _ in range(len(places) + 5):
            await owner.presses("Tab")
            place = await owner.page.evaluate(FOCUSED)
            if place in seen or not place:
                continue
            style, width = await owner.page.locator(":focus").evaluate(OUTLINE)
            assert style != "none" and width != "0px", (path, place)
            seen.add(place)
        kept = await owner.page.evaluate(KEPT)
        if len(kept) == len(places):
            return [html for place, html in kept.items() if place not in seen]
        await owner.page.locator(".brand").focus()


async def test_every_action_is_reached_by_the_keyboard_and_its_focus_is_seen(server: Workerd) -> None:
    async with Owner.at(server.url) as owner, blenders(server, ["desk"]) as [peer]:
        await owner.sign_in()
        await peer.update(await give(peer, "j-1"), "failed", error=ERROR)
        await peer.progress(await give(peer, "j-2"), 40)
        await ask(peer, "j-3", "import os\n" * 40)
        for path in PATHS:
            await owner.opens(path)
            if path == "/dashboard":
                await expect(owner.link()).to_have_text("Live")
                await owner.page.locator("#send-panel summary").press("Enter")
                await owner.page.locator(".brand").focus()
            assert await missed(owner, path) == [], path


async def test_a_question_is_answered_by_the_keyboard_alone(server: Workerd) -> None:
    async with Owner.at(server.url) as owner, blenders(server, ["desk"]) as [peer]:
        await owner.sign_in()
        await ask(peer, "j-1", "import os\n" * 60)
        await owner.tabs_to(owner.page.get_by_label("What would run"))
        await owner.presses("End")
        await owner.tabs_to(owner.page.get_by_role("button", name="Allow once"))
        await owner.presses("Enter")
        await expect(owner.page.locator("#outcome")).to_contain_text("may run, this time only")
