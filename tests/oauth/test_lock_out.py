"""A stranger who knows a name does not keep its owner from signing in, and what happened is on record."""

from __future__ import annotations

import httpx
import pytest

from .flow import Flow

STRANGER = {"CF-Connecting-IP": "198.51.100.7"}
QUIET = {"CF-Connecting-IP": "203.0.113.9"}


def login(flow: Flow, password: str, headers: dict[str, str]) -> httpx.Response:
    return flow.http.post("/auth/login", json={"username": "demo", "password": password}, headers=headers)


def signed_in(flow: Flow, headers: dict[str, str]) -> bool:
    form = flow.form(flow.browser.get("/login"))
    return flow.submit(form, headers=headers, username="demo", password="demo").status_code == 303


def test_the_owner_signs_in_while_a_stranger_guesses(flow: Flow) -> None:
    assert signed_in(flow, STRANGER)
    flow.browser.cookies.delete("bmcp_session")
    for _ in range(9):
        assert login(flow, "guess", STRANGER).status_code == 401
    assert login(flow, "demo", STRANGER).status_code == 401, "the network of the guesses waits"
    assert login(flow, "demo", QUIET).status_code == 200
    assert signed_in(flow, STRANGER), "a browser in which the owner has signed in before"
    for _ in range(5):  # the first pause is a second, which a busy machine may need for the sign-in alone
        for _ in range(9):
            login(flow, "guess", STRANGER)
        flow.browser.cookies.clear()
        if not signed_in(flow, STRANGER):
            return
    pytest.fail("the network of the guesses did not wait")


def test_the_audit_log_says_what_happened_in_short(flow: Flow) -> None:
    assert flow.browser.get("/account/audit").status_code == 303
    assert login(flow, "demo", QUIET).status_code == 200, "a development account is made by this"
    for _ in range(3):
        login(flow, "guess", STRANGER)
    flow.tokens()
    page = flow.browser.get("/account/audit")
    assert page.status_code == 200 and "sign-in failed" in page.text and "(3 times)" in page.text
    assert "198.51.100.0/24" in page.text and "198.51.100.7" not in page.text
    export = flow.browser.get("/account/audit?format=json")
    entries = {entry["what"]: entry for entry in export.json()["entries"]}
    assert entries["client allowed"]["client"] == "Test client" and entries["sign-in failed"]["times"] == 3
    assert export.headers["cache-control"] == "no-store"


def test_a_wrong_password_on_the_way_to_a_remembered_client_still_leads_there(flow: Flow) -> None:
    flow.redirect = "https://app.acme.dev/callback"
    flow.register()
    form = flow.form(flow.browser.get(flow.authorize_url()))
    wrong = flow.submit(form, username="demo", password="wrong")
    assert wrong.status_code == 403 and "Test client" in wrong.text
    assert "form-action 'self' https://app.acme.dev" in wrong.headers["content-security-policy"]
