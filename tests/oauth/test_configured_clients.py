"""Clients that the operator has registered in OAUTH_CLIENTS."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.workerd import DEV_ACCOUNTS, Workerd

from .flow import Flow, error_of

SECRET = "0123456789abcdef0123456789abcdef"
WEB = "https://app.example.com/callback"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()
CLIENTS: list[Any] = [
    {"client_id": "local-tool", "client_name": "Local tool", "redirect_uris": ["http://127.0.0.1:3000/callback"]},
    {
        "client_id": "web-app",
        "redirect_uris": [WEB],
        "client_secret_sha256": HASH,
    },
    {"client_id": "plain-app", "redirect_uris": [WEB], "client_secret": SECRET},
    {"client_id": "typo", "redirect_urls": [WEB]},
]


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Flow]:
    variables = {"DEV_ACCOUNTS": DEV_ACCOUNTS, "OAUTH_CLIENTS": json.dumps(CLIENTS)}
    with Workerd(tmp_path / "workerd", variables=variables) as server:
        yield Flow(server.url)


def test_a_configured_client_signs_in_without_registering(flow: Flow) -> None:
    flow.client_id, flow.redirect = "local-tool", "http://127.0.0.1:41234/callback"
    assert "Local tool" in flow.consent_page().text
    tokens = flow.exchange(flow.callback()["code"]).json()
    assert flow.probe(tokens["access_token"]).status_code not in (401, 403)
    assert flow.refresh(tokens["refresh_token"]).status_code == 200


def test_a_configured_client_may_redirect_nowhere_else(flow: Flow) -> None:
    flow.client_id = "local-tool"
    for redirect in ("http://localhost:3000/callback", "http://127.0.0.1:3000/other", WEB):
        assert flow.browser.get(flow.authorize_url(redirect_uri=redirect)).status_code == 400, redirect


@pytest.mark.parametrize("client_id", ["web-app", "plain-app"])
def test_a_configured_client_must_show_its_secret(flow: Flow, client_id: str) -> None:
    flow.client_id, flow.redirect = client_id, WEB
    code = flow.callback()["code"]
    for secret in (None, "wrong", HASH):
        assert error_of(flow.exchange(code, client_secret=secret)) == (401, "invalid_client")
    tokens = flow.exchange(code, client_secret=SECRET).json()
    assert error_of(flow.refresh(tokens["refresh_token"])) == (401, "invalid_client")
    assert flow.refresh(tokens["refresh_token"], client_secret=SECRET).status_code == 200


def test_a_wrong_entry_is_refused_alone_with_a_log_line(flow: Flow, tmp_path: Path) -> None:
    flow.client_id = "typo"
    assert flow.browser.get(flow.authorize_url(redirect_uri=WEB)).status_code == 400
    log = (tmp_path / "workerd" / "workerd.log").read_text()
    assert "OAUTH_CLIENTS: entry 4 is refused: redirect_urls is not one of client_id" in log
    assert SECRET not in log
    assert flow.tokens()["token_type"] == "Bearer", "registration goes on as ever"


@pytest.mark.parametrize("text", ["{", "{}", '["x"]', "null"])
def test_clients_that_are_no_json_take_nothing_down(tmp_path: Path, text: str) -> None:
    variables = {"DEV_ACCOUNTS": DEV_ACCOUNTS, "OAUTH_CLIENTS": text}
    with Workerd(tmp_path / "workerd", variables=variables) as server:
        assert Flow(server.url).tokens()["token_type"] == "Bearer"
        assert "OAUTH_CLIENTS: " in server.log_text(100_000)
