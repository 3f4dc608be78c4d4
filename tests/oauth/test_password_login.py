"""`POST /auth/login` and `POST /auth/refresh`, as the contract has them."""

from __future__ import annotations

import time
from statistics import median

import httpx
import pytest
from harness.workerd import Workerd

from .flow import Flow, claims_of, error_of


def login(flow: Flow, username: str = "demo", password: str = "demo") -> httpx.Response:
    return flow.http.post("/auth/login", json={"username": username, "password": password})


def test_login_gives_tokens_and_the_user(flow: Flow) -> None:
    answer = login(flow)
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["token_type"] == "Bearer" and body["expires_in"] == 3600
    assert body["user"]["username"] == "demo"
    claims = claims_of(body["access_token"])
    assert claims["sub"] == body["user"]["user_id"] and claims["iss"] == claims["aud"] == flow.base
    assert claims["scope"] == "bus:read bus:dispatch peer"
    assert claims["exp"] - claims["iat"] == 3600
    assert flow.probe(body["access_token"]).status_code not in (401, 403)


def test_an_account_stays_the_same_user_through_a_restart(flow: Flow, server: Workerd) -> None:
    first = login(flow).json()
    server.restart()
    again = login(flow).json()
    assert again["user"] == first["user"]
    assert flow.probe(first["access_token"]).status_code not in (401, 403), "the signing key is kept"
    assert login(flow, "ada", "lovelace").json()["user"]["user_id"] != first["user"]["user_id"]


def test_a_name_is_one_account_whatever_its_case(flow: Flow) -> None:
    assert login(flow, "DEMO").json()["user"] == login(flow).json()["user"]


@pytest.mark.parametrize(("username", "password"), [("demo", "wrong"), ("nobody", "demo"), ("ada", "demo")])
def test_wrong_name_and_wrong_password_get_the_same_answer(flow: Flow, username: str, password: str) -> None:
    answer = login(flow, username, password)
    assert error_of(answer) == (401, "invalid_credentials")
    assert answer.json()["error_description"] == "user name or password is wrong"


def test_an_unknown_name_takes_as_long_as_a_wrong_password(flow: Flow) -> None:
    login(flow)

    def seconds(username: str) -> float:
        start = time.perf_counter()
        login(flow, username, "wrong")
        return time.perf_counter() - start

    # Turn by turn, so that whatever else the machine does slows both alike.
    rounds = [(seconds("demo"), seconds("nobody")) for _ in range(15)]
    known, unknown = median(first for first, _ in rounds), median(second for _, second in rounds)
    assert unknown > 0.01, "no hash was computed"
    assert 0.5 < known / unknown < 2, (known, unknown)


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"username=demo&password=demo", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"username": "demo"}', "application/json", 400),
        (b'{"username": 1, "password": 2}', "application/json", 400),
        (b'{"username": "demo", "password": ""}', "application/json", 400),
        ('{"username": "dem\u043e", "password": "demo"}'.encode(), "application/json", 400),
        (b'{"username": "' + b"x" * 65 + b'", "password": "demo"}', "application/json", 400),
        (b'{"username": "demo", "password": "' + b"x" * 1025 + b'"}', "application/json", 400),
        (b" " * 20_000, "application/json", 413),
        (b"\xff\xfe", "application/json", 400),
    ],
)
def test_a_malformed_login_is_refused_with_what_was_wrong(
    flow: Flow, content: bytes, content_type: str, status: int
) -> None:
    answer = flow.http.post("/auth/login", content=content, headers={"Content-Type": content_type})
    assert error_of(answer) == (status, "invalid_request")


def test_a_body_without_length_is_cut_off_too(flow: Flow) -> None:
    def chunks():  # noqa: ANN202
        for _ in range(100):
            yield b" " * 1024

    answer = flow.http.post("/auth/login", content=chunks(), headers={"Content-Type": "application/json"})
    assert error_of(answer) == (413, "invalid_request")


def test_refresh_rotates_and_an_old_token_ends_the_sign_in(flow: Flow) -> None:
    first = login(flow).json()

    def refresh(token: str) -> httpx.Response:
        return flow.http.post("/auth/refresh", json={"refresh_token": token})

    second = refresh(first["refresh_token"]).json()
    assert second["user"] == first["user"] and second["refresh_token"] != first["refresh_token"]
    third = refresh(second["refresh_token"]).json()
    assert error_of(refresh(first["refresh_token"])) == (401, "invalid_grant")
    assert error_of(refresh(third["refresh_token"])) == (401, "invalid_grant")
    assert error_of(refresh("garbage")) == (401, "invalid_grant")


def test_demo_accounts_exist_on_loopback_only(tmp_path, server: Workerd) -> None:  # noqa: ANN001
    public = {"PUBLIC_ORIGIN": "https://bus.example", "DEV_ACCOUNTS": "demo:demo"}
    with Workerd(tmp_path / "public", variables=public) as running:
        body = {"username": "demo", "password": "demo"}
        for host in ("bus.example", "localhost", "127.0.0.1:8787"):
            answer = httpx.post(f"{running.url}/auth/login", json=body, headers={"Host": host})
            assert error_of(answer) == (401, "invalid_credentials"), host
    with Workerd(tmp_path / "bare", variables={}) as running:
        assert httpx.post(f"{running.url}/auth/login", json=body).status_code == 401
