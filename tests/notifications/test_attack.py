"""What could be tried with notifications: calls to elsewhere, another's browsers, floods, and learning secrets."""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from harness.workerd import Workerd

from .owner import PATH, Owner
from .push_service import HOST, Answer, Browser, PushService, encoded
from .test_delivery import CODE, ask_about_a_job

ELSEWHERE = [
    "http://push.acme.dev/x",
    "http://127.0.0.1:8787/x",
    "http://localhost:8787/auth/login",
    "https://localhost/x",
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://2130706433/x",
    "https://10.0.0.7/x",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/x",
    "https://[::ffff:10.0.0.1]/x",
    "https://metadata.google.internal/x",
    "https://printer.local/x",
    "https://push.acme.dev:8443/x",
    "https://push.acme.dev:443/x",
    "https://user:password@push.acme.dev/x",
    "https://push.acme.dev@127.0.0.1/x",
    "https://push.acme.dev/x#y",
    "https://push.acme.dev/a/../x",
    "https://push.acme.dev\\@127.0.0.1/x",
    "https://PUSH.acme.dev/x",
    " https://push.acme.dev/x",
    "https://push.acme.dev/x\r\nHost: evil.example",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//push.acme.dev/x",
    "",
    f"{HOST}/{'x' * 1024}",
]


def test_only_public_https_servers_are_ever_called(server: Workerd, service: PushService) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    token = owner.token()
    for endpoint in ELSEWHERE:
        fields = browser.fields | {"endpoint": endpoint, "form_token": token, "action": "add", "kind": "asks"}
        answer = owner.http.post(PATH, data=fields)
        assert answer.status_code == 422 and "push service" in answer.text, endpoint
    assert owner.ids() == [] and service.asked == []


def test_keys_that_are_none_are_refused_or_end_with_the_first_message(server: Workerd, service: PushService) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    for wrong in [{"p256dh": ""}, {"p256dh": encoded(b"\x04" * 64)}, {"auth": encoded(b"x")}, {"auth": "!"}]:
        assert owner.post("add", **(browser.fields | wrong), kind="asks").status_code == 422, wrong
    no_point = browser.fields | {"p256dh": encoded(b"\x04" + b"\x01" * 64)}
    assert owner.post("add", **no_point, kind="asks").status_code == 200
    asyncio.run(ask_about_a_job(server))
    service.until(lambda: owner.ids() == [])
    assert service.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: Workerd, service: PushService, status: int) -> None:
    owner, browser, other = Owner(server.url).sign_in(), Browser(), Browser("other")
    owner.add(browser)
    service.answers[browser.endpoint] = Answer(status, {"Location": "https://metadata.acme.dev/secret"})
    owner.add(other)
    asyncio.run(ask_about_a_job(server))
    service.read(other)
    service.until(lambda: "nothing reaches it since" in owner.page())
    assert sorted(service.asked) == sorted([f"POST {browser.endpoint}", f"POST {other.endpoint}"])


def test_an_endless_answer_is_not_read(server: Workerd, service: PushService) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    owner.add(browser)
    service.answers[browser.endpoint] = Answer(201, {"Content-Length": str(10**12)}, b"x" * 1_000_000)
    asyncio.run(ask_about_a_job(server))
    service.until(lambda: "last used" in owner.page())


def test_a_push_service_that_never_answers_is_given_up(server: Workerd, service: PushService) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    owner.add(browser)
    service.answers[browser.endpoint] = Answer(pause=14)
    asyncio.run(ask_about_a_job(server))
    time.sleep(11)
    assert "no answer in time" in server.log_text()


def test_a_form_cannot_be_forged(server: Workerd) -> None:
    owner, browser = Owner(server.url).sign_in(), Browser()
    browser_id, token = owner.add(browser), owner.token()
    of_another_page = re.findall(r'name="form_token" value="([^"]+)"', owner.http.get("/tokens").text)[0]
    for action in ("add", "choose", "test", "remove"):
        fields = Browser("planted").fields | {"action": action, "browser": browser_id, "kind": "asks"}
        for more, headers in [
            ({}, {}),
            ({"form_token": token[::-1]}, {}),
            ({"form_token": of_another_page}, {}),
            ({"form_token": token}, {"Origin": "https://evil.example"}),
            ({"form_token": token}, {"Sec-Fetch-Site": "cross-site"}),
        ]:
            answer = owner.http.post(PATH, data=fields | more, headers=headers)
            assert answer.status_code == 403, (action, more, headers)
    assert owner.ids() == [browser_id]


def test_a_stranger_is_asked_to_sign_in_and_changes_nothing(server: Workerd) -> None:
    stranger = Owner(server.url)
    for answer in (stranger.http.get(PATH), stranger.http.post(PATH, data=Browser().fields | {"action": "add"})):
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?return_to={PATH}")


def test_another_owners_browser_is_neither_seen_nor_reached(server: Workerd, service: PushService) -> None:
    demo, ada, browser = Owner(server.url).sign_in(), Owner(server.url).sign_in("ada", "lovelace"), Browser()
    browser_id = demo.add(browser, "asks")
    assert ada.ids() == [] and ada.http.get("/account/export").json()["notified_browsers"] == []
    for action in ("choose", "test", "remove"):
        answer = ada.post(action, browser=browser_id, kind="ends")
        assert answer.status_code == 422 and "no longer in the list" in answer.text
    ada.http.cookies.set("bmcp_notified", browser_id, domain="localhost.local")
    ada.sign_out()
    assert ada.http.cookies.get("bmcp_notified", domain="localhost.local") == browser_id, "it is demo's browser too"
    assert demo.ids() == [browser_id] and service.asked == []


def test_a_flood_of_browsers_forms_and_bodies_is_bounded(server: Workerd) -> None:
    owner = Owner(server.url).sign_in()
    for number in range(10):
        owner.add(Browser(str(number)))
    one_more = owner.post("add", **Browser().fields, kind="asks")
    assert one_more.status_code == 422 and "10 browsers" in one_more.text and len(owner.ids()) == 10
    assert owner.http.post(PATH, data={"endpoint": "x" * 20_000}).status_code == 413
    statuses = [
        owner.http.post(PATH, data={"action": "test"}, headers={"CF-Connecting-IP": "203.0.113.7"}).status_code
        for _ in range(45)
    ]
    assert 429 in statuses and statuses[0] == 403


def test_neither_the_log_nor_a_message_has_secrets(server: Workerd, service: PushService) -> None:
    owner, works, fails = Owner(server.url).sign_in(), Browser("works"), Browser("fails")
    owner.add(works)
    owner.add(fails)
    service.answers[fails.endpoint] = Answer(500)
    asyncio.run(ask_about_a_job(server))
    [told] = service.read(works)
    service.until(lambda: "answered with 500" in server.log_text())
    assert CODE not in str(told) and "nobody else" not in str(told)
    log = server.log_text(10**7)
    for browser in (works, fails):
        for secret in [*browser.fields.values(), browser.endpoint.removeprefix(HOST)]:
            assert secret not in log
    assert "vapid" not in log and told["body"] not in log and HOST in log
