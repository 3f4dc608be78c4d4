"""The picture on a Blender's card: it stays, it comes when it is asked for, and it costs nothing while nobody asks."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from harness.mcp import ModernClient, login
from harness.peer import Payload, Peer
from harness.workerd import Workerd
from playwright.async_api import Locator, expect

from .owner import Owner
from .stored import png

HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def drawn(width: int, height: int) -> dict[str, Any]:
    data = base64.b64encode(png(width, height)).decode()
    return {"width": width, "height": height, "image": {"mime_type": "image/png", "data": data}}


def draw(job: Payload) -> dict[str, Any]:
    return drawn(64, 36) if job["command"] == "get_viewport_screenshot" else drawn(30, 40)


async def farm(server: Workerd, **options: Any) -> Peer:
    return Peer(server.ws_url, await login(server.url), uuid="farm-1", **options)


def picture(owner: Owner) -> Locator:
    return owner.peer("farm-1").get_by_role("img")


async def size(image: Locator) -> list[int]:
    await expect(image).to_be_visible()
    await image.scroll_into_view_if_needed()
    await expect(image).to_have_js_property("complete", True)
    found: list[int] = await image.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    return found


async def test_the_newest_picture_stays_on_the_card_of_its_blender_also_without_scripts(server: Workerd) -> None:
    token = await login(server.url)
    async with Owner.at(server.url) as owner, await farm(server, handler=draw):
        await owner.sign_in()
        await expect(picture(owner)).to_have_count(0)
        await owner.peer("farm-1").get_by_role("button", name="Screenshot").click()
        assert await size(picture(owner)) == [64, 36]
        assert (await picture(owner).get_attribute("alt") or "").startswith("farm-1, 20")
        async with ModernClient(server.url, token) as client:
            assert (await client.call("blender_render")).document["status"] == "completed"
        await expect(picture(owner)).to_have_js_property("naturalWidth", 30)
        await owner.page.reload()
        assert await size(picture(owner)) == [30, 40]
        await picture(owner).click()
        await expect(owner.page.get_by_alt_text("The picture this job made")).to_be_visible()
        assert owner.complaints == []
    async with Owner.at(server.url, java_script_enabled=False) as reader:
        await reader.sign_in()
        await expect(picture(reader)).to_be_visible()
        answer = await reader.page.context.request.get(server.url + (await picture(reader).get_attribute("src") or ""))
        assert answer.headers["content-type"] == "image/png"
        await expect(reader.page.get_by_label("every minute")).to_be_hidden()


async def test_a_card_of_which_nothing_is_new_stays_as_it_is(server: Workerd) -> None:
    """Its picture is not fetched again, however much time goes by and whatever happens elsewhere."""
    async with Owner.at(server.url) as owner, await farm(server, handler=draw):
        await owner.sign_in()
        await owner.peer("farm-1").get_by_role("button", name="Screenshot").click()
        await size(picture(owner))
        await expect(owner.peer("farm-1")).to_contain_text("idle")
        await expect(owner.jobs().first).to_contain_text("completed")
        await asyncio.sleep(1.5)
        await owner.peer("farm-1").evaluate("card => { card.isTheSame = true; }")
        before = len(owner.requests)
        async with Peer(server.ws_url, await login(server.url), uuid="farm-2"):
            await expect(owner.peer("farm-2")).to_contain_text("idle")
        await expect(owner.peer("farm-2")).to_contain_text("away")
        assert await owner.peer("farm-1").evaluate("card => card.isTheSame")
        assert [url for url in owner.requests[before:] if url.endswith("format=picture")] == []


async def test_without_scripts_a_picture_is_asked_for_by_its_button(server: Workerd) -> None:
    async with Owner.at(server.url, java_script_enabled=False) as reader, await farm(server, handler=draw):
        await reader.sign_in()
        await reader.peer("farm-1").get_by_role("button", name="Screenshot").click()
        await expect(picture(reader)).to_be_visible()


async def test_a_picture_that_is_not_there_is_told_and_the_older_one_stays(server: Workerd) -> None:
    async with Owner.at(server.url) as owner, await farm(server) as peer:
        await owner.sign_in()
        shot = owner.peer("farm-1").get_by_role("button", name="Screenshot")
        await shot.click()
        await peer.update((await peer.next_job())["job_id"], "completed", json.dumps(drawn(64, 36)))
        await expect(picture(owner)).to_be_visible()
        await shot.click()
        await peer.update((await peer.next_job())["job_id"], "failed", error="RuntimeError: no graphics")
        await expect(owner.peer("farm-1").get_by_role("alert")).to_contain_text("no graphics")
        assert await size(picture(owner)) == [64, 36]


async def test_a_picture_comes_every_minute_while_the_owner_wants_and_looks_and_the_blender_is_free(
    server: Workerd,
) -> None:
    pictures, gate = 0, asyncio.Event()

    async def work(job: Payload) -> Any:
        nonlocal pictures
        if job["command"] == "execute_code":
            await gate.wait()
            return "done"
        pictures += 1
        return drawn(64, 36)

    async with Owner.at(server.url) as owner, await farm(server, handler=work):
        await owner.page.clock.install()
        await owner.sign_in()
        await expect(owner.link()).to_have_text("Live")
        card = owner.peer("farm-1")

        async def come(minutes: int) -> int:
            """How many pictures come in this time."""
            before = pictures
            for _ in range(minutes):
                await owner.page.clock.run_for(60_500)
                await asyncio.sleep(0.5)
                await owner.page.clock.run_for(1_000)  # in which the page sees what has come
            return pictures - before

        before = len(owner.requests)
        assert await come(3) == 0
        assert [url for url in owner.requests[before:] if not url.endswith("/events")] == []
        box = card.get_by_label("every minute")
        await box.check()
        assert await come(1) in (1, 2)  # one at once
        await expect(picture(owner)).to_be_visible()
        assert await come(3) in (3, 4)
        await expect(box).to_be_checked()
        await owner.send("execute_code", "bake()")
        await owner.page.clock.run_for(1_000)
        await expect(card).to_contain_text("busy")
        assert await come(3) == 0
        gate.set()
        await expect(card).to_contain_text("idle")
        assert await come(2) in (1, 2, 3)
        await owner.page.evaluate(HIDE, True)
        before = len(owner.requests)
        assert await come(3) == 0
        assert owner.requests[before:] == []
        await owner.page.evaluate(HIDE, False)
        assert await come(2) in (1, 2, 3)
        await box.uncheck()
        assert await come(3) == 0
        assert owner.complaints == []
