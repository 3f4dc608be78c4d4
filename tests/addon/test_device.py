"""Login by code: what the answers mean, and the whole of it against a server on loopback whose user is this test."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from test_credentials import HttpDouble, tokens_answer

from addon.link import device
from addon.link.credentials import Credentials, HttpRefused, LoginRequired, LoginUnavailable
from addon.link.device import GRANT_TYPE, DeviceCode, DeviceLogin, Polling

ISSUER = "https://bus.example.com"
GIVEN = {
    "device_code": "d-1",
    "user_code": "WDJB-MJHT",
    "verification_uri": f"{ISSUER}/device",
    "verification_uri_complete": f"{ISSUER}/device?user_code=WDJB-MJHT",
    "expires_in": 600,
    "interval": 5,
}


def refusal(code: str, status: int = 400) -> HttpRefused:
    return HttpRefused(status, code, f"HTTP {status}: {code}")


def polling(**changes: Any) -> Polling:
    return Polling(DeviceCode.read({**GIVEN, **changes}, ISSUER), 100.0)


def test_what_the_server_gives_out_is_read() -> None:
    code = DeviceCode.read(GIVEN, ISSUER)
    assert (code.device_code, code.user_code, code.lifetime, code.interval) == ("d-1", "WDJB-MJHT", 600, 5)
    assert (code.page, code.page_with_code) == (GIVEN["verification_uri"], GIVEN["verification_uri_complete"])


def test_rfc8628_3_2_interval_and_complete_page_may_be_left_out() -> None:
    code = DeviceCode.read({name: GIVEN[name] for name in list(GIVEN)[:3]}, ISSUER)
    assert (code.interval, code.page_with_code) == (5, code.page)


@pytest.mark.parametrize(
    "change",
    [
        {"device_code": ""},
        {"device_code": 7},
        {"user_code": None},
        {"user_code": "x" * 65},
        {"verification_uri": None},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "file:///etc/passwd"},
        {"verification_uri": "http://bus.example.com/device"},
        {"verification_uri": "https:///device"},
        {"verification_uri": f"{ISSUER}/a\nb"},
    ],
)
def test_unusable_answers_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(LoginUnavailable, match=r"bus\.example\.com"):
        DeviceCode.read({**GIVEN, **change}, ISSUER)


def test_page_with_code_that_must_not_be_opened_is_left_out() -> None:
    code = DeviceCode.read({**GIVEN, "verification_uri_complete": "file:///etc/passwd"}, ISSUER)
    assert code.page_with_code == code.page


@pytest.mark.parametrize(("interval", "kept"), [(0, 5), (0.01, 1), (1e9, 60), ("x", 5), (True, 5), (float("nan"), 5)])
def test_absurd_intervals_are_bounded(interval: Any, kept: float) -> None:
    assert polling(interval=interval).interval == kept


def test_it_asks_no_sooner_than_it_may() -> None:
    asking = polling()
    assert asking.wait(100.0) == 5
    asking.refused(refusal("authorization_pending"), 105.5)
    assert asking.wait(106.0) == 4.5


def test_rfc8628_3_5_slow_down_makes_every_later_question_five_seconds_rarer() -> None:
    asking = polling()
    for count in (1, 2):
        asking.refused(refusal("slow_down"), 105.0)
        assert asking.wait(105.0) == 5 + 5 * count
    asking.refused(refusal("authorization_pending"), 120.0)
    assert asking.wait(120.0) == 15


def test_rfc8628_3_5_an_unreachable_server_is_asked_ever_more_rarely() -> None:
    asking = polling()
    waits = []
    for _ in range(5):
        asking.unreachable(105.0)
        waits.append(asking.wait(105.0))
    assert waits == [10, 20, 40, 60, 60]


def test_too_many_requests_and_troubles_of_the_server_are_waited_out() -> None:
    asking = polling()
    asking.refused(refusal("", 429), 105.0)
    assert asking.wait(105.0) == 10
    asking.refused(refusal("", 503), 115.0)
    assert asking.wait(115.0) == 10


@pytest.mark.parametrize(
    ("code", "told"),
    [("access_denied", "refused on the page"), ("expired_token", "within 10 minutes"), ("invalid_grant", "no token")],
)
def test_other_refusals_end_it(code: str, told: str) -> None:
    with pytest.raises(LoginRequired, match=told):
        polling().refused(refusal(code), 105.0)


def test_the_code_ends_even_if_the_server_never_says_so() -> None:
    asking = polling(interval=60, expires_in=70)
    asking.refused(refusal("authorization_pending"), 160.0)
    assert asking.wait(160.0) == 10
    with pytest.raises(LoginRequired, match="Nobody entered the code"):
        asking.wait(170.0)


class Flow:
    """One login with its doubles. `token` has the answers of the token endpoint; the last one stands for ever."""

    def __init__(self) -> None:
        self.http = HttpDouble()
        url = self.http.url
        self.metadata = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "registration_endpoint": f"{url}/register",
            "device_authorization_endpoint": f"{url}/device_authorization",
        }
        self.token: list[Any] = [(400, {"error": "authorization_pending"}, {}), tokens_answer("access", "refresh")]
        given = {**GIVEN, "verification_uri": f"{url}/device", "verification_uri_complete": None}
        self.http.answers = {
            "/.well-known/oauth-authorization-server": lambda body: (200, self.metadata, {}),
            "/register": (201, {"client_id": "c-1"}, {}),
            "/device_authorization": (200, given, {}),
            "/token": lambda body: self.token.pop(0) if len(self.token) > 1 else self.token[0],
        }
        self.shown: queue.Queue[DeviceCode] = queue.Queue()
        self.done: queue.Queue[tuple[Credentials | None, str]] = queue.Queue()
        self.login = DeviceLogin(url, lambda *outcome: self.done.put(outcome), self.shown.put)


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flow]:
    # Five seconds are for real servers.
    monkeypatch.setattr(device, "MIN_INTERVAL", 0.02)
    monkeypatch.setattr(device, "MAX_INTERVAL", 0.02)
    it = Flow()
    yield it
    it.login.cancel(wait=5.0)
    it.http.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "blender-bus-login"]


def test_code_is_shown_and_tokens_come_once_it_was_entered(flow: Flow) -> None:
    flow.login.start()
    assert flow.shown.get(timeout=5).user_code == "WDJB-MJHT"
    credentials, reason = flow.done.get(timeout=5)
    assert reason == ""
    assert credentials is not None
    assert (credentials.access_token, credentials.refresh_token) == ("access", "refresh")
    assert (credentials.token_endpoint, credentials.client_id) == (f"{flow.http.url}/token", "c-1")
    asked = [body for path, body in flow.http.requests if path == "/token"]
    assert len(asked) == 2
    assert {name: asked[0][name] for name in ("grant_type", "device_code", "client_id")} == {
        "grant_type": GRANT_TYPE,
        "device_code": "d-1",
        "client_id": "c-1",
    }
    requests = dict(flow.http.requests)
    assert GRANT_TYPE in requests["/register"]["grant_types"]
    assert requests["/device_authorization"] == {"client_id": "c-1", "scope": "peer", "resource": flow.http.url}


def test_denial_is_told(flow: Flow) -> None:
    flow.token = [(400, {"error": "access_denied"}, {})]
    flow.login.start()
    assert flow.done.get(timeout=5) == (None, "The login was refused on the page where the code was entered")


def test_a_server_that_is_away_for_a_while_is_asked_again(flow: Flow) -> None:
    flow.token.insert(0, (200, b"<html>proxy</html>", {}))
    flow.token.insert(0, (502, b"bad gateway", {}))
    flow.login.start()
    assert flow.done.get(timeout=5)[0] is not None


def test_server_without_login_by_code_is_told(flow: Flow) -> None:
    del flow.metadata["device_authorization_endpoint"]
    flow.login.start()
    assert "offers no login by code" in flow.done.get(timeout=5)[1]
    assert flow.shown.empty()


def test_cancel_ends_it_at_once(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "MAX_INTERVAL", 60.0)
    flow.login.start()
    flow.shown.get(timeout=5)
    started = time.monotonic()
    flow.login.cancel(wait=5.0)
    assert flow.done.get(timeout=5) == (None, "Login cancelled")
    assert time.monotonic() - started < 1.0
