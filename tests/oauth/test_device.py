"""Signing a device in that has no browser (RFC 8628)."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from harness.browser import Form, Page
from harness.faults import move_clock, needs_faults
from harness.workerd import Workerd
from websockets.sync.client import connect

from .accounts import Started
from .flow import Flow, error_of

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
# As many objects as share the codes.
SHARED = 16
CONSONANTS = set("BCDFGHJKLMNPQRSTVWXZ")


class Device:
    """A program on a machine without a browser."""

    def __init__(self, flow: Flow, name: str = "Blender", **changes: str) -> None:
        self.flow = flow
        body = {"client_name": name, "grant_types": [GRANT_TYPE, "refresh_token"], "response_types": []}
        registered = flow.http.post("/register", json=body)
        assert registered.status_code == 201, registered.text
        assert GRANT_TYPE in registered.json()["grant_types"]
        self.client_id = registered.json()["client_id"]
        answer = flow.http.post("/device_authorization", data={"client_id": self.client_id} | changes)
        assert answer.status_code == 200, answer.text
        self.begun: dict[str, Any] = answer.json()

    @property
    def code(self) -> str:
        return str(self.begun["user_code"])

    def poll(self, **changes: str) -> httpx.Response:
        fields = {"grant_type": GRANT_TYPE, "device_code": self.begun["device_code"], "client_id": self.client_id}
        return self.flow.http.post("/token", data=fields | changes)


def page_of(flow: Flow, code: str) -> httpx.Response:
    """The page that asks for the decision, after the code was typed in."""
    return flow.submit(flow.form(flow.browser.get("/device")), user_code=code)


def decision_form(page: httpx.Response) -> Form:
    [form] = [form for form in Page(page.text).forms if form.action == "/device"]
    assert form.button(agree=True) is not None and form.button(agree=False) is not None
    return form


def decide(flow: Flow, code: str, decision: str = "allow") -> httpx.Response:
    return flow.submit(decision_form(page_of(flow, code)), decision=decision)


@pytest.fixture
def owner(flow: Flow) -> Flow:
    """A phone whose user is signed in."""
    phone = Flow(flow.base)
    assert phone.sign_in().status_code == 303
    return phone


def test_rfc8628_the_endpoint_is_advertised_and_answers_as_it_must(flow: Flow) -> None:
    metadata = flow.http.get("/.well-known/oauth-authorization-server").json()
    assert metadata["device_authorization_endpoint"] == flow.base + "/device_authorization"
    assert GRANT_TYPE in metadata["grant_types_supported"]
    begun = Device(flow).begun
    first, second = begun["user_code"].split("-")
    assert len(first) == len(second) == 4 and set(first + second) <= CONSONANTS
    assert begun["verification_uri"] == flow.base + "/device"
    assert begun["verification_uri_complete"] == f"{flow.base}/device?user_code={begun['user_code']}"
    assert (begun["expires_in"], begun["interval"]) == (600, 5)


def test_rfc8628_what_the_owner_allows_the_device_gets_once(flow: Flow, owner: Flow, server: Workerd) -> None:
    device = Device(flow, scope="bus:read bus:dispatch peer")
    assert error_of(device.poll()) == (400, "authorization_pending")
    assert "The device is signed in" in decide(owner, device.code).text
    answer = device.poll()
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store", answer.text
    tokens = answer.json()
    assert tokens["scope"] == "bus:read bus:dispatch peer" and tokens["expires_in"] == 3600
    assert flow.probe(tokens["access_token"]).status_code not in (401, 403)
    with connect(server.ws_url, additional_headers={"Authorization": f"Bearer {tokens['access_token']}"}) as socket:
        socket.send("ping")
        assert socket.recv(timeout=5) == "pong"
    refreshed = flow.refresh(tokens["refresh_token"], client_id=device.client_id)
    assert refreshed.status_code == 200, refreshed.text
    assert error_of(device.poll()) == (400, "invalid_grant")


def test_rfc8628_a_device_that_was_denied_is_told_so(flow: Flow, owner: Flow) -> None:
    device = Device(flow)
    assert "not signed in" in decide(owner, device.code, "deny").text
    assert error_of(device.poll()) == (400, "access_denied")
    assert "No device is waiting" in page_of(owner, device.code).text


def test_rfc8628_a_device_that_asks_too_often_has_to_slow_down(flow: Flow, owner: Flow) -> None:
    device = Device(flow)
    assert error_of(device.poll()) == (400, "authorization_pending")
    assert error_of(device.poll()) == (400, "slow_down")
    time.sleep(5.5)
    assert error_of(device.poll()) == (400, "slow_down"), "ten seconds by now"
    decide(owner, device.code)
    assert device.poll().status_code == 200


def test_a_device_code_is_of_one_client_and_cannot_be_made_up(flow: Flow, owner: Flow) -> None:
    device, other = Device(flow), Device(flow, "Another")
    decide(owner, device.code)
    assert error_of(device.poll(client_id=other.client_id)) == (400, "invalid_grant")
    real = device.begun["device_code"]
    for forged in ("x", "bmd_" + "A" * 43 + "." + "A" * 43, real.split(".")[0] + "." + "A" * 43, "bmr" + real[3:]):
        assert error_of(device.poll(device_code=forged)) == (400, "invalid_grant"), forged
    assert error_of(device.poll(client_id="unknown")) == (401, "invalid_client")
    assert error_of(device.poll(resource="https://elsewhere.example/mcp")) == (400, "invalid_target")
    unknown = flow.http.post("/device_authorization", data={"client_id": "unknown"})
    assert error_of(unknown) == (401, "invalid_client")
    elsewhere = {"client_id": device.client_id, "resource": "https://a.example"}
    assert error_of(flow.http.post("/device_authorization", data=elsewhere)) == (400, "invalid_target")
    assert device.poll().status_code == 200, "all of that has used nothing up"


def test_a_link_with_the_code_survives_the_login_and_decides_nothing(flow: Flow) -> None:
    device = Device(flow)
    phone = Flow(flow.base)
    away = phone.browser.get(device.begun["verification_uri_complete"])
    assert away.status_code == 303
    login = phone.form(phone.browser.get(away.headers["location"]))
    back = phone.submit(login, username="demo", password="demo")
    assert back.headers["location"] == f"/device?user_code={device.code}"
    for _ in range(20):
        page = phone.browser.get(back.headers["location"])
        assert device.code in page.text and "Allow" not in page.text
    assert error_of(device.poll()) == (400, "authorization_pending")
    consent = phone.submit(phone.form(page))
    assert "Sign <bdi>Blender</bdi> in as demo?" in consent.text
    phone.submit(decision_form(consent), decision="allow")
    assert device.poll().status_code == 200


def test_the_page_names_client_code_and_abilities(flow: Flow, owner: Flow) -> None:
    device = Device(flow, '<img src=x onerror="alert(1)">', scope="peer")
    page = page_of(owner, device.code.lower().replace("-", " "))
    assert "<img" not in page.text and "&#60;img" in page.text and device.code in page.text
    assert "attach to your bus" in page.text and "run any command" not in page.text
    assert "If somebody sent you the code or a link, deny it" in page.text
    policy = page.headers["content-security-policy"]
    assert "form-action 'self';" in policy and "frame-ancestors 'none'" in policy
    owner.submit(decision_form(page), decision="allow")
    assert device.poll().json()["scope"] == "peer"


def test_a_decision_cannot_be_forged_or_changed(flow: Flow, owner: Flow) -> None:
    device, planted = Device(flow), Device(flow, "Planted")
    form = decision_form(page_of(owner, device.code))
    eve = Flow(flow.base)
    eve.sign_in("ada", "lovelace")
    assert eve.submit(form, decision="allow").status_code == 403, "a form of another session"
    assert owner.submit(form, decision="allow", user_code=planted.code).status_code == 403
    assert owner.submit(form, decision="allow", form_token="A" * 43).status_code == 403
    elsewhere = {"Origin": "https://evil.example"}
    assert owner.submit(form, decision="allow", headers=elsewhere).status_code == 403
    typing = owner.form(owner.browser.get("/device"))
    assert owner.submit(typing, user_code=device.code, decision="allow").status_code == 403, "without having looked"
    assert httpx.post(flow.base + "/device", data=dict(form.fields) | {"decision": "allow"}).status_code == 303
    for untouched in (device, planted):
        assert error_of(untouched.poll()) == (400, "authorization_pending")


def test_codes_cannot_be_guessed_at(flow: Flow, owner: Flow) -> None:
    device = Device(flow)
    right = page_of(owner, device.code)
    assert right.status_code == 200, "a right code clears the count"
    for _ in range(5):
        assert "No device is waiting" in page_of(owner, "BBBB-BBBB").text
    assert "Too many wrong codes" in page_of(owner, device.code).text
    time.sleep(1.5)
    assert page_of(owner, device.code).status_code == 200


def test_requests_of_one_address_are_limited_and_hold_no_code(flow: Flow, server: Workerd) -> None:
    device = Device(flow)
    headers = {"CF-Connecting-IP": "203.0.113.9"}
    fields = {"client_id": device.client_id}
    begun = [flow.http.post("/device_authorization", data=fields, headers=headers).status_code for _ in range(45)]
    assert set(begun) == {200, 429} and begun.count(200) <= 40
    server.kill()
    stored = b"".join(file.read_bytes() for file in (server.folder / "state" / "DeviceSignIn").glob("*"))
    assert b"CREATE TABLE request" in stored and b"Blender" in stored
    for secret in (device.code, device.code.replace("-", ""), device.begun["device_code"].split(".")[1]):
        assert secret.encode() not in stored


def test_however_many_codes_are_made_a_few_objects_keep_them_and_each_still_works(started: Started) -> None:
    flow, server = started(DEV_ACCOUNTS="demo:demo")
    devices = [Device(flow) for _ in range(2 * SHARED)]
    kept = server.folder / "state" / "DeviceSignIn"

    def files() -> int:
        return len([file for file in kept.glob("*.sqlite") if file.stem != "metadata"])

    assert 1 < files() <= SHARED
    server.restart()
    phone = Flow(flow.base)
    assert phone.sign_in().status_code == 303
    for device, decision in zip(devices, ["allow", "deny"] * SHARED, strict=True):
        decide(phone, device.code, decision)
    answers = [device.poll() for device in devices]
    assert [answer.status_code for answer in answers] == [200, 400] * SHARED
    assert {error_of(answer) for answer in answers[1::2]} == {(400, "access_denied")}
    for _ in range(2 * SHARED):
        Device(flow)
    assert files() <= SHARED


@needs_faults
def test_after_ten_minutes_nothing_of_a_code_is_left(started: Started) -> None:
    flow, server = started(DEV_ACCOUNTS="demo:demo")
    devices = [Device(flow, "A device that is forgotten") for _ in range(4)]
    move_clock(server, 660)
    assert [error_of(device.poll()) for device in devices] == [(400, "expired_token")] * 4
    phone = Flow(flow.base)
    assert phone.sign_in().status_code == 303
    assert "No device is waiting" in page_of(phone, devices[0].code).text
    time.sleep(1)  # The alarms are due at once.
    server.kill()
    kept = [file for file in (server.folder / "state" / "DeviceSignIn").glob("*.sqlite") if file.stem != "metadata"]
    assert kept and {file.stat().st_size for file in kept} == {4096}
    assert not any(b"CREATE TABLE" in file.read_bytes() for file in kept)
