"""The files of the dashboard in a real browser: up, down, looked at, kept, deleted, and sent to a Blender."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from harness.mcp import login
from harness.peer import Peer
from harness.workerd import DEV_ACCOUNTS, Workerd
from playwright.async_api import Locator, Route, expect

from .owner import Owner
from .stored import png, put

PATH = "/dashboard/files"
MAX_BYTES = 100_000
DROP = """async ({name, type, bytes, seed}) => {
    const content = new Uint8Array(bytes);
    for (let at = 0, state = seed; at < bytes; at++) content[at] = state = (state * 137 + 29) & 255;
    const data = new DataTransfer();
    data.items.add(new File([content], name, {type}));
    for (const what of ['dragover', 'drop']) {
        document.body.dispatchEvent(new DragEvent(what, {dataTransfer: data, bubbles: true, cancelable: true}));
    }
}"""


def dropped_bytes(count: int, seed: int) -> bytes:
    """What `DROP` makes."""
    content, state = bytearray(count), seed
    for at in range(count):
        content[at] = state = (state * 137 + 29) & 255
    return bytes(content)


def row(owner: Owner, name: str | re.Pattern[str]) -> Locator:
    return owner.page.locator("#rows li").filter(has_text=name)


def line(owner: Owner, name: str) -> Locator:
    """The line of an upload."""
    return owner.page.locator("#queue li").filter(has_text=name)


async def downloaded(owner: Owner, name: str, folder: Path) -> tuple[str, bytes]:
    async with owner.page.expect_download() as waiting:
        await row(owner, name).get_by_role("link", name="Download").click()
    download = await waiting.value
    path = folder / "downloaded"
    await download.save_as(path)
    return download.suggested_filename, path.read_bytes()


@pytest.fixture
async def owner(server: Workerd) -> AsyncIterator[Owner]:
    """Signed in, on the page of the files."""
    async with Owner.at(server.url) as owner:
        await owner.sign_in(PATH)
        yield owner
        assert owner.elsewhere() == []
        assert owner.complaints == []


async def test_files_go_up_by_the_form_are_looked_at_downloaded_kept_and_deleted(
    server: Workerd, owner: Owner, tmp_path: Path
) -> None:
    page, picture, model = owner.page, png(64, 48), Random(1).randbytes(70_000)
    await expect(page.get_by_text("None yet. Upload a model")).to_be_visible()
    files: list[Any] = [
        {"name": "reference photo.png", "mimeType": "image/png", "buffer": picture},
        {"name": "castle.glb", "mimeType": "", "buffer": model},
        {"name": "empty.txt", "mimeType": "text/plain", "buffer": b""},
    ]
    await page.locator("#file").set_input_files(files)
    await page.get_by_role("button", name="Upload").click()
    for file in files:
        await expect(line(owner, file["name"])).to_contain_text("uploaded")
        await expect(row(owner, file["name"])).to_contain_text("by you")
    await expect(row(owner, "castle.glb")).to_contain_text("68.3 KiB, 3D model")
    await expect(row(owner, "castle.glb").locator(".badge")).to_have_text("GLB")
    await expect(page.get_by_text("3 of 1000 files")).to_be_visible()

    shown = row(owner, "reference photo.png").locator("img")
    await expect(shown).to_have_js_property("naturalWidth", 64)
    assert await downloaded(owner, "castle.glb", tmp_path) == ("castle.glb", model)
    assert await downloaded(owner, "reference photo.png", tmp_path) == ("reference photo.png", picture)

    castle = row(owner, "castle.glb")
    await expect(castle).to_contain_text(re.compile(r"deleted in \d+ days"))
    await castle.get_by_role("button", name="Keep castle.glb").click()
    await expect(castle).to_contain_text("kept until you delete it")
    await castle.get_by_role("button", name="Keep no longer castle.glb").click()
    await expect(castle).to_contain_text(re.compile(r"deleted in \d+ days"))

    delete = castle.get_by_role("button", name="Delete for good castle.glb")
    await expect(delete).not_to_be_visible()
    await castle.get_by_text("Delete", exact=True).click()
    await delete.click()
    await expect(page.locator("#outcome")).to_contain_text("It is deleted.")
    await expect(castle).to_have_count(0)
    assert await page.evaluate("document.activeElement.id") == "files-title", "the focus is not lost"


async def test_a_large_file_is_dropped_goes_in_parts_over_a_broken_line_and_into_a_blender(
    server: Workerd, owner: Owner, tmp_path: Path
) -> None:
    count, broken, sent = 20 * 1024 * 1024 + 5, 0, 0

    async def breaks(route: Route) -> None:
        nonlocal broken, sent
        if route.request.method == "PATCH":
            sent += 1
            if sent == 2:
                broken += 1
                await route.abort("connectionreset")
                return
        await route.continue_()

    token = await login(server.url)
    async with Peer(server.ws_url, token, uuid="blender-desk") as peer:
        await owner.opens(PATH)
        await owner.page.route("**/files/f-*", breaks)
        await owner.page.get_by_label("Then send them to").select_option("blender-desk")
        await owner.page.evaluate(DROP, {"name": "castle.blend", "type": "", "bytes": count, "seed": 7})
        await expect(line(owner, "castle.blend")).to_contain_text("uploaded", timeout=60_000)
        assert (broken, sent) == (1, 4), "three parts, one of them twice"
        outcome = owner.page.locator("#outcome")
        await expect(outcome).to_contain_text("castle.blend is sent to blender-desk")
        job = await peer.next_job()
        assert job["command"] == "import_file"
        async with httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as http:
            got = await http.get(f"/files/{job['params']['file_id']}")
            assert got.content == dropped_bytes(count, 7)

        await outcome.get_by_role("link", name=re.compile("See job")).click()
        await expect(owner.page.get_by_role("heading", name="import_file")).to_be_visible()
        await owner.opens(PATH)
        await row(owner, "castle.blend").get_by_role("button", name="Send to Blender castle.blend").click()
        await expect(outcome).to_contain_text("castle.blend is sent to blender-desk")
        assert (await peer.next_job())["params"] == job["params"]
    owner.complaints.clear()  # of the connection that was broken


async def test_what_cannot_go_up_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    with Workerd(tmp_path / "workerd", variables={"DEV_ACCOUNTS": DEV_ACCOUNTS, "LIMIT_FILE_MIB": "1"}) as server:
        async with Owner.at(server.url) as owner:
            await owner.sign_in(PATH)
            for name, size, complaint in [
                ("large.bin", 1_500_000, "a file may have 1.0 MiB, and this one is to have 1.4 MiB"),
                ("\u202egnp.exe", 10, "name must be a file name"),
                ("x" * 500, 10, "name must be a file name"),
            ]:
                await owner.page.evaluate(DROP, {"name": name, "type": "", "bytes": size, "seed": 1})
                await expect(owner.page.locator("#queue li").last).to_contain_text(f"not uploaded: {complaint}")
            await expect(owner.page.get_by_text("0 of 1000 files")).to_be_visible()
            await expect(owner.page.get_by_text("A file may have 1.0 MiB.")).to_be_visible()
            assert owner.complaints == []


async def test_an_upload_is_cancelled(server: Workerd, owner: Owner) -> None:
    async def hangs(route: Route) -> None:
        if route.request.method != "PATCH":
            await route.continue_()

    await owner.page.route("**/files/f-*", hangs)
    await owner.page.evaluate(DROP, {"name": "castle.blend", "type": "", "bytes": 1_000, "seed": 1})
    await owner.page.get_by_role("button", name="Cancel castle.blend").click()
    await expect(line(owner, "castle.blend")).to_contain_text("cancelled")
    await owner.page.unroute_all()
    await owner.opens(PATH)
    await expect(owner.page.get_by_text("0 of 1000 files")).to_be_visible()
    owner.complaints.clear()


async def test_without_scripts_everything_but_large_uploads_works(server: Workerd, tmp_path: Path) -> None:
    content = Random(2).randbytes(300_000)
    async with (
        Owner.at(server.url, java_script_enabled=False) as owner,
        Peer(server.ws_url, await login(server.url), uuid="blender-desk") as peer,
    ):
        await owner.sign_in(PATH)
        page = owner.page
        chosen = page.locator("#file")
        await chosen.set_input_files(
            [
                {"name": "Schloß \u05e7\u05d5\u05d1\u05e5.glb", "mimeType": "model/gltf-binary", "buffer": content},
                {"name": "empty.txt", "mimeType": "text/plain", "buffer": b""},
            ]
        )
        await page.get_by_role("button", name="Upload").click()
        await expect(page.get_by_text("2 files are uploaded.")).to_be_visible()
        assert (await downloaded(owner, "Schloß", tmp_path))[1] == content

        await chosen.set_input_files([{"name": "tree.obj", "mimeType": "", "buffer": b"v 0 0 0\n"}])
        await page.get_by_label("Then send them to").select_option("blender-desk")
        await page.get_by_role("button", name="Upload").click()
        await expect(page.get_by_role("link", name=re.compile("See job j-"))).to_be_visible()
        assert (await peer.next_job())["command"] == "import_file"
        await row(owner, "Schloß").get_by_role("button", name="Send to Blender").click()
        await expect(page.get_by_text("is sent to blender-desk")).to_be_visible()
        assert (await peer.next_job())["command"] == "import_file"

        await row(owner, "tree.obj").get_by_role("button", name="Keep tree.obj").click()
        await expect(row(owner, "tree.obj")).to_contain_text("kept until you delete it")
        await row(owner, "tree.obj").get_by_text("Delete", exact=True).click()
        await row(owner, "tree.obj").get_by_role("button", name="Delete for good").click()
        await expect(page.get_by_text("It is deleted.")).to_be_visible()
        await expect(row(owner, "tree.obj")).to_have_count(0)

        await chosen.set_input_files([{"name": "\u202egnp.exe", "mimeType": "", "buffer": b"x"}])
        await page.get_by_role("button", name="Upload").click()
        await expect(page.get_by_role("alert")).to_contain_text("name must be a file name")
        await expect(page.get_by_text("2 of 1000 files")).to_be_visible()


async def test_a_form_of_the_files_cannot_be_forged(server: Workerd, owner: Owner) -> None:
    file_id = await put(server, await login(server.url), "kept.glb", b"kept")
    await owner.opens(PATH)
    token = await owner.page.locator("#upload input[name=form_token]").input_value()
    await owner.opens("/dashboard")
    elsewhere = await owner.page.locator("#send input[name=form_token]").input_value()
    cookies = {one["name"]: one["value"] for one in await owner.page.context.cookies()}
    delete, files = {"action": f"delete:{file_id}"}, {"file": ("new.glb", b"new")}
    async with httpx.AsyncClient(base_url=server.url, cookies=cookies) as http:
        for fields, headers in [
            ({}, {}),
            ({"form_token": token[::-1]}, {}),
            ({"form_token": elsewhere}, {}),
            ({"form_token": token}, {"Origin": "https://evil.example"}),
            ({"form_token": token}, {"Sec-Fetch-Site": "cross-site"}),
        ]:
            assert (await http.post(PATH, data=delete | fields, headers=headers)).status_code == 403, fields
            for sent in (files, {"file": ("large.glb", bytes(8 * 1024 * 1024))}):
                uploaded = await http.post(PATH, data=fields, files=sent, headers=headers)
                assert uploaded.status_code == 403, fields
        large = await http.post(PATH, data={"form_token": token}, files={"file": ("a", bytes(25 * 1024 * 1024))})
        assert large.status_code == 413
        broken = {"Content-Type": "multipart/form-data; boundary=x"}
        assert (await http.post(PATH, content=b"--nonsense", headers=broken)).status_code == 400
        page = await http.get(PATH)
        assert "kept.glb" in page.text and "new.glb" not in page.text
        assert (await http.post(PATH, data={"form_token": token}, files=files)).status_code == 200
        assert (await http.post(PATH, data=delete | {"form_token": token})).status_code == 200
        page = await http.get(PATH)
        assert "kept.glb" not in page.text and "new.glb" in page.text


async def test_a_stranger_and_another_owner_reach_nothing(server: Workerd, owner: Owner) -> None:
    file_id = await put(server, await login(server.url), "secret.glb", b"secret")
    content = f"{PATH}/content?id={file_id}"
    async with httpx.AsyncClient(base_url=server.url) as stranger:
        for path in (PATH, content):
            assert (await stranger.get(path)).headers["location"] == f"/login?return_to={PATH}"
        for sent in (b"x", bytes(8 * 1024 * 1024)):
            uploaded = await stranger.post(PATH, files={"file": ("a", sent)})
            assert uploaded.headers["location"] == f"/login?return_to={PATH}"
        assert (await stranger.get(PATH, headers={"X-Dashboard-Part": "1"})).status_code == 401
    async with Owner.at(server.url) as ada:
        await ada.sign_in(PATH, username="ada", password="lovelace")
        assert "secret.glb" not in await ada.page.content()
        token = await ada.page.locator("#upload input[name=form_token]").input_value()
        http = ada.page.context.request
        for path in (content, f"{PATH}/content?id=f-none", f"{PATH}/content?id=../command"):
            refused = await http.get(server.url + path)
            assert refused.status == 404 and b"secret" not in await refused.body()
        for what in ("delete", "keep", "send"):
            form = {"form_token": token, "action": f"{what}:{file_id}", "target": "blender-desk"}
            answer = await http.post(server.url + PATH, form=form)
            assert answer.status == 422 and "there is no file" in (await answer.text()).lower()
        # A signed place for an upload is for one's own files only: the id is not there.
        form = {"form_token": token, "action": f"again:{file_id}"}
        url = (await (await http.post(server.url + PATH, form=form)).json())["upload_url"]
        assert (await http.fetch(server.url + url, method="PUT", data=b"overwritten")).status == 404
    await owner.opens(PATH)
    await expect(row(owner, "secret.glb")).to_contain_text("6 bytes")


async def test_a_page_has_fifty_files_and_stays_small_whatever_their_names_are(server: Workerd, owner: Owner) -> None:
    token = await login(server.url)
    for number in range(52):
        await put(server, token, f"{number:02}{'&' * 70}{chr(0x5E7) * 60}<i>.png", png(2, 2) if number > 48 else b"")
    answer = await owner.page.goto(server.url + PATH)
    assert answer is not None
    assert len(await answer.body()) < MAX_BYTES
    rows = owner.page.locator("#rows li")
    await expect(rows).to_have_count(50)
    await expect(rows.first).to_contain_text(re.compile("^51&&"))
    await expect(rows.first).to_contain_text("<i>.png")
    await expect(rows.first).to_contain_text("by a login with the password")
    assert await owner.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await owner.page.get_by_role("link", name="Older files").click()
    await expect(rows).to_have_count(2)
    await rows.first.get_by_role("button", name=re.compile("^Keep 01")).click()
    await expect(rows.first).to_contain_text("kept until you delete it")
    await expect(rows).to_have_count(2)
    await owner.page.get_by_role("link", name="Newest files").click()
    await expect(rows).to_have_count(50)
    await owner.opens(f"{PATH}?after=nonsense")
    await expect(owner.page.get_by_role("alert")).to_contain_text("after must be")
    await expect(rows).to_have_count(50)
    owner.complaints.clear()  # the status 422, which the console tells of


async def test_what_says_that_it_is_a_picture_never_runs(server: Workerd, owner: Owner) -> None:
    script = b"<!doctype html><script>window.evil = 1; document.title = 'evil'</script>"
    token = await login(server.url)
    ids = [await put(server, token, name, script) for name in ("lie.png", "drawing.svg", "page.html")]
    await owner.opens(PATH)
    await expect(owner.page.locator(".badge")).to_have_text(["HTML", "SVG", "PNG"])
    assert await owner.page.evaluate("'evil' in window") is False
    for file_id in ids:
        answer = await owner.page.context.request.get(f"{server.url}{PATH}/content?id={file_id}")
        headers = answer.headers
        assert headers["content-disposition"].startswith("attachment;")
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert headers["x-content-type-options"] == "nosniff" and "html" not in headers["content-type"]
        again = {"If-None-Match": headers["etag"]}
        unchanged = await owner.page.context.request.get(answer.url, headers=again)
        assert unchanged.status == 304
    owner.complaints.clear()


async def test_files_of_a_blender_say_whose_they_are(server: Workerd, owner: Owner) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, uuid="blender-desk") as peer:
        await owner.opens("/dashboard")
        await owner.send("get_scene_info", "")
        job = await peer.next_job()
        async with httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as http:
            made = await http.post("/files", json={"name": "render.png", "job_id": job["job_id"]})
            assert made.status_code == 201, made.text
            assert (await http.put(f"/files/{made.json()['file_id']}", content=png(8, 8))).status_code == 201
        await owner.opens(PATH)
        await expect(row(owner, "render.png")).to_contain_text("by blender-desk (job)")
