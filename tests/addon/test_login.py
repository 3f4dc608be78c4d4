"""Login in the browser against an authorization server on loopback; the browser is this test."""

from __future__ import annotations

import base64
import hashlib
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from test_credentials import HttpDouble, tokens_answer

from addon.link.credentials import Credentials
from addon.link.login import BrowserLogin

Outcome = tuple[Credentials | None, str]


class Flow:
    """One login with its doubles."""

    def __init__(self) -> None:
        self.http = HttpDouble()
        url = self.http.url
        self.metadata: dict[str, Any] = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "registration_endpoint": f"{url}/register",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.http.answers = {
            "/.well-known/oauth-authorization-server": lambda body: (200, self.metadata, {}),
            "/.well-known/oauth-protected-resource": (200, {"resource": url}, {}),
            "/register": (201, {"client_id": "c-1", "token_endpoint_auth_method": "none"}, {}),
            "/token": tokens_answer("access", "refresh"),
        }
        self.opened: queue.Queue[str] = queue.Queue()
        self.done: queue.Queue[Outcome] = queue.Queue()
        self.login = BrowserLogin(
            url, lambda *outcome: self.done.put(outcome), open_browser=self.opened.put, timeout=5.0
        )

    def start(self) -> dict[str, str]:
        """Begin and return the query the browser was opened with."""
        self.login.start()
        address = urlsplit(self.opened.get(timeout=5))
        assert f"{address.scheme}://{address.netloc}{address.path}" == self.metadata["authorization_endpoint"]
        return {name: values[0] for name, values in parse_qs(address.query).items()}

    def come_back(self, asked: dict[str, str], **changes: str | None) -> int:
        """Follow the redirect as a browser would; return the status of the page."""
        answer = {"code": "code-1", "state": asked["state"], "iss": self.http.url, **changes}
        query = urlencode({name: value for name, value in answer.items() if value is not None})
        return get(f"{asked['redirect_uri']}?{query}")


def get(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture
def flow() -> Iterator[Flow]:
    it = Flow()
    yield it
    it.login.cancel(wait=5.0)
    it.http.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "blender-bus-login"]


def test_login_gets_tokens_that_can_be_renewed(flow: Flow) -> None:
    asked = flow.start()
    assert flow.come_back(asked) == 200
    credentials, reason = flow.done.get(timeout=5)
    assert reason == ""
    assert credentials is not None
    assert (credentials.access_token, credentials.refresh_token) == ("access", "refresh")
    assert (credentials.token_endpoint, credentials.client_id) == (f"{flow.http.url}/token", "c-1")


def test_request_uses_pkce_state_scope_and_a_loopback_redirect(flow: Flow) -> None:
    asked = flow.start()
    flow.come_back(asked)
    flow.done.get(timeout=5)
    registration = dict(flow.http.requests)["/register"]
    form = dict(flow.http.requests)["/token"]
    assert registration["redirect_uris"] == [asked["redirect_uri"]]
    assert registration["token_endpoint_auth_method"] == "none"
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert (asked["response_type"], asked["scope"], asked["client_id"]) == ("code", "peer", "c-1")
    assert asked["resource"] == form["resource"] == flow.http.url
    challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (challenge, "S256")
    assert (form["grant_type"], form["code"], form["redirect_uri"]) == (
        "authorization_code",
        "code-1",
        asked["redirect_uri"],
    )
    assert len(asked["state"]) >= 32


@pytest.mark.parametrize("state", [None, "", "wrong", "é"])
def test_answer_with_another_state_is_turned_away_and_the_login_goes_on(flow: Flow, state: str | None) -> None:
    asked = flow.start()
    assert flow.come_back(asked, state=state) == 400
    assert flow.done.empty()
    assert flow.come_back(asked) == 200
    assert flow.done.get(timeout=5)[0] is not None


@pytest.mark.parametrize("iss", [None, "https://evil.example.com"])
def test_answer_of_another_issuer_is_refused(flow: Flow, iss: str | None) -> None:
    asked = flow.start()
    assert flow.come_back(asked, iss=iss) == 400
    credentials, reason = flow.done.get(timeout=5)
    assert credentials is None
    assert "another server" in reason
    assert "/token" not in dict(flow.http.requests)


def test_iss_is_not_needed_where_the_server_does_not_promise_it(flow: Flow) -> None:
    flow.metadata["authorization_response_iss_parameter_supported"] = False
    asked = flow.start()
    assert flow.come_back(asked, iss=None) == 200


def test_refusal_of_the_user_is_told(flow: Flow) -> None:
    asked = flow.start()
    assert flow.come_back(asked, code=None, error="access_denied", error_description="You said no") == 400
    assert "You said no" in flow.done.get(timeout=5)[1]


def test_other_paths_on_the_callback_port_change_nothing(flow: Flow) -> None:
    asked = flow.start()
    base = asked["redirect_uri"].removesuffix("/callback")
    assert get(f"{base}/") == 404
    assert get(f"{base}/favicon.ico") == 404
    assert flow.done.empty()


def test_cancel_ends_the_login_and_frees_the_port(flow: Flow) -> None:
    asked = flow.start()
    flow.login.cancel(wait=5.0)
    assert flow.done.get(timeout=5) == (None, "Login cancelled")
    with pytest.raises(urllib.error.URLError):
        get(asked["redirect_uri"])


def test_nobody_logs_in_in_time(flow: Flow) -> None:
    flow.login._timeout = 0.2
    flow.start()
    assert "Nobody logged in" in flow.done.get(timeout=5)[1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"issuer": "https://other.example.com"}, "use that as server URL"),
        ({"code_challenge_methods_supported": ["plain"]}, "S256"),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"token_endpoint": "file:///etc/passwd"}, "token_endpoint"),
        ({"registration_endpoint": None}, "registration_endpoint"),
    ],
)
def test_unusable_metadata_is_refused_before_the_browser_opens(flow: Flow, change: dict[str, Any], told: str) -> None:
    flow.metadata.update(change)
    flow.login.start()
    credentials, reason = flow.done.get(timeout=5)
    assert credentials is None
    assert told in reason
    assert flow.opened.empty()


def test_refused_code_is_told(flow: Flow) -> None:
    flow.http.answers["/token"] = (400, {"error": "invalid_grant", "error_description": "code expired"}, {})
    asked = flow.start()
    flow.come_back(asked)
    assert "code expired" in flow.done.get(timeout=5)[1]


def test_server_without_a_login_is_told(flow: Flow) -> None:
    flow.http.answers = {}
    flow.login.start()
    assert "does not offer a login" in flow.done.get(timeout=5)[1]
