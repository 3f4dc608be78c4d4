"""What a browser is told, when, and what becomes of it where its push service fails."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest
from harness.faults import move_clock, needs_faults
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import ROOT, Workerd
from oauth.accounts import SETUP_CODE, sign_up
from oauth.flow import Flow

from .owner import Owner, asks
from .push_service import Answer, Browser, PushService

CODE = "print('nobody else knows this')"


async def submit(server: Workerd, token: str, uuid: str = "blender-test") -> str:
    async with ModernClient(server.url, token) as client:
        answer = await client.call("blender_submit", command="execute_code", params={"code": CODE}, target_uuid=uuid)
        return str(answer.document["job_id"])


async def ask_about_a_job(server: Workerd) -> str:
    """A Blender asks whether a job may run, and leaves. Returns the job's id."""
    token = await login(server.url)
    async with Peer(server.ws_url, token) as peer:
        job_id = await submit(server, token)
        await peer.next_job()
        await asks(peer, job_id, f"wants to run {CODE}")
        await peer.call("blender_list_available_clients")
    return job_id


def waits_for_an_answer() -> int:
    """How long the extension waits before it refuses a job, in seconds."""
    policy = (ROOT / "addon" / "commands" / "allowed" / "policy.py").read_text()
    [seconds] = re.findall(r"^QUESTION_TIMEOUT = ([\d.]+)$", policy, re.MULTILINE)
    return int(float(seconds))


def test_a_question_reaches_each_browser_that_wants_it_and_no_other_can_read_it(
    server: Workerd, service: PushService
) -> None:
    owner = Owner(server.url).sign_in()
    phone, desk, idle = Browser("phone"), Browser("desk"), Browser("idle")
    owner.add(phone, "asks")
    owner.add(desk)
    owner.add(idle, "ends")
    job_id = asyncio.run(ask_about_a_job(server))
    expected = {
        "title": "Blender asks you",
        "body": "May execute_code run in blender-test?",
        "path": f"/dashboard/job?id={job_id}",
        "tag": f"asks {job_id}",
    }
    assert service.read(phone) == [expected] and service.read(desk) == [expected]
    assert service.faults == [] and service.of(idle) == []
    [message] = service.of(phone)
    assert message.headers["content-encoding"] == "aes128gcm" and message.headers["urgency"] == "high"
    left = waits_for_an_answer() - int(message.headers["ttl"])
    assert 0 <= left <= 20, "no longer than Blender waits for an answer"
    for secret in (b"Blender", job_id.encode(), b"dashboard"):
        assert secret not in message.body
    with pytest.raises(Exception, match=r".*"):
        desk.read(message.body)
    assert message.body[:16] != service.of(desk)[0].body[:16], "a salt of its own"


def test_push_services_know_this_server_by_one_key_that_stays(server: Workerd, service: PushService) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    browser_id = owner.add(browser)
    key = re.search(r'data-key="([\w-]{87})"', owner.page())
    assert key is not None
    owner.post("test", browser=browser_id)
    service.read(browser)
    server.restart()
    owner.post("test", browser=browser_id)
    service.read(browser, 2)
    told = [message.claims for message in service.of(browser)]
    assert {claims["k"] for claims in told} == {key[1]}
    assert {claims["sub"] for claims in told} == {server.url.replace("http://", "https://")}
    assert service.read(browser)[0]["title"] == "A test"


@needs_faults
def test_a_long_job_that_has_ended_is_told_and_a_short_one_is_not(server: Workerd, service: PushService) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    owner.add(browser, "ends")

    async def begin() -> tuple[str, str]:
        token = await login(server.url)
        async with Peer(server.ws_url, token) as peer:
            jobs = await submit(server, token), await submit(server, token)
            await peer.next_job()
            await peer.next_job()
            await peer.update(jobs[0], "completed", "short")
        return jobs

    async def end(job_id: str) -> None:
        async with Peer(server.ws_url, await login(server.url)) as peer:
            await peer.update(job_id, "failed", error=f"Traceback ...\n{CODE}")

    _, long = asyncio.run(begin())
    move_clock(server, 125)
    asyncio.run(end(long))
    [told] = service.read(browser)
    assert told["title"] == "A job has failed" and told["path"] == f"/dashboard/job?id={long}"
    assert told["body"] == "execute_code in blender-test, after 2 min"
    assert service.of(browser)[0].headers["urgency"] == "normal"


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_leaves_the_list(server: Workerd, service: PushService, status: int) -> None:
    owner, gone, stays = Owner(server.url).sign_in(), Browser("gone"), Browser("stays")
    owner.add(gone)
    owner.add(stays)
    service.answers[gone.endpoint] = Answer(status)
    asyncio.run(ask_about_a_job(server))
    service.read(stays)
    service.until(lambda: len(owner.ids()) == 1)
    assert gone.endpoint in [message.endpoint for message in service.messages]


@needs_faults
@pytest.mark.parametrize("failure", [Answer(503), Answer(429, {"Retry-After": "20"})])
def test_a_push_service_that_fails_is_asked_again_by_the_alarm(
    server: Workerd, service: PushService, failure: Answer
) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    owner.add(browser)
    service.answers[browser.endpoint] = [failure, Answer()]
    asyncio.run(ask_about_a_job(server))
    service.read(browser)
    time.sleep(0.5)
    assert len(service.of(browser)) == 1, "not at once"
    move_clock(server, 30)
    first, second = service.read(browser, 2)
    assert first == second
    assert int(service.of(browser)[1].headers["ttl"]) < 575


@needs_faults
def test_what_was_not_sent_before_the_server_died_is_sent_later(server: Workerd, service: PushService) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    owner.add(browser)
    service.answers[browser.endpoint] = [Answer(pause=5), Answer()]
    job_id = asyncio.run(ask_about_a_job(server))
    service.until(lambda: service.of(browser))
    move_clock(server, 65)
    assert [told["tag"] for told in service.read(browser, 2)] == [f"asks {job_id}"] * 2, "which is shown as one"


def test_no_job_waits_for_a_push_service(server: Workerd, service: PushService) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    owner.add(browser)
    service.answers[browser.endpoint] = Answer(pause=8)

    async def run() -> float:
        token = await login(server.url)
        async with Peer(server.ws_url, token) as peer, ModernClient(server.url, token) as client:
            job_id = await submit(server, token)
            await peer.next_job()
            begun = time.monotonic()
            await asks(peer, job_id)
            await peer.update(job_id, "completed", "done")
            assert (await client.until_ended(job_id))["status"] == "completed"
            return time.monotonic() - begun

    assert asyncio.run(run()) < 3
    service.until(lambda: service.of(browser))


def test_a_test_goes_to_one_browser_and_a_few_times_a_minute(server: Workerd, service: PushService) -> None:
    owner, phone, desk = Owner(server.url).sign_in(), Browser("phone"), Browser("desk")
    phone_id = owner.add(phone)
    owner.add(desk)
    for _ in range(5):
        assert "A test is on its way" in owner.post("test", browser=phone_id).text
    refused = owner.post("test", browser=phone_id)
    assert refused.status_code == 422 and "wait a minute" in refused.text
    service.read(phone, 5)
    assert service.of(desk) == []


def test_signing_out_ends_notifications_in_that_browser_alone(server: Workerd, service: PushService) -> None:
    here, elsewhere = Owner(server.url).sign_in(), Owner(server.url).sign_in()
    gone, stays = Browser("here"), Browser("elsewhere")
    here.add(gone)
    stays_id = elsewhere.add(stays)
    assert "this browser" in here.page() and here.page().count(", this browser") == 1
    here.sign_out()
    assert elsewhere.ids() == [stays_id]
    asyncio.run(ask_about_a_job(server))
    service.read(stays)
    assert service.of(gone) == []


def test_a_new_password_ends_notifications_in_all_other_browsers(tmp_path: Path, service: PushService) -> None:
    variables = {"SETUP_CODE": SETUP_CODE}
    with Workerd(tmp_path / "own", variables=variables, outbound=service.address) as server:
        flow = Flow(server.url)
        assert sign_up(flow, "ada", code=SETUP_CODE).status_code == 303
        here = Owner(server.url).sign_in("ada", "correct horse")
        elsewhere = Owner(server.url).sign_in("ada", "correct horse")
        stays_id = here.add(Browser("here"))
        elsewhere.add(Browser("elsewhere"))
        [token] = set(re.findall(r'name="form_token" value="([^"]+)"', here.http.get("/account").text)[:1])
        fields = {"form_token": token, "action": "password", "old": "correct horse", "new": "another horse"}
        assert here.http.post("/account", data=fields).status_code == 200
        assert here.ids() == [stays_id]


def test_the_download_of_an_account_names_browsers_and_not_where_they_are(server: Workerd) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    owner.http.headers["User-Agent"] = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"
    owner.add(browser, "asks")
    answer = owner.http.get("/account/export")
    [named] = answer.json()["notified_browsers"]
    assert (named["name"], named["kinds"]) == ("Firefox on Android", {"asks": True, "ends": False})
    for secret in browser.fields.values():
        assert secret not in answer.text
