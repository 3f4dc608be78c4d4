"""The dashboard on a phone's home screen: Chromium finds nothing that keeps it from being installed there."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from harness.visitor import PHONE, chromium_binary
from harness.workerd import Workerd
from playwright.async_api import async_playwright

from .owner import Owner

PAGES = ["/dashboard", "/dashboard/files", "/dashboard/job?id=x"]


@asynccontextmanager
async def with_a_profile(base: str, folder: Path) -> AsyncIterator[Owner]:
    """A browser that keeps what it has seen: in a private window nothing can be installed."""
    async with async_playwright() as playwright:
        phone = {"viewport": PHONE, "is_mobile": True, "base_url": base}
        context = await playwright.chromium.launch_persistent_context(
            folder, executable_path=chromium_binary(), **phone
        )
        yield Owner(await context.new_page(), base)
        await context.close()


async def test_a_browser_can_install_it_from_each_page_of_the_dashboard(server: Workerd, tmp_path: Path) -> None:
    async with with_a_profile(server.url, tmp_path / "profile") as owner:
        await owner.sign_in()
        devtools = await owner.page.context.new_cdp_session(owner.page)
        for path in PAGES:
            await owner.opens(path)
            manifest = await devtools.send("Page.getAppManifest")
            assert manifest["errors"] == [] and manifest["url"] == f"{server.url}/manifest.webmanifest"
            assert json.loads(manifest["data"])["start_url"] == "/dashboard"
            found = await devtools.send("Page.getInstallabilityErrors")
            assert found["installabilityErrors"] == [], path
            if "job" not in path:  # which there is none of: Chromium tells of the 404
                assert owner.complaints == []
        assert owner.elsewhere() == []


def test_the_icons_are_what_the_manifest_says(server: Workerd) -> None:
    answer = httpx.get(f"{server.url}/manifest.webmanifest")
    assert answer.headers["content-type"].startswith("application/manifest+json")
    manifest = answer.json()
    assert (manifest["start_url"], manifest["display"]) == ("/dashboard", "standalone")
    for icon in manifest["icons"]:
        found = httpx.get(server.url + icon["src"])
        assert found.status_code == 200 and found.headers["content-type"].startswith(icon["type"])
        if icon["type"] == "image/png":
            width, height = struct.unpack(">2I", found.content[16:24])
            assert f"{width}x{height}" == icon["sizes"]
    assert {icon.get("purpose", "any") for icon in manifest["icons"]} == {"any", "maskable"}


def test_who_has_not_signed_in_is_shown_no_manifest(server: Workerd) -> None:
    page = httpx.get(f"{server.url}/login")
    assert "manifest" not in page.text and "manifest-src" not in page.headers["content-security-policy"]
