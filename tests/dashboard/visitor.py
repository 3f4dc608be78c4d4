"""Somebody at a browser: Chromium without a screen, what its pages asked for, and what they complained of."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness.chromium import chromium_binary
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
SECONDS = 20
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

    async def sign_in(self, path: str = "/dashboard", username: str = "demo", password: str = "demo") -> None:
        """Asks for a page of the owner's, and signs in where that leads."""
        await self.page.goto(self.base + path)
        await self.page.get_by_label("User name").fill(username)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(self.base + path)

    async def opens(self, path: str) -> None:
        await self.page.goto(self.base + path)

    def link(self) -> Locator:
        """What the dashboard says of its own connection."""
        return self.page.locator("#link")

    def peer(self, uuid: str) -> Locator:
        return self.page.locator(f'[id="peer:{uuid}"]')

    def jobs(self) -> Locator:
        return self.page.locator("#jobs li")

    async def send(self, command: str, text: str) -> None:
        await self.page.get_by_label("Command", exact=True).select_option(command)
        await self.page.get_by_label("Python code").fill(text)
        await self.page.get_by_role("button", name="Send").click()

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


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_binary())
        yield browser
        await browser.close()


@asynccontextmanager
async def visitor(base: str, **window: Any) -> AsyncIterator[Visitor]:
    """A browser of its own. `window`: options of the context, such as `viewport` and `color_scheme`."""
    async with chromium() as browser:
        context = await browser.new_context(**{"viewport": DESKTOP, **window})
        yield Visitor(await context.new_page(), base)


__all__ = ["DESKTOP", "PHONE", "Visitor", "expect", "setting", "visitor"]
