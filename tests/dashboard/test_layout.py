"""The layout of every page, measured: nothing overlaps, nothing is cut, nothing scrolls sideways, at any width."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd
from playwright.async_api import expect

from .owner import Owner
from .stocked import blenders, copy_jobs, give
from .stored import png, put
from .test_pictures import drawn

HEBREW = "\u05e1\u05d8\u05d5\u05d3\u05d9\u05d5 \u05d2\u05d3\u05d5\u05dc \u05e9\u05dc \u05d1\u05dc\u05e0\u05d3\u05e8"
ARABIC = "\u0645\u0634\u0647\u062f \u0627\u0644\u0642\u0644\u0639\u0629 \u0627\u0644\u0643\u0628\u064a\u0631\u0629"
LONG = "render-farm-number-seventeen-in-the-cellar-of-the-old-building-by-the-river"
PATHS = [
    "/",
    "/dashboard",
    "/dashboard?state=failed",
    "/dashboard/job?id=j-1",
    "/dashboard/job?id=j-0",
    "/dashboard/job?id=asks",
    "/dashboard/files",
    "/tokens",
    "/shares",
    "/clients",
]
OWN = [*PATHS, "/account", "/account/audit", "/account/import", "/account/notifications", "/nowhere"]
CROWDED = ["/dashboard", "/dashboard/job?id=asks", "/dashboard/files", "/clients"]
ERROR = 'Traceback (most recent call last):\n  File "x", line 1\nRuntimeError: ' + "a_long_word_without_spaces" * 12
CODE = f"""import bpy, os, urllib.request
# {ARABIC} and {HEBREW}: what is written from right to left
name = '{"n" * 255}'  \u202e
for number in range(10):
    bpy.ops.mesh.primitive_cube_add(size=number, location=({"1.0 + " * 30} 0, 0))
bpy.ops.wm.save_as_mainfile(filepath=os.path.join('/home', name))
"""

# What is wrong with the layout of the page that is shown, a line each.
WRONG = Path(__file__).with_name("layout.js").read_text()
STYLE = "style => { const it = new CSSStyleSheet(); it.replaceSync(style); document.adoptedStyleSheets = [it]; }"


@asynccontextmanager
async def crowded_bus(server: Workerd) -> AsyncIterator[None]:
    """30 Blenders with long and right-to-left names, over 500 jobs of all kinds, a question, clients, and files."""
    token = await login(server.url)
    await put(server, token, f"{HEBREW} {'x' * 150}.blend", b"BLENDER")
    await put(server, token, f"{ARABIC} (1).png", png(320, 180))
    await put(server, token, "W" * 251 + ".glb", b"")
    facts = ["blender:5.0.1", "window", f"file:{'castle_' * 16}.blend", "policy:ask", f"file:{ARABIC}.blend"]
    names = [LONG, HEBREW, ARABIC, "W" * 128, *(f"desk-{number:02}" for number in range(26))]
    async with blenders(server, names[:2], facts) as peers:
        for number in range(12):
            await finish(peers[number % 2], number)
    copy_jobs(server, 500)
    async with blenders(server, names, facts) as peers:
        for number in range(3):
            shot = await give(peers[number], f"shot-{number}", "get_viewport_screenshot")
            width, height = [(320, 180), (90, 320), (320, 60)][number]
            await peers[number].update(shot, "completed", json.dumps(drawn(width, height)))
        await peers[3].progress(await give(peers[3], "works"), 40, f"frame 4 of 10 {LONG}")
        asks = await give(peers[1], "asks", code=CODE)
        told = {"progressToken": asks, "progress": 0, "total": 100, "message": "waits for the user's consent"}
        told["_meta"] = {"blender-bus/asks": "consent"}
        await peers[1].send({"jsonrpc": "2.0", "method": "notifications/progress", "params": told})
        await peers[0].call("blender_list_available_clients")
        async with ModernClient(server.url, token) as client:
            await client.call("blender_list_available_clients")
        yield


async def finish(peer: Peer, number: int) -> None:
    job_id = await give(peer, f"j-{number}", code=CODE + f"# {number}")
    if number % 3 == 0:
        await peer.update(job_id, "completed", "x" * 3000)
    elif number % 3 == 1:
        await peer.update(job_id, "failed", error=ERROR)
    else:
        await peer.update(job_id, "cancelled")


LOOKS = [
    pytest.param({"width": 320, "height": 640}, "light", True, id="320-as-1280-at-400-percent"),
    pytest.param({"width": 360, "height": 800}, "dark", True, id="360"),
    pytest.param({"width": 720, "height": 450}, "dark", True, id="720-as-1440-at-200-percent"),
    pytest.param({"width": 768, "height": 800}, "light", True, id="768"),
    pytest.param({"width": 1440, "height": 800}, "light", True, id="1440"),
    pytest.param({"width": 360, "height": 800}, "light", False, id="360-without-scripts"),
    pytest.param({"width": 1440, "height": 800}, "dark", False, id="1440-without-scripts"),
]


@pytest.mark.parametrize(("viewport", "scheme", "scripts"), LOOKS)
async def test_nothing_overlaps_is_cut_or_scrolls_sideways(
    server: Workerd, viewport: dict[str, int], scheme: str, scripts: bool
) -> None:
    wrong, width = [], viewport["width"]
    window = {"viewport": viewport, "has_touch": width < 1000, "is_mobile": width < 600, "color_scheme": scheme}
    look = f"{width}-{scheme}{'' if scripts else '-bare'}"
    async with crowded_bus(server), Owner.at(server.url, java_script_enabled=scripts, **window) as owner:
        for path in ("/login", "/signup"):
            await owner.opens(path)
            wrong += [f"{path}: {one}" for one in await owner.page.evaluate(WRONG)]
        await owner.sign_in()
        for path in OWN:
            await owner.opens(path)
            if scripts and path.startswith("/dashboard") and "/" not in path[1:]:
                await expect(owner.link()).to_have_text("Live")
            wrong += [f"{path}: {one}" for one in await owner.page.evaluate(WRONG)]
            if scripts and path in CROWDED:
                wrong += [f"{path}: {one}" for one in await owner.violations()]
            await owner.picture(f"crowded{path.replace('/', '-').replace('?', '_')}-{look}")
    assert wrong == []


async def test_the_measure_finds_what_is_wrong(server: Workerd) -> None:
    async with Owner.at(server.url, viewport={"width": 360, "height": 800}, has_touch=True) as owner:
        await owner.opens("/login")
        assert await owner.page.evaluate(WRONG) == []
        for style, complaint in [
            ("h1 { margin-bottom: -2rem }", "overlap: "),
            ("main { width: 30rem }", "beyond the window: "),
            ("label { overflow: hidden; white-space: nowrap; width: 1rem }", "cut: "),
            ("main input { min-height: 0 !important; height: 1.5rem }", "too low for a finger: "),
            ("main button { flex: none !important; width: 2rem; padding: 0 !important }", "its text does not fit: "),
        ]:
            await owner.page.evaluate(STYLE, style)
            assert any(one.startswith(complaint) for one in await owner.page.evaluate(WRONG)), style
