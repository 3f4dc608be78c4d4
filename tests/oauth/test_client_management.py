"""Managing a registration (RFC 7592) that is stored nowhere."""

from __future__ import annotations

import httpx
import pytest

from .flow import Flow, error_of


def managed(flow: Flow, method: str, registered: dict[str, object], **options: object) -> httpx.Response:
    token = options.pop("token", registered["registration_access_token"])
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return flow.http.request(method, str(registered["registration_client_uri"]), headers=headers, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["none", "client_secret_post"])
def test_rfc7592_a_registration_can_be_read(flow: Flow, method: str) -> None:
    registered = flow.register(token_endpoint_auth_method=method).json()
    assert registered["registration_client_uri"].startswith(flow.base + "/register?client_id=")
    read = managed(flow, "GET", registered)
    assert read.status_code == 200 and read.headers["cache-control"] == "no-store"
    assert read.json() == registered


def test_rfc7592_an_update_makes_a_client_with_a_new_id(flow: Flow) -> None:
    registered = flow.register().json()
    body = {"client_id": registered["client_id"], "client_name": "Renamed", "redirect_uris": ["https://a.example/cb"]}
    answer = managed(flow, "PUT", registered, json=body)
    updated = answer.json()
    assert answer.status_code == 200 and updated["client_id"] != registered["client_id"]
    assert (updated["client_name"], updated["redirect_uris"]) == ("Renamed", ["https://a.example/cb"])
    assert managed(flow, "GET", updated).json() == updated
    assert error_of(managed(flow, "PUT", registered, json={"redirect_uris": []})) == (400, "invalid_redirect_uri")
    assert flow.browser.get(flow.authorize_url()).status_code == 200, "the first id goes on to work"


def test_rfc7592_there_is_nothing_to_delete(flow: Flow) -> None:
    registered = flow.register().json()
    answer = managed(flow, "DELETE", registered)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_who_registered_manages_the_registration(flow: Flow, method: str) -> None:
    other = flow.register(client_name="Other", token_endpoint_auth_method="client_secret_post").json()
    registered = flow.register(token_endpoint_auth_method="client_secret_post").json()
    tokens = [None, "x", other["registration_access_token"], registered["client_secret"]]
    for token in tokens:
        answer = managed(flow, method, registered, token=token, json={"redirect_uris": ["https://a.example/"]})
        assert error_of(answer) == (401, "invalid_token")
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    unknown = {**registered, "registration_client_uri": f"{flow.base}/register?client_id=bmcl_x.y.z"}
    assert error_of(managed(flow, method, unknown)) == (401, "invalid_token")
    nameless = {**registered, "registration_client_uri": f"{flow.base}/register"}
    assert error_of(managed(flow, method, nameless)) == (405, "invalid_request")
    secret = registered["registration_access_token"]
    assert error_of(flow.exchange("x", client_secret=secret)) == (401, "invalid_client"), "nor is it a secret"
