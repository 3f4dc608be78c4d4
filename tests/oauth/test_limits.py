"""What a stranger may cost: guesses at one account, and requests of one address."""

from __future__ import annotations

import time

import httpx

from .flow import Flow, error_of


def login(flow: Flow, username: str, password: str, address: str | None = None) -> httpx.Response:
    headers = {} if address is None else {"CF-Connecting-IP": address}
    return flow.http.post("/auth/login", json={"username": username, "password": password}, headers=headers)


def test_after_some_wrong_passwords_the_right_one_has_to_wait(flow: Flow) -> None:
    assert login(flow, "demo", "demo").status_code == 200
    answers = [login(flow, "demo", "wrong") for _ in range(6)]
    paused = login(flow, "demo", "demo")
    unknown = login(flow, "nobody", "demo")
    assert {answer.text for answer in answers} == {paused.text} == {unknown.text}, "nothing tells of the pause"
    assert error_of(paused) == (401, "invalid_credentials")
    time.sleep(2.5)
    assert login(flow, "demo", "demo").status_code == 200


def test_logins_of_one_address_are_limited(flow: Flow) -> None:
    statuses = [login(flow, f"name{number}", "wrong", "203.0.113.7").status_code for number in range(45)]
    assert 401 in statuses and 429 in statuses
    refused = login(flow, "demo", "demo", "203.0.113.7")
    assert error_of(refused) == (429, "temporarily_unavailable") and refused.headers["retry-after"] == "60"
    assert login(flow, "demo", "demo", "203.0.113.8").status_code == 200, "of no other address"


def test_oauth_requests_of_one_address_are_limited(flow: Flow) -> None:
    headers = {"CF-Connecting-IP": "2001:db8::1"}
    statuses = {flow.http.get("/authorize", headers=headers).status_code for _ in range(245)}
    assert statuses == {400, 429}
    neighbour = flow.http.get("/authorize", headers={"CF-Connecting-IP": "2001:db8::2"})
    assert neighbour.status_code == 429 and neighbour.headers["content-type"].startswith("text/html")
    assert flow.http.post("/register", json={"redirect_uris": [flow.redirect]}, headers=headers).status_code == 201
