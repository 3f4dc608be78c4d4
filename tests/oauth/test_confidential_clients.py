"""Confidential clients (RFC 6749 section 2.3.1), registered without being stored like the public ones."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from harness.workerd import Workerd

from .flow import Flow, error_of

METHODS = ["client_secret_basic", "client_secret_post"]


def registered(flow: Flow, method: str) -> str:
    body = flow.register(token_endpoint_auth_method=method).json()
    assert body["token_endpoint_auth_method"] == method and body["client_secret_expires_at"] == 0
    return str(body["client_secret"])


def token_request(flow: Flow, code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": flow.redirect,
        "code_verifier": flow.verifier,
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_confidential_client_must_show_its_secret(flow: Flow, server: Workerd, method: str) -> None:
    secret = registered(flow, method)
    code = flow.callback()["code"]
    missing = flow.exchange(code)
    assert error_of(missing) == (401, "invalid_client") and missing.headers["www-authenticate"].startswith("Basic ")
    assert error_of(flow.exchange(code, client_secret="wrong")) == (401, "invalid_client")
    server.restart()
    if method == "client_secret_post":
        tokens = flow.exchange(code, client_secret=secret)
    else:
        auth = (quote(flow.client_id, safe=""), quote(secret, safe=""))
        tokens = flow.http.post("/token", data=token_request(flow, code), auth=auth)
    assert tokens.status_code == 200, tokens.text
    refresh_token = tokens.json()["refresh_token"]
    assert error_of(flow.refresh(refresh_token)) == (401, "invalid_client")
    assert flow.refresh(refresh_token, client_secret=secret).status_code == 200


def test_the_secret_of_one_client_is_worth_nothing_to_another(flow: Flow) -> None:
    stolen = registered(flow, METHODS[0])
    registered(flow, METHODS[1])
    code = flow.callback()["code"]
    assert error_of(flow.exchange(code, client_secret=stolen)) == (401, "invalid_client")


def test_a_client_names_and_shows_itself_in_one_way(flow: Flow) -> None:
    secret = registered(flow, METHODS[0])
    body = token_request(flow, flow.callback()["code"])
    auth = (flow.client_id, secret)
    for more in ({"client_id": "another"}, {"client_secret": secret}):
        assert error_of(flow.http.post("/token", data=body | more, auth=auth)) == (400, "invalid_request")
    broken = {"Authorization": "Basic !"}
    assert error_of(flow.http.post("/token", data=body, headers=broken)) == (401, "invalid_client")
    assert flow.http.post("/token", data=body, auth=auth).status_code == 200


def test_revoking_needs_the_secret_too(flow: Flow) -> None:
    secret = registered(flow, METHODS[0])
    code = flow.callback()["code"]
    tokens = flow.exchange(code, client_secret=secret).json()
    named = {"token": tokens["refresh_token"], "client_id": flow.client_id}
    assert error_of(flow.http.post("/revoke", data=named)) == (401, "invalid_client")
    answer = flow.http.post("/revoke", data={"token": tokens["refresh_token"]}, auth=(flow.client_id, secret))
    assert answer.status_code == 200
    assert error_of(flow.refresh(tokens["refresh_token"], client_secret=secret)) == (400, "invalid_grant")
