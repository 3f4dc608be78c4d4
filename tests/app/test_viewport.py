"""The app in Chromium: its host is the published bridge, its server the built Worker, its Blender a stand-in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from files.shelf import Shelf
from harness.blender import HeadlessBlender
from harness.mcp import ModernClient
from harness.workerd import Workerd
from playwright.async_api import expect
from torture.scopes import scoped

from .hosting import Hosting
from .scenes import HOSTILE, Stage, on_stage

SHOT, VIEWS, TREE, RENDER = (
    f"blender_{name}" for name in ("get_viewport_screenshot", "render_views", "get_scene_tree", "render")
)

WIDE = "it => it.ownerDocument.documentElement.scrollWidth - innerWidth"


@pytest.mark.parametrize(("path", "mode"), [("/mcp", "legacy"), ("/", {"pin": "2026-07-28"})], ids=["legacy", "modern"])
async def test_a_picture_is_shown_and_orbited(host: Hosting, stage: Stage, path: str, mode: object) -> None:
    await host.calls(SHOT, path=path, mode=mode)
    image = host.at_id("image")
    await expect(image).to_be_visible()
    assert await image.evaluate("it => [it.naturalWidth, it.naturalHeight]") == [640, 360]
    await expect(host.at_id("where")).to_have_text("blender-desk")
    await expect(host.at_id("news")).to_be_hidden()
    before = await image.get_attribute("src")
    await host.press("Orbit right").click()
    await expect(host.press("Right")).to_have_attribute("aria-pressed", "true")
    await expect(host.at_id("caption")).to_contain_text("right")
    assert stage.commands() == ["get_viewport_screenshot", "render_views"]
    assert stage.last()["views"] == ["right"] and stage.last()["target"] == "all"
    assert await image.get_attribute("src") != before
    for arrow, angle in [("Right", "back"), ("Up", "top"), ("Down", "back"), ("Left", "right")]:
        await host.at_id("figure").press(f"Arrow{arrow}")
        await expect(host.at_id("caption")).to_contain_text(angle)
    await host.picture("app-picture")
    await host.press("Four views").click()
    await expect(host.at_id("caption")).to_contain_text("persp, front, right, top")
    await expect(host.app.locator("[aria-pressed=true]")).to_have_count(0)


async def test_the_view_in_blender_turns_only_where_that_is_asked_for(host: Hosting, stage: Stage) -> None:
    await host.calls(VIEWS)
    await expect(host.at_id("image")).to_be_visible()
    await host.at_id("turn").check()
    await host.press("Top").click()
    await expect(host.at_id("title")).to_have_text("Viewport")
    assert stage.commands() == ["render_views", "set_view", "get_viewport_screenshot"]
    assert stage.jobs[1]["params"]["angle"] == "top"


async def test_the_tree_is_searched_paged_and_leads_to_a_picture(host: Hosting, stage: Stage) -> None:
    await host.calls(TREE, {"page_size": 14})
    rows = host.at_id("rows")
    await expect(rows).to_contain_text("Chair.005")
    await expect(host.at_id("facts")).to_contain_text("15 objects")
    await host.settles()
    await host.picture("app-tree")
    await host.at_id("search").fill("light")
    await expect(host.at_id("count")).to_have_text("1 of 17")
    await expect(host.press("Sun")).to_be_visible()
    await expect(host.press("Chair.001")).to_be_hidden()
    await host.at_id("search").fill("")
    await host.press("Next page").click()
    await expect(rows).to_contain_text("Last")
    assert stage.last()["page"] == 2 and stage.last()["page_size"] == 14
    await host.press("Last").click()
    await expect(host.at_id("image")).to_be_visible()
    assert stage.last()["target"] == "Last"


async def test_hostile_names_are_text(host: Hosting, stage: Stage) -> None:
    await host.calls(TREE)
    rows = host.at_id("rows")
    for name in HOSTILE:
        await expect(rows).to_contain_text(name.replace("\u202e", "<U+202E>"))
    assert await rows.locator("script, img").count() == 0
    assert await rows.evaluate("it => it.ownerDocument.title") == "Blender Bus"
    assert await rows.evaluate(WIDE) <= 0
    await host.app.get_by_role("button", name="onerror").click()
    await expect(host.at_id("image")).to_be_visible()
    assert stage.last()["target"] == HOSTILE[1]
    await host.settles()
    await host.picture("app-hostile")


async def test_a_render_shows_its_progress_and_is_cancelled(host: Hosting, stage: Stage) -> None:
    stage.held.add("render")
    # Not every host says of which tool the result will be.
    await host.calls(RENDER, context={"toolInfo": None})
    while not stage.jobs:
        await asyncio.sleep(0.02)
    job_id = stage.jobs[0]["job_id"]
    await stage.peer.progress(job_id, 40, "sample 51 of 128")
    await host.told("Blender works", "sample 51 of 128 · 40 %")
    await expect(host.at_id("percent")).to_have_attribute("value", "40")
    await host.settles()
    await host.picture("app-progress")
    await host.press("Cancel").click()
    await host.told("Cancelled.", "stopped by the user")
    assert stage.peer.cancelled == [job_id]


async def test_a_job_of_another_client_is_never_taken_for_the_own(host: Hosting, stage: Stage) -> None:
    stage.held.add("render")
    async with ModernClient(f"{host.server.url}/", host.token) as other:
        theirs = (await other.call("blender_submit", command="render", params={})).document["job_id"]
        await host.calls(RENDER)
        await host.told("Render")
        await asyncio.sleep(2)
        await host.press("Cancel").click()
        await host.told("It is not clear which job this is.", "in the chat")
        await expect(host.press("Open the dashboard")).to_be_visible()
        assert stage.peer.cancelled == []
        await other.call("blender_job_cancel", job_id=theirs)
    stage.let_go.set()
    await expect(host.at_id("image")).to_be_visible()
    assert stage.peer.cancelled == [theirs]


async def test_a_call_that_the_host_gives_up_is_told(host: Hosting, stage: Stage) -> None:
    stage.held.add("render")
    await host.calls(RENDER, gives_up_ms=1500)
    await host.told("The call was cancelled.", "timed out")
    await expect(host.press("Cancel")).to_be_hidden()


async def test_a_call_of_a_button_is_cancelled_by_keyboard(host: Hosting, stage: Stage) -> None:
    await host.calls(SHOT)
    await expect(host.at_id("image")).to_be_visible()
    stage.held.add("render_views")
    await host.press("Front").click()
    await expect(host.press("Cancel")).to_be_visible()
    await host.press("Front").press("Escape")
    await host.told("Cancelled.")
    assert stage.peer.cancelled == [stage.jobs[1]["job_id"]]
    stage.held.clear()
    await host.press("Try again").click()
    await expect(host.at_id("caption")).to_contain_text("front")


async def test_a_job_that_outlives_its_call_is_followed_to_its_picture(host: Hosting, stage: Stage) -> None:
    stage.held.add("render")
    await host.calls(RENDER, {"timeout_seconds": 1})
    await asyncio.sleep(2)
    await stage.peer.progress(stage.jobs[0]["job_id"], 70, "almost")
    await host.told("Render", "almost")
    stage.let_go.set()
    await expect(host.at_id("caption")).to_contain_text("CYCLES · frame 12 · 42.5 s")
    assert await host.at_id("image").evaluate("it => it.naturalWidth") == 640


async def test_consent_is_the_owners_and_the_app_leads_to_where_it_is_given(host: Hosting, stage: Stage) -> None:
    stage.held.add("render")
    await host.calls(RENDER)
    while not stage.jobs:
        await asyncio.sleep(0.02)
    job_id = stage.jobs[0]["job_id"]
    asks = {"progressToken": job_id, "progress": 0, "_meta": {"blender-bus/asks": "consent"}}
    await stage.peer.send({"jsonrpc": "2.0", "method": "notifications/progress", "params": asks})
    await host.told("Blender asks its owner", "in Blender itself or in the dashboard")
    await host.settles()
    await host.picture("app-consent")
    await host.press("Answer in the dashboard").click()
    assert await host.seen("links") == [f"{host.server.url}/dashboard"]
    stage.let_go.set()
    await expect(host.at_id("image")).to_be_visible()


async def test_a_blender_that_is_busy_or_away_is_told_while_its_job_waits(host: Hosting, stage: Stage) -> None:
    stage.held.add("render")
    await host.calls(RENDER)
    while not stage.jobs:
        await asyncio.sleep(0.02)
    job_id = stage.jobs[0]["job_id"]
    waits = {"progressToken": job_id, "progress": 0, "message": "behind a bake", "_meta": {"blender-bus/waits": True}}
    await stage.peer.send({"jsonrpc": "2.0", "method": "notifications/progress", "params": waits})
    await host.told(f"Render: waits for its turn ({job_id}).", "behind a bake")
    await stage.peer.progress(job_id, 1)
    await host.told("Render", "1 %")
    await stage.peer.drop()
    await host.told("This Blender is away.", "The job goes on when it is back.")
    await expect(host.press("Cancel")).to_be_visible()
    await stage.peer.connect()
    stage.let_go.set()
    await expect(host.at_id("image")).to_be_visible()


async def test_no_blender_and_several_are_told_in_plain_words(server: Workerd, host: Hosting) -> None:
    await host.calls(SHOT)
    await host.told("No Blender is connected.", "enable the extension")
    await host.settles()
    await host.picture("app-none")
    async with on_stage(server, "desk-1") as one, on_stage(server, "desk-2") as two:
        await host.press("Try again").click()
        await host.told("Several Blenders are connected.")
        await host.press("desk-2").click()
        await expect(host.at_id("image")).to_be_visible()
        assert (len(one.jobs), len(two.jobs)) == (0, 1)
        await host.press("Front").click()
        await expect(host.at_id("caption")).to_contain_text("front")
        assert (len(one.jobs), len(two.jobs)) == (0, 2)
        two.fails["render_views"] = "Traceback (most recent call last):\n  ...\nRuntimeError: no <b>GPU</b> here"
        await host.press("Back").click()
        await host.told("Blender could not do it.", "RuntimeError: no <b>GPU</b> here")


@pytest.mark.parametrize("width", [360, 900])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_hosts_theme_is_worn_and_every_state_can_be_read(
    server: Workerd, script: str, stage: Stage, theme: str, width: int
) -> None:
    # The opposite of the system's, which the host's goes before.
    system = "dark" if theme == "light" else "light"
    async with Hosting.of(server, script, viewport={"width": width, "height": 900}, color_scheme=system) as host:
        await host.calls(SHOT, context={"theme": theme})
        await expect(host.at_id("image")).to_be_visible()
        await host.settles()
        await host.picture(f"app-{width}-{theme}")
        back = await host.app.locator("body").evaluate("it => getComputedStyle(it).backgroundColor")
        assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(27, 31, 36)"}[theme]
        assert await host.app.locator("body").evaluate(WIDE) <= 0
        assert await host.faults() == []
        await host.app.get_by_role("tab", name="Scene").click()
        await expect(host.at_id("rows")).to_contain_text("Furniture")
        await host.settles()
        await host.picture(f"app-tree-{width}-{theme}")
        assert await host.app.locator("body").evaluate(WIDE) <= 0
        assert await host.faults() == []
        colors = {
            "--color-background-primary": "rgb(1, 2, 3)",
            "--color-text-primary": "rgb(250, 250, 250)",
            "--card": "red",
        }
        await host.page.evaluate("colors => host.change({theme: 'dark', styles: {variables: colors}})", colors)
        await expect(host.app.locator("body")).to_have_css("background-color", "rgb(1, 2, 3)")
        assert host.complaints == [] and host.strangers() == []


@pytest.mark.parametrize("offered", ["downloadFile", "openLinks", None])
async def test_files_are_got_by_a_link_made_when_it_is_asked_for(
    host: Hosting, stage: Stage, offered: str | None
) -> None:
    with Shelf(host.server.url, token=host.token) as shelf:
        stored = shelf.store(b"\x89PNG", name="<b>still<b>.png", mime_type="image/png")
    stage.made = [{"file_id": stored["file_id"], "name": "trust me.exe", "url": "https://evil.example/x"}]
    capabilities = {"openLinks": None} | ({offered: {}} if offered else {})
    await host.calls(RENDER, capabilities=capabilities)
    files = host.at_id("files")
    await expect(files).to_contain_text("<b>still<b>.png")
    await expect(files).to_contain_text("image/png · 4 bytes")
    await host.settles()
    await host.picture("app-files")
    await host.press("Download").click()
    if offered == "downloadFile":
        [asked] = await host.seen("downloads")
        assert (asked["type"], asked["name"], asked["mimeType"]) == ("resource_link", "<b>still<b>.png", "image/png")
        url = asked["uri"]
    elif offered:
        [url] = await host.seen("links")
    else:
        await expect(files.locator("code")).to_have_count(1)
        url = await files.locator("code").inner_text()
    assert url.startswith(f"{host.server.url}/files/{stored['file_id']}")
    assert (await asyncio.to_thread(httpx.get, url)).content == b"\x89PNG"


async def test_a_token_that_may_only_look_looks_and_is_told_what_it_may_not(host: Hosting, stage: Stage) -> None:
    host.token = await scoped(host.server.url, "bus:read", "Reader")
    await host.calls(SHOT)
    await host.press("Front").click()
    await expect(host.at_id("caption")).to_contain_text("front")
    await host.at_id("turn").check()
    await host.press("Back").click()
    await host.told("This client may look, and change nothing.")
    await expect(host.press("Front")).to_have_attribute("aria-pressed", "true")
    await host.settles()
    await host.picture("app-refused")
    assert stage.commands() == ["get_viewport_screenshot", "render_views"]
    host.complaints.clear()  # Chromium's, of the refusal


async def test_an_app_without_an_origin_of_its_own_works_as_well(host: Hosting, stage: Stage) -> None:
    host.sandbox += "?opaque"
    await host.calls(SHOT)
    await host.press("Orbit left").click()
    await expect(host.at_id("caption")).to_contain_text("left")
    assert await host.app.locator("body").evaluate("() => self.origin") == "null"


async def test_where_the_host_passes_no_calls_on_the_result_is_shown_without_buttons(
    host: Hosting, stage: Stage
) -> None:
    await host.calls(SHOT, capabilities={"serverTools": None})
    await expect(host.at_id("image")).to_be_visible()
    await expect(host.at_id("controls")).to_be_hidden()
    await host.at_id("figure").press("ArrowLeft")
    await host.settles()
    assert len(stage.jobs) == 1


async def test_it_fills_the_screen_where_the_host_can_and_ends_when_it_is_told(host: Hosting, stage: Stage) -> None:
    await host.calls(SHOT, context={"availableDisplayModes": ["inline", "fullscreen"]})
    await expect(host.at_id("image")).to_be_visible()
    await host.press("Full screen").click()
    await expect(host.press("Smaller")).to_be_visible()
    await expect(host.app.locator("html")).to_have_attribute("data-mode", "fullscreen")
    assert await host.page.evaluate("host.teardown()") == {}


async def test_a_real_blender_is_looked_at_from_its_tree(host: Hosting, tmp_path: Path) -> None:
    await host.page.set_viewport_size({"width": 820, "height": 750})
    with HeadlessBlender(host.server.url, tmp_path, uuid="blender-desk"):
        await host.calls(TREE)
        await expect(host.at_id("rows")).to_contain_text("Scene Collection")
        await host.press("Cube").click()
        # Its first picture: without a graphics card all that draws is compiled first.
        await expect(host.at_id("image")).to_be_visible(timeout=60_000)
        assert await host.at_id("image").evaluate("it => it.naturalWidth") >= 512
        await host.press("Four views").click()
        await expect(host.at_id("caption")).to_contain_text("persp, front, right, top")
        await host.settles()
        await host.picture("app-real")
