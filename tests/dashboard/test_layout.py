"""The layout of every page, measured: nothing overlaps, nothing is cut, nothing scrolls sideways, at any width."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from harness.mcp import login
from harness.peer import Payload, Peer
from harness.workerd import Workerd
from playwright.async_api import expect

from .owner import Owner
from .stored import put

HEBREW = "\u05e1\u05d8\u05d5\u05d3\u05d9\u05d5 \u05d2\u05d3\u05d5\u05dc \u05e9\u05dc \u05d1\u05dc\u05e0\u05d3\u05e8"
LONG = "render-farm-number-seventeen-in-the-cellar-of-the-old-building-by-the-river"
PATHS = [
    "/",
    "/dashboard",
    "/dashboard?state=failed",
    "/dashboard/job?id=j-1",
    "/dashboard/files",
    "/tokens",
    "/clients",
]
OWN = [*PATHS, "/account", "/account/audit", "/account/import", "/account/notifications", "/nowhere"]
ERROR = 'Traceback (most recent call last):\n  File "x", line 1\nRuntimeError: ' + "a_long_word_without_spaces" * 12

# What is wrong with the layout of the page that is shown, a line each.
WRONG = Path(__file__).with_name("layout.js").read_text()
STYLE = "style => { const it = new CSSStyleSheet(); it.replaceSync(style); document.adoptedStyleSheets = [it]; }"


@asynccontextmanager
async def crowded_bus(server: Workerd) -> AsyncIterator[None]:
    """Blenders with long and right-to-left names, and many jobs of all kinds; and files."""
    token = await login(server.url)
    await put(server, token, f"{HEBREW} {'x' * 150}.blend", b"BLENDER")
    await put(server, token, "W" * 200 + ".glb", b"")
    facts = ["Blender 5.0.1", "window", f"file:{'castle_' * 6}.blend", "policy:ask", "policy:" + "n" * 50]
    async with AsyncExitStack() as stack:
        names = [LONG, HEBREW, *(f"desk-{number:02}" for number in range(6))]
        peers = [Peer(server.ws_url, token, uuid=name, capabilities=facts, group_id=LONG) for name in names]
        for peer in peers:
            await stack.enter_async_context(peer)
        for number in range(40):
            await finish(peers[number % 2], number)
        yield


async def finish(peer: Peer, number: int) -> None:
    job_id = f"j-{number}"
    code = f"bpy.ops.mesh.primitive_cube_add(size={number}, location=({'1.0 + ' * 30} 0, 0))\nprint('{HEBREW}')"
    payload: Payload = {"message_type": "command_dispatch", "job_id": job_id, "command": "execute_code"}
    await peer.call("blender_send_message", payload=payload | {"params": {"code": code}}, target_uuid=peer.uuid)
    await peer.next_job()
    if number % 3 == 0:
        await peer.update(job_id, "completed", "x" * 3000)
    elif number % 3 == 1:
        await peer.update(job_id, "failed", error=ERROR)
    else:
        await peer.progress(job_id, 40, f"frame 4 of 10 {LONG}")


@pytest.mark.parametrize("width", [360, 768, 1440])
async def test_nothing_overlaps_is_cut_or_scrolls_sideways(server: Workerd, width: int) -> None:
    wrong = []
    window = {"viewport": {"width": width, "height": 800}, "has_touch": width < 1000, "is_mobile": width < 600}
    async with crowded_bus(server), Owner.at(server.url, **window) as owner:
        for path in ("/login", "/signup"):
            await owner.opens(path)
            wrong += [f"{path}: {one}" for one in await owner.page.evaluate(WRONG)]
        await owner.sign_in()
        for path in OWN:
            await owner.opens(path)
            if path.startswith("/dashboard?") or path == "/dashboard":
                await expect(owner.link()).to_have_text("Live")
            wrong += [f"{path}: {one}" for one in await owner.page.evaluate(WRONG)]
            await owner.picture(f"crowded{path.partition('?')[0].replace('/', '-')}-{width}")
    assert wrong == []


async def test_the_measure_finds_what_is_wrong(server: Workerd) -> None:
    async with Owner.at(server.url, viewport={"width": 360, "height": 800}) as owner:
        await owner.opens("/login")
        assert await owner.page.evaluate(WRONG) == []
        for style, complaint in [
            ("h1 { margin-bottom: -2rem }", "overlap: "),
            ("main { width: 30rem }", "beyond the window: "),
            ("label { overflow: hidden; white-space: nowrap; width: 1rem }", "cut: "),
            ("main button { flex: none !important; width: 2rem; padding: 0 !important }", "its text does not fit: "),
        ]:
            await owner.page.evaluate(STYLE, style)
            assert any(one.startswith(complaint) for one in await owner.page.evaluate(WRONG)), style
