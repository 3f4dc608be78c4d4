"""The dashboard in a real browser, with the real Worker and a real Blender."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.peer import Peer, ToolRefused
from harness.visitor import PHONE
from harness.workerd import Workerd
from playwright.async_api import expect
from torture.scopes import scoped

from .owner import Owner


@pytest.fixture
async def owner(server: Workerd) -> AsyncIterator[Owner]:
    """Signed in, on the dashboard, which is live."""
    async with Owner.at(server.url) as owner:
        await owner.sign_in()
        await expect(owner.link()).to_have_text("Live")
        yield owner
        assert owner.elsewhere() == []
        assert owner.complaints == []


async def peer_of(server: Workerd, **options: Any) -> Peer:
    return Peer(server.ws_url, await login(server.url), **options)


async def test_an_owner_sees_a_blender_come_runs_code_in_it_sees_its_viewport_and_takes_it_off(
    server: Workerd, owner: Owner, tmp_path: Path
) -> None:
    await expect(owner.page.get_by_text("None is here yet. In Blender")).to_be_visible()
    with HeadlessBlender(server.url, tmp_path, uuid="blender-desk") as blender:
        peer = owner.peer("blender-desk")
        await expect(peer).to_contain_text("connected")
        await expect(owner.page.get_by_label("Blender", exact=True)).to_have_value("blender-desk")

        await owner.send("execute_code", "print(6 * 7)")
        await expect(owner.page.locator("#sent")).to_contain_text("Sent to blender-desk as job j-")
        job = owner.jobs().first
        await expect(job).to_contain_text("completed")
        await expect(job.locator("code")).to_have_text("print(6 * 7)")
        await owner.sees_job(job)
        await expect(owner.page.get_by_label("What the job was given")).to_have_text("print(6 * 7)")
        await expect(owner.page.get_by_label("What came of the job")).to_have_text("42\n")
        await owner.opens("/dashboard")

        await owner.send("execute_code", "<b>nonsense</b>")
        await expect(owner.jobs().first).to_contain_text("failed")
        await expect(owner.jobs().first).to_contain_text("SyntaxError")

        await peer.get_by_role("button", name="Screenshot").click()
        image = peer.get_by_alt_text(re.compile("^blender-desk, 20"))
        await expect(image).to_be_visible()
        assert await image.evaluate("image => image.naturalWidth") > 300
        await owner.picture("dashboard-desktop")

        await peer.get_by_role("button", name="Disconnect").click()
        await expect(peer).to_have_count(0)
        assert blender.process is not None
        await asyncio.to_thread(blender.process.wait, 20)
        assert "disconnected by its owner" in blender.log.read_text()


async def test_an_owner_frees_the_name_of_a_blender_that_is_away_for_another_login(
    server: Workerd, owner: Owner
) -> None:
    before = await scoped(server.url, "peer", "Blender Bus on the old computer")
    after = await scoped(server.url, "peer", "Blender Bus on the new computer")
    row = owner.peer("studio-1")
    async with Peer(server.ws_url, before, "studio-1"):
        await expect(row.get_by_role("button", name="Disconnect")).to_be_visible()
        await expect(row.get_by_role("button", name="Free the name")).to_have_count(0)
        with pytest.raises(ToolRefused, match="not_yours"):
            await Peer(server.ws_url, after, "studio-1").connect()
    await row.get_by_role("button", name="Free the name").click()
    await expect(owner.page.get_by_text("The name studio-1 is free.")).to_be_visible()
    audit = await owner.page.context.request.get(f"{server.url}/account/audit")
    assert "name of a client freed" in await audit.text()
    async with Peer(server.ws_url, after, "studio-1"):
        with pytest.raises(ToolRefused, match="not_yours"):
            await Peer(server.ws_url, before, "studio-1").connect()


async def test_progress_is_watched_and_a_job_is_cancelled(server: Workerd, owner: Owner) -> None:
    async with await peer_of(server, uuid="farm-1") as peer:
        await owner.send("get_scene_info", "")
        job = await peer.next_job()
        await peer.progress(job["job_id"], 40, "frame 4 of 10")
        row = owner.jobs().first
        await expect(row).to_contain_text("running")
        await expect(row.get_by_role("progressbar")).to_have_attribute("value", "40")
        await peer.progress(job["job_id"], 70, "frame 7 of 10")
        await expect(row).to_contain_text("70 %: frame 7 of 10")
        await owner.picture("dashboard-progress")
        await row.get_by_role("button", name="Cancel").click()
        await expect(row).to_contain_text("Blender was asked to stop it")
        assert peer.cancelled == [job["job_id"]]
        await peer.update(job["job_id"], "cancelled")
        await expect(row).to_contain_text("cancelled")
        await expect(row.get_by_role("button", name="Cancel")).to_have_count(0)


async def test_a_job_whose_blender_has_gone_says_since_when(server: Workerd, owner: Owner) -> None:
    async with await peer_of(server, uuid="farm-1") as peer:
        await owner.send("get_scene_info", "")
        await peer.next_job()
        await expect(owner.jobs().first).not_to_contain_text("Its Blender was last seen")
        await peer.drop()
        await expect(owner.jobs().first).to_contain_text("Its Blender was last seen")


async def test_wrong_parameters_are_named_and_nothing_is_sent(server: Workerd, owner: Owner) -> None:
    async with await peer_of(server) as peer:
        await expect(owner.page.get_by_label("Blender", exact=True)).to_have_value(peer.uuid)
        for text, complaint in [
            ("Cube", "must be a JSON object"),
            ("", "name is required"),
            ('{"name": 3}', "name must be"),
            ('{"nome": "x"}', 'unknown argument "nome"'),
        ]:
            await owner.send("get_object_info", text)
            await expect(owner.page.locator("#sent")).to_contain_text(complaint)
        assert peer.jobs.empty()
        assert await owner.jobs().count() == 0


async def test_without_a_blender_a_job_says_what_to_do(owner: Owner) -> None:
    await owner.send("execute_code", "1")
    await expect(owner.page.locator("#sent")).to_contain_text("It was not sent. ")
    await expect(owner.page.locator("#sent")).to_contain_text(re.compile("add-on|extension"))


async def test_what_was_written_and_focused_stays_while_the_page_changes(server: Workerd, owner: Owner) -> None:
    async with await peer_of(server, uuid="farm-1") as peer:
        await owner.send("execute_code", "work()")
        job = await peer.next_job()
        row = owner.jobs().last
        await row.get_by_role("button", name="Cancel").focus()
        await peer.progress(job["job_id"], 10, "first")
        await expect(row).to_contain_text("first")
        await owner.page.get_by_label("Python code").fill("half of a thought")
        await row.get_by_role("button", name="Cancel").focus()
        await peer.progress(job["job_id"], 20, "second")
        await expect(row).to_contain_text("second")
        await expect(row.get_by_role("button", name="Cancel")).to_be_focused()
        await expect(owner.page.get_by_label("Python code")).to_have_value("half of a thought")


async def test_a_hidden_page_costs_nothing_and_catches_up_when_it_is_seen_again(server: Workerd, owner: Owner) -> None:
    hide = """hidden => {
        Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    ended = owner.page.wait_for_event("requestfailed", predicate=lambda request: request.url.endswith("/events"))
    gone = asyncio.ensure_future(ended)
    await owner.page.evaluate(hide, True)
    await gone
    await expect(owner.link()).to_have_text("Paused while nobody looks")
    before = len(owner.requests)
    async with await peer_of(server, uuid="farm-1", handler=lambda job: "done"):
        for _ in range(3):
            await asyncio.sleep(0.3)
        assert owner.requests[before:] == []
        await owner.page.evaluate(hide, False)
        await expect(owner.peer("farm-1")).to_contain_text("connected")
        await expect(owner.link()).to_have_text("Live")
    streams = [url for url in owner.requests[before:] if url.endswith("/events")]
    assert len(streams) == 1


async def test_a_revoked_client_is_refused_at_once(server: Workerd, owner: Owner) -> None:
    token = await login(server.url)
    async with ModernClient(server.url, token) as client:
        assert (await client.call("blender_list_available_clients")).status == 200
    await expect(owner.page.locator("#others")).to_contain_text("llm-bus-tests")
    await owner.page.get_by_role("link", name="Clients", exact=True).click()
    await owner.page.get_by_role("button", name=re.compile("^Revoke")).first.click()
    await expect(owner.page.get_by_role("status")).to_contain_text("It is revoked.")
    async with ModernClient(server.url, token) as client:
        assert (await client.call("blender_list_available_clients")).status == 401


async def test_signing_out_elsewhere_leads_back_to_the_login(server: Workerd, owner: Owner) -> None:
    other = await owner.page.context.new_page()
    await other.goto(server.url + "/login")
    await other.get_by_role("button", name="Sign out").click()
    async with await peer_of(server, uuid="farm-1"):
        await owner.page.wait_for_url(re.compile(r"/login\?return_to=/dashboard"))
    owner.complaints.clear()  # the answer 401, which the console tells of


async def test_without_scripts_the_page_works_by_reloading(server: Workerd) -> None:
    async with Owner.at(server.url, java_script_enabled=False) as owner, await peer_of(server, uuid="farm-1") as peer:
        await owner.sign_in()
        await expect(owner.peer("farm-1")).to_contain_text("connected")
        await owner.send("get_scene_info", "")
        await expect(owner.page.get_by_role("status").nth(1)).to_contain_text("Sent to farm-1 as job")
        job = await peer.next_job()
        await peer.update(job["job_id"], "completed", '{"objects": 3}')
        await owner.opens("/dashboard")
        await expect(owner.jobs().first).to_contain_text("completed")
        await owner.send("get_object_info", "Cube")
        await expect(owner.page.get_by_role("alert")).to_contain_text("must be a JSON object")


async def test_one_owner_sees_and_reaches_nothing_of_another(server: Workerd, owner: Owner) -> None:
    async with await peer_of(server, uuid="farm-1") as peer, Owner.at(server.url) as ada:
        await ada.sign_in(username="ada", password="lovelace")
        await expect(ada.link()).to_have_text("Live")
        await owner.send("execute_code", "secret()")
        job = await peer.next_job()
        await expect(owner.jobs().first).to_contain_text("secret()")
        assert await ada.jobs().count() == 0
        for how in ("", "&format=json", "&format=picture"):
            refused = await ada.page.context.request.get(f"{server.url}/dashboard/job?id={job['job_id']}{how}")
            assert refused.status == 404 and "secret" not in await refused.text()
        await ada.opens(f"/dashboard/job?id={job['job_id']}")
        await expect(ada.page.get_by_role("alert")).to_contain_text("no longer exists")
        assert "secret" not in await ada.page.content()


async def test_code_that_asks_is_allowed_or_refused_from_a_phone(server: Workerd, tmp_path: Path) -> None:
    window = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
    async with Owner.at(server.url, **window) as owner:
        await owner.sign_in()
        with HeadlessBlender(server.url, tmp_path, uuid="blender-desk", options=["--policy", "ask"]):
            await expect(owner.peer("blender-desk")).to_contain_text("asks before code")
            question = owner.page.get_by_role("region", name="May this run?")
            await expect(question).to_have_count(0)
            await owner.send("execute_code", "print('<b>' + 'was allowed')")
            await expect(question.get_by_label("What would run")).to_have_text("print('<b>' + 'was allowed')")
            await expect(owner.page).to_have_title(re.compile(r"^\(1\) "))
            await owner.picture("question-phone-dark")
            assert await owner.violations() == []
            await question.get_by_role("button", name="Allow once").tap()
            await expect(owner.jobs().first).to_contain_text("completed")
            await expect(question).to_have_count(0)
            await owner.send("execute_code", "print(2)")
            await question.get_by_role("button", name="Refuse").tap()
            await expect(owner.jobs().first).to_contain_text("refused by the user of this Blender")
        assert owner.complaints == []


async def test_a_client_cannot_answer_for_the_owner(server: Workerd, owner: Owner, tmp_path: Path) -> None:
    token = await login(server.url)
    with HeadlessBlender(server.url, tmp_path, uuid="blender-desk", options=["--policy", "ask"]):
        async with ModernClient(server.url, token) as client:
            sent = await client.call("blender_submit", command="execute_code", params={"code": "print(1)"})
            job_id = sent.document["job_id"]
            await expect(owner.page.get_by_role("button", name="Allow once")).to_be_visible()
            for payload in (
                {"kind": "consent", "requestId": job_id, "allow": True},
                {"jsonrpc": "2.0", "method": "notifications/consent", "params": {"requestId": job_id, "allow": True}},
            ):
                told = await client.call("blender_send_message", payload=payload, target_uuid="blender-desk")
                assert told.document["status"] == "ok"
            status = await client.call("blender_job_status", job_id=job_id, wait_seconds=1)
            assert status.document["status"] == "running"
            assert status.document["progress"]["message"] == "waits for the user's consent"
            await owner.page.get_by_role("button", name="Allow once").click()
            assert (await client.until_ended(job_id))["status"] == "completed"


async def test_a_jobs_own_page_follows_it_runs_it_again_and_copies_it(server: Workerd) -> None:
    async with (
        Owner.at(server.url, permissions=["clipboard-read", "clipboard-write"]) as owner,
        await peer_of(server, uuid="farm-1") as peer,
    ):
        await owner.sign_in()
        await owner.send("execute_code", "\nwork()\n")
        job = await peer.next_job()
        page = owner.page
        await owner.sees_job(owner.jobs().first)
        state = page.locator("#job .state")
        await peer.progress(job["job_id"], 40, "frame 4 of 10")
        await expect(page.get_by_text("40 %: frame 4 of 10")).to_be_visible()
        await page.keyboard.press("c")
        await expect(page.locator("#outcome")).to_contain_text("Blender was asked to stop it")
        frames = 'Traceback (most recent call last):\n  File "x", line 1\n    f()\n    ^^\n' + "  more\n" * 100
        await peer.update(job["job_id"], "failed", error=f"{frames}MyProblem: no such cube\nHint: look first")
        await expect(state).to_have_text("failed")
        await expect(page.locator("p.error")).to_have_text("MyProblem: no such cube")
        await expect(page.get_by_label("What went wrong")).to_contain_text("Hint: look first")
        await page.get_by_role("button", name="Copy as JSON").click()
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        copied = json.loads(await page.evaluate("navigator.clipboard.readText()"))
        assert (copied["job_id"], copied["status"]) == (job["job_id"], "failed")
        assert copied["payload"]["params"]["code"] == "\nwork()\n"
        await page.get_by_role("button", name="Run again").click()
        await page.get_by_role("link", name=re.compile("See job")).click()
        again = await peer.next_job()
        assert again["params"]["code"] == "\nwork()\n"
        await page.wait_for_url(f"**/dashboard/job?id={again['job_id']}")
        await owner.opens("/dashboard")
        await expect(owner.jobs().nth(1)).to_contain_text("MyProblem: no such cube")
        assert owner.complaints == []


async def test_jobs_are_searched_filtered_read_page_by_page_and_reached_by_keys(server: Workerd, owner: Owner) -> None:
    async with await peer_of(server, uuid="farm-1") as peer:
        for number in range(33):
            payload = {"message_type": "command_dispatch", "job_id": f"j-{number:02}", "command": "execute_code"}
            code = {"params": {"code": f"step({number:02})"}}
            await peer.call("blender_send_message", payload=payload | code, target_uuid=peer.uuid)
            await peer.next_job()
            if number == 7:
                await peer.update("j-07", "failed", error="KeyError: 7")
            else:
                await peer.update(f"j-{number:02}", "completed")
        page = owner.page
        await expect(owner.jobs()).to_have_count(30)
        await page.get_by_role("link", name="Older jobs").click()
        await expect(owner.jobs()).to_have_count(3)
        await expect(owner.jobs().last).to_contain_text("step(00)")
        await page.get_by_role("link", name="Newest jobs").click()
        await expect(owner.jobs()).to_have_count(30)
        await page.get_by_label("State", exact=True).select_option("failed")
        await expect(owner.jobs()).to_have_count(1)
        await expect(owner.jobs().first).to_contain_text("KeyError: 7")
        await page.get_by_role("link", name="All jobs").click()
        await expect(owner.jobs()).to_have_count(30)
        await page.keyboard.press("/")
        await page.keyboard.type("STEP(12)")
        await page.keyboard.press("Enter")
        await expect(owner.jobs()).to_have_count(1)
        await page.keyboard.press("/")
        await page.keyboard.type("nothing is like this")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("No job of the last 24 hours is like this.")).to_be_visible()
        await owner.opens("/dashboard")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await page.keyboard.press("k")
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("What the job was given")).to_have_text("step(31)")
