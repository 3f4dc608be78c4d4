"""Somebody at a browser: Chromium without a screen, what its pages asked for, and what they complained of."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
# The same without all that a window needs: it starts in half the time. It has no notifications.
WINDOWLESS = "chromium-headless-shell"
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
SECONDS = 20
MAX_TABS = 30
# Chromium tells a width of an outline that is not drawn, too.
OUTLINE = "it => [getComputedStyle(it).outlineStyle, getComputedStyle(it).outlineWidth]"
expect.set_options(timeout=SECONDS * 1000)
# Where to leave pictures of the pages; without it none are taken.
PICTURES = os.environ.get("BUS_PICTURES")


def setting(name: str) -> str:
    """A path that `npm test` sets."""
    if not (value := os.environ.get(name)):
        pytest.fail(f"{name} is not set; `npm test` sets it")
    return value


def axe() -> str:
    """The source of axe."""
    return Path(setting("BUS_NODE_CLIENTS"), "node_modules", "axe-core", "axe.min.js").read_text()


def chromium_binary() -> str:
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        pytest.fail(f"none of {', '.join(CHROMIUMS)} is installed; `npm test` installs one where it can")
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which(WINDOWLESS) or chromium_binary())
        yield browser
        await browser.close()


@dataclass
class Visitor:
    """One browser window. `requests` are the URLs it asked for, `complaints` what the console and the pages said."""

    page: Page
    base: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.set_default_timeout(SECONDS * 1000)

    @classmethod
    @asynccontextmanager
    async def at(cls, base: str, **window: Any) -> AsyncIterator[Self]:
        """With a browser of its own. `window`: options of the context, such as `viewport` and `color_scheme`."""
        async with chromium() as browser:
            context = await browser.new_context(**{"base_url": base, "viewport": DESKTOP, **window})
            yield cls(await context.new_page(), base)

    async def opens(self, url: str) -> None:
        """`url` may be a path of the bus."""
        await self.page.goto(url)

    async def sees(self, text: str) -> None:
        """Waits until a page shows this text, and is there as a whole."""
        await expect(self.page.locator("body")).to_contain_text(text, use_inner_text=True)
        await self.page.wait_for_load_state()

    def input(self, name: str) -> Locator:
        return self.page.locator(f'[name="{name}"]')

    def button(self, text: str) -> Locator:
        return self.page.get_by_role("button", name=text, exact=True)

    async def presses(self, key: str) -> None:
        await self.page.keyboard.press(key)

    async def types(self, text: str) -> None:
        """Into what has the focus."""
        await self.page.keyboard.type(text)

    async def tabs_to(self, target: Locator) -> None:
        """Presses Tab until this has the focus, as somebody without a mouse does; the focus can be seen."""
        for _ in range(MAX_TABS):
            if await target.evaluate("it => it === document.activeElement"):
                style, width = await target.evaluate(OUTLINE)
                assert style != "none" and width != "0px", f"nobody sees that {target} has the focus"
                return
            await self.presses("Tab")
        raise AssertionError(f"Tab never leads to {target} at {self.page.url}")

    async def violations(self) -> list[str]:
        """What axe finds wrong on the page."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(axe())
        found = await self.page.evaluate("axe.run()")
        return [f"{one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]]

    async def picture(self, name: str) -> None:
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES, f"{name}.png"), full_page=True)

    def elsewhere(self) -> list[str]:
        """Requests that went to any other server."""
        return [url for url in self.requests if not url.startswith((self.base + "/", "data:"))]
