"""Every page: small, on its own, readable by everybody, on a phone as on a desk, in the light and in the dark."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from harness.mcp import login
from harness.peer import Payload, Peer
from harness.visitor import DESKTOP, PHONE, Visitor
from harness.workerd import Workerd
from playwright.async_api import expect

from .owner import Owner
from .stored import png, put

MAX_BYTES = 100_000
FILES = {"castle.blend": b"BLENDER", "reference.png": png(320, 180), "a" * 240 + ".tar.gz": b"x"}
OPEN = {"home": "/", "login": "/login?return_to=/dashboard", "signup": "/signup", "not-found": "/nowhere"}
OWN = {
    "home-own": "/",
    "dashboard": "/dashboard",
    "job": "/dashboard/job?id=j-2",
    "files": "/dashboard/files",
    "tokens": "/tokens",
    "shares": "/shares",
    "clients": "/clients",
    "account": "/account",
    "import": "/account/import",
    "notifications": "/account/notifications",
}


@asynccontextmanager
async def busy_bus(server: Workerd) -> AsyncIterator[None]:
    """Two Blenders, one of them gone, with a job running, one failed and one done; and files."""
    token = await login(server.url)
    for name, content in FILES.items():
        await put(server, token, name, content)
    facts = ["Blender 4.2.23", "window", "file:castle.blend", "policy:ask"]
    async with Peer(server.ws_url, token, uuid="blender-desk", capabilities=facts, group_id="studio") as desk:
        async with Peer(server.ws_url, token, uuid="blender-laptop", capabilities=facts[:1]):
            pass
        await run(desk, "j-1", lambda job: desk.update(job, "completed", '{"objects": 3}'))
        await run(desk, "j-2", lambda job: desk.update(job, "failed", error="Traceback ...\nKeyError: 'Cube'"))
        await run(desk, "j-3", lambda job: desk.progress(job, 40, "frame 4 of 10"))
        yield


async def run(desk: Peer, job_id: str, outcome: Callable[[str], Awaitable[object]]) -> None:
    payload: Payload = {"message_type": "command_dispatch", "job_id": job_id, "command": "execute_code"}
    await desk.call("blender_send_message", payload=payload | {"params": {"code": "work()"}}, target_uuid=desk.uuid)
    await outcome((await desk.next_job())["job_id"])


async def check(visitor: Owner, name: str, path: str, look: str) -> list[str]:
    """Opens a page and says what is wrong with it."""
    answer = await visitor.page.goto(visitor.base + path)
    assert answer is not None
    if path == "/dashboard":
        await expect(visitor.link()).to_have_text("Live")
    wrong = [f"{name}: {violation}" for violation in await visitor.violations()]
    if (size := len(await answer.body())) > MAX_BYTES:
        wrong.append(f"{name}: has {size} bytes")
    if await visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        wrong.append(f"{name}: is wider than the window")
    await visitor.picture(f"{name}-{look}")
    return wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["phone", "desktop"])
async def test_no_page_is_too_large_reaches_elsewhere_or_shuts_anybody_out(
    server: Workerd, scheme: str, width: str
) -> None:
    viewport, look = {"phone": PHONE, "desktop": DESKTOP}[width], f"{width}-{scheme}"
    wrong = []
    async with busy_bus(server), Owner.at(server.url, viewport=viewport, color_scheme=scheme) as visiting:
        for name, path in OPEN.items():
            wrong += await check(visiting, name, path, look)
        visiting.complaints.clear()  # of the page that is not there
        await visiting.sign_in()
        for name, path in OWN.items():
            wrong += await check(visiting, name, path, look)
        assert wrong == []
        assert visiting.elsewhere() == []
        assert visiting.complaints == []


async def test_the_home_page_has_what_each_client_needs_to_copy(server: Workerd) -> None:
    async with Visitor.at(server.url, permissions=["clipboard-read", "clipboard-write"]) as stranger:
        await stranger.opens("/")
        for label, expected in [
            ("Copy the URL for clients", f"{server.url}/mcp"),
            ("Copy it for Claude Code", f"claude mcp add --transport http blender {server.url}/mcp"),
            ("Copy it for Cursor", '{"mcpServers": {"blender": {"url": "' + server.url + '/mcp"}}}'),
        ]:
            await stranger.page.get_by_label(label).click()
            await expect(stranger.page.get_by_label(label)).to_have_text("Copied")
            assert await stranger.page.evaluate("navigator.clipboard.readText()") == expected


async def test_the_home_page_says_who_is_signed_in_and_how_many_blenders_there_are(server: Workerd) -> None:
    async with Owner.at(server.url) as owner, busy_bus(server):
        await owner.opens("/")
        await expect(owner.page.get_by_text("Signed in as")).to_have_count(0)
        await owner.sign_in()
        await owner.opens("/")
        await expect(owner.page.get_by_text("One Blender is connected")).to_be_visible()


async def test_the_pages_with_a_script_run_that_one_and_no_other(server: Workerd) -> None:
    async with Owner.at(server.url) as owner:
        await owner.sign_in()
        for path in ("/", "/dashboard", "/dashboard/job?id=x", "/dashboard/files", "/account/notifications"):
            answer = await owner.page.goto(server.url + path)
            assert answer is not None
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
            injected = (
                "document.body.append(Object.assign(document.createElement('script'), {text: 'window.evil = 1'}))"
            )
            await owner.page.evaluate(injected)
            assert await owner.page.evaluate("'evil' in window") is False


@pytest.mark.parametrize("path", ["/dashboard/live", "/dashboard/events", "/dashboard/job?id=x"])
async def test_a_stranger_gets_no_part_of_the_dashboard(server: Workerd, path: str) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        answer = await http.get(path, headers={"X-Dashboard-Part": "1"})
        assert answer.status_code == 401 and answer.text == "You are signed out."
        assert (await http.get("/dashboard")).headers["location"] == "/login?return_to=/dashboard"
        job = await http.get("/dashboard/job?id=x")
        assert job.headers["location"] == "/login?return_to=%2Fdashboard%2Fjob%3Fid%3Dx"


async def test_a_form_of_the_dashboard_cannot_be_forged(server: Workerd) -> None:
    async with Owner.at(server.url) as owner, Peer(server.ws_url, await login(server.url)) as peer:
        await owner.sign_in()
        token = await owner.page.locator("#send input[name=form_token]").input_value()
        cookies = {one["name"]: one["value"] for one in await owner.page.context.cookies()}
        form = {"action": "send", "command": "get_scene_info", "target": peer.uuid}
        async with httpx.AsyncClient(base_url=server.url, cookies=cookies) as http:
            for fields, headers in [
                (form, {}),
                (form | {"form_token": token[::-1]}, {}),
                (form | {"form_token": token}, {"Origin": "https://evil.example"}),
                (form | {"form_token": token}, {"Sec-Fetch-Site": "cross-site"}),
            ]:
                answer = await http.post("/dashboard", data=fields, headers=headers)
                assert answer.status_code == 403, fields
            assert peer.jobs.empty()
            stream = await http.get("/dashboard/events", headers={"Sec-Fetch-Site": "cross-site"})
            assert stream.status_code == 400
            assert (await http.post("/dashboard", data=form | {"form_token": token})).status_code == 200
        assert (await peer.next_job())["command"] == "get_scene_info"


async def test_a_form_that_is_too_long_is_refused(server: Workerd) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        answer = await http.post("/dashboard", data={"action": "send", "input": "x" * 600_000})
        assert answer.status_code == 413


async def test_what_is_not_here_is_told_to_people_with_a_way_on_and_to_programs_in_a_word(server: Workerd) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        page = await http.get("/nowhere", headers={"Accept": "text/html"})
        assert page.status_code == 404 and 'href="/dashboard"' in page.text
        assert (await http.get("/nowhere")).text == "not found"
        assert (await http.get("/dashboard/nowhere")).status_code == 404
