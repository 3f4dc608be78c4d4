"""Tokens: renewed with the refresh token, by password, or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from addon.link.credentials import (
    Credentials,
    HttpRefused,
    LoginRequired,
    LoginUnavailable,
    RenewingTokens,
    fetch_json,
)

Answer = tuple[int, Any, dict[str, str]]


class HttpDouble:
    """An HTTP server on loopback: one answer a path, requests noted."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[dict[str, Any]], Answer]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                if self.headers.get("Content-Type", "").startswith("application/x-www-form"):
                    body: dict[str, Any] = {name: values[0] for name, values in parse_qs(raw).items()}
                else:
                    body = json.loads(raw) if raw else {}
                path = self.path.split("?")[0]
                double.requests.append((path, body))
                answer = double.answers.get(path, (404, {"error": "not_found"}, {}))
                status, document, headers = answer(body) if callable(answer) else answer
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _serve

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def http() -> Iterator[HttpDouble]:
    double = HttpDouble()
    yield double
    double.close()


def tokens_answer(access: str, refresh: str = "r2", lifetime: int = 3600) -> Answer:
    document = {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": lifetime}
    return 200, document, {}


def test_password_login_fetches_a_token_once(http: HttpDouble) -> None:
    http.answers["/auth/login"] = tokens_answer("a1")
    tokens = RenewingTokens(http.url, password_login=("demo", "secret"))
    assert [tokens.token(), tokens.token()] == ["a1", "a1"]
    assert http.requests == [("/auth/login", {"username": "demo", "password": "secret"})]


def test_rejected_token_is_renewed_with_the_refresh_token_and_the_new_one_is_kept(http: HttpDouble) -> None:
    http.answers["/auth/refresh"] = tokens_answer("a2")
    kept: list[Credentials] = []
    tokens = RenewingTokens(http.url, Credentials("a1", "r1"), on_renewed=kept.append)
    tokens.rejected(tokens.token())
    assert tokens.token() == "a2"
    assert http.requests == [("/auth/refresh", {"refresh_token": "r1"})]
    assert kept[0].refresh_token == "r2"


def test_token_is_renewed_shortly_before_it_expires(http: HttpDouble) -> None:
    http.answers["/auth/refresh"] = tokens_answer("a2")
    now = 1000.0
    tokens = RenewingTokens(http.url, Credentials("a1", "r1", expires_at=1100.0), clock=lambda: now)
    assert tokens.token() == "a1"
    now = 1041.0
    assert tokens.token() == "a2"


def test_oauth_login_is_renewed_at_its_token_endpoint(http: HttpDouble) -> None:
    http.answers["/token"] = tokens_answer("a2")
    held = Credentials("a1", "r1", 1.0, f"{http.url}/token", "client-1", http.url)
    assert RenewingTokens(http.url, held).token() == "a2"
    form = {"grant_type": "refresh_token", "refresh_token": "r1", "client_id": "client-1", "resource": http.url}
    assert http.requests == [("/token", form)]


def test_refused_refresh_token_falls_back_to_the_password(http: HttpDouble) -> None:
    http.answers["/auth/refresh"] = (401, {"error": "invalid_grant"}, {})
    http.answers["/auth/login"] = tokens_answer("a3")
    tokens = RenewingTokens(http.url, Credentials("a1", "r1"), password_login=("demo", "demo"))
    tokens.rejected("a1")
    assert tokens.token() == "a3"


def test_refused_refresh_token_without_a_password_needs_the_user(http: HttpDouble) -> None:
    http.answers["/auth/refresh"] = (400, {"error": "invalid_grant"}, {})
    tokens = RenewingTokens(http.url, Credentials("a1", "r1"))
    tokens.rejected("a1")
    with pytest.raises(LoginRequired, match="Log in again"):
        tokens.token()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_server_in_trouble_is_not_a_lost_login(http: HttpDouble, status: int) -> None:
    http.answers["/auth/refresh"] = (status, {}, {})
    tokens = RenewingTokens(http.url, Credentials("a1", "r1"))
    tokens.rejected("a1")
    with pytest.raises(LoginUnavailable, match=str(status)):
        tokens.token()


def test_wrong_password_needs_the_user_and_names_the_reason(http: HttpDouble) -> None:
    http.answers["/auth/login"] = (401, {"error": "invalid_grant", "error_description": "wrong password"}, {})
    with pytest.raises(LoginRequired, match="wrong password"):
        RenewingTokens(http.url, password_login=("demo", "x")).token()


def test_unreachable_server_is_worth_another_attempt() -> None:
    double = HttpDouble()
    double.close()
    with pytest.raises(LoginUnavailable, match="Cannot reach"):
        RenewingTokens(double.url, password_login=("demo", "x")).token()


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>", {}),
        (200, [], {}),
        (200, {}, {}),
        (200, {"access_token": 5}, {}),
        (200, b"{" + b" " * 300_000 + b"}", {}),
        (200, b"[" * 100_000, {}),
    ],
)
def test_odd_token_answers_are_clear_errors(http: HttpDouble, answer: Answer) -> None:
    http.answers["/auth/login"] = answer
    with pytest.raises(LoginUnavailable):
        RenewingTokens(http.url, password_login=("demo", "x")).token()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_login_does_not_follow_a_redirect(http: HttpDouble, status: int) -> None:
    stranger = HttpDouble()
    try:
        http.answers["/auth/login"] = (status, {}, {"Location": f"{stranger.url}/auth/login"})
        with pytest.raises(LoginUnavailable):
            RenewingTokens(http.url, password_login=("demo", "x")).token()
        assert stranger.requests == []
    finally:
        stranger.close()


def test_only_http_addresses_are_fetched() -> None:
    with pytest.raises(LoginUnavailable, match="not an http"):
        fetch_json("file:///etc/passwd")


def test_error_code_of_the_server_is_told(http: HttpDouble) -> None:
    http.answers["/x"] = (400, {"error": "invalid_request", "error_description": "too short"}, {})
    with pytest.raises(HttpRefused, match="too short") as refused:
        fetch_json(f"{http.url}/x", {})
    assert (refused.value.status, refused.value.code) == (400, "invalid_request")


def test_credentials_survive_the_preferences() -> None:
    held = Credentials("a", "r", 5.0, "https://x/token", "c", "https://x")
    assert Credentials.from_json(held.to_json()) == held


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"access_token":""}', '{"access_token":"a","odd":1}', "null"])
def test_damaged_preferences_mean_no_login(text: str) -> None:
    assert Credentials.from_json(text) is None
