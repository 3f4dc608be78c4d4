"""The code flow (OAuth 2.1 section 4.1), its refusals and its tokens."""

from __future__ import annotations

import sqlite3
import time

import httpx
import pytest
from harness.workerd import Workerd

from .flow import REDIRECT, Flow, claims_of, error_of


def test_the_whole_flow_gives_tokens_that_work(flow: Flow) -> None:
    flow.register()
    callback = flow.callback(resource=f"{flow.base}/mcp", scope="bus:read peer")
    assert callback["state"] == "st&te=1 2", "state comes back as it was sent"
    assert callback["iss"] == flow.base, "RFC 9207"
    answer = flow.exchange(callback["code"], resource=f"{flow.base}/mcp")
    body = answer.json()
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    assert body["token_type"] == "Bearer" and body["expires_in"] == 3600 and body["scope"] == "bus:read peer"
    claims = claims_of(body["access_token"])
    assert claims["client_id"] == flow.client_id and claims["username"] == "demo"
    assert flow.probe(body["access_token"]).status_code not in (401, 403)
    assert flow.refresh(body["refresh_token"]).json()["scope"] == "bus:read peer"


def test_authorize_is_idempotent_and_needs_no_cookie(flow: Flow) -> None:
    flow.register()
    for _ in range(3):
        assert httpx.get(flow.base + flow.authorize_url()).status_code == 200


def test_loopback_redirects_match_on_any_port(flow: Flow) -> None:
    flow.register()
    flow.redirect = REDIRECT.replace("54321", "61234")
    assert flow.exchange(flow.callback()["code"]).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "bmcl_x.y.z"},
        {"client_id": "https://client.example/metadata"},
        {"redirect_uri": "http://localhost:54321/other"},
        {"redirect_uri": "http://127.0.0.1:54321/callback"},
        {"redirect_uri": "http://localhost:54321/callback?x=1"},
        {"redirect_uri": "http://localhost:54321@evil.example/callback"},
        {"redirect_uri": "http://localhost.evil.example:54321/callback"},
        {"redirect_uri": "HTTPS://localhost:54321/callback"},
        {"redirect_uri": "http://localhost:54321/callback#f"},
        {"redirect_uri": "http://localhost:54321/%63allback"},
        {"redirect_uri": "//evil.example/callback"},
    ],
)
def test_without_a_trusted_client_and_redirect_the_error_is_a_page(flow: Flow, changes: dict[str, str | None]) -> None:
    flow.register()
    answer = flow.browser.get(flow.authorize_url(**changes))
    assert answer.status_code == 400 and "location" not in answer.headers
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "abc"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"resource": "https://evil.example/mcp"}, "invalid_target"),
        ({"prompt": "none"}, "interaction_required"),
    ],
)
def test_other_errors_go_to_a_client_that_the_user_has_allowed(
    flow: Flow, changes: dict[str, str | None], error: str
) -> None:
    flow.register()
    stranger = flow.browser.get(flow.authorize_url(**changes))
    assert stranger.status_code == 400 and "location" not in stranger.headers
    flow.sign_in()
    unknown = flow.browser.get(flow.authorize_url(**changes))
    assert unknown.status_code == 400 and "location" not in unknown.headers
    assert flow.exchange(flow.callback()["code"]).status_code == 200
    answer = flow.browser.get(flow.authorize_url(**changes))
    assert answer.status_code == 303
    callback = flow.parameters(answer)
    assert callback["error"] == error and callback["state"] == "st&te=1 2" and callback["iss"] == flow.base


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("bus:read,bus:dispatch", "bus:read bus:dispatch"),
        (" bus:read", "bus:read"),
        ("openid profile bus:read offline_access", "bus:read"),
        ("claudeai", None),
        ("openid profile", None),
        ("", None),
    ],
)
def test_unknown_scopes_are_passed_over_and_the_answer_says_what_was_granted(
    flow: Flow, asked: str, granted: str | None
) -> None:
    flow.register()
    if granted is None:
        granted = flow.exchange(flow.callback(scope=None)["code"]).json()["scope"]
    tokens = flow.exchange(flow.callback(scope=asked)["code"]).json()
    assert tokens["scope"] == granted
    assert flow.refresh(tokens["refresh_token"], scope="claudeai").json()["scope"] == granted


@pytest.mark.parametrize("resource", ["/mcp?x=1", "/mcp/", "/mcp/?a=b&c=d", "/?x"])
def test_the_resource_may_be_the_url_as_it_was_pasted(flow: Flow, resource: str) -> None:
    flow.register()
    answer = flow.exchange(flow.callback(resource=flow.base + resource)["code"], resource=flow.base + resource)
    assert answer.status_code == 200, answer.text


def test_a_parameter_given_twice_is_refused(flow: Flow) -> None:
    flow.tokens()
    twice = flow.browser.get(flow.authorize_url() + "&scope=peer&scope=bus:read")
    assert flow.parameters(twice)["error"] == "invalid_request"
    assert flow.browser.get(flow.authorize_url() + "&client_id=x").status_code == 400


def test_denying_says_so_to_the_client(flow: Flow) -> None:
    flow.register()
    callback = flow.callback("deny")
    assert callback["error"] == "access_denied" and "code" not in callback


def test_a_code_used_twice_revokes_what_it_gave(flow: Flow) -> None:
    flow.register()
    code = flow.callback()["code"]
    tokens = flow.exchange(code).json()
    assert error_of(flow.exchange(code)) == (400, "invalid_grant")
    assert error_of(flow.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


def test_a_code_is_of_one_client(flow: Flow) -> None:
    flow.register()
    code = flow.callback()["code"]
    own = flow.client_id
    flow.register(client_name="Another client")
    assert flow.client_id != own
    assert error_of(flow.exchange(code)) == (400, "invalid_grant")
    assert flow.exchange(code, client_id=own).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": None}, (400, "invalid_request")),
        ({"code": "bmc_garbage"}, (400, "invalid_grant")),
        ({"code": f"bmc_{'A' * 43}.{'A' * 43}"}, (400, "invalid_grant")),
        ({"code_verifier": None}, (400, "invalid_request")),
        ({"code_verifier": "a" * 43}, (400, "invalid_grant")),
        ({"redirect_uri": "http://localhost:1/callback"}, (400, "invalid_grant")),
        ({"client_id": None}, (400, "invalid_request")),
        ({"client_id": "bmcl_x"}, (401, "invalid_client")),
        ({"client_id": "urn:blender-bus:password"}, (401, "invalid_client")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": None}, (400, "invalid_request")),
        ({"resource": "https://evil.example/"}, (400, "invalid_target")),
    ],
)
def test_the_token_endpoint_refuses(flow: Flow, changes: dict[str, str | None], error: tuple[int, str]) -> None:
    flow.register()
    code = flow.callback()["code"]
    assert error_of(flow.exchange(**({"code": code} | changes))) == error  # type: ignore[arg-type]
    assert flow.exchange(code).status_code == 200, "a refusal costs the client nothing"


def test_the_token_endpoint_takes_forms_only(flow: Flow) -> None:
    assert error_of(flow.http.post("/token", json={"grant_type": "refresh_token"})) == (415, "invalid_request")


def test_a_lost_reply_is_forgiven_once_and_reuse_is_not(flow: Flow) -> None:
    token = flow.tokens()["refresh_token"]
    assert flow.refresh(token).status_code == 200
    again = flow.refresh(token)
    assert again.status_code == 200
    assert error_of(flow.refresh(token)) == (400, "invalid_grant")
    assert error_of(flow.refresh(again.json()["refresh_token"])) == (400, "invalid_grant")


def test_a_refresh_may_ask_for_less_and_not_for_more(flow: Flow) -> None:
    flow.register()
    token = flow.exchange(flow.callback(scope="bus:read peer")["code"]).json()["refresh_token"]
    assert error_of(flow.refresh(token, scope="bus:read bus:dispatch")) == (400, "invalid_scope")
    less = flow.refresh(token, scope="peer").json()
    assert less["scope"] == "peer" and claims_of(less["access_token"])["scope"] == "peer"
    assert flow.refresh(less["refresh_token"]).json()["scope"] == "bus:read peer"


def test_rfc7009_revocation_ends_the_grant(flow: Flow) -> None:
    for hold in ("refresh_token", "access_token"):
        tokens = flow.tokens()
        foreign = flow.http.post("/revoke", data={"token": tokens[hold]})
        assert foreign.status_code == 200
        renewed = flow.refresh(tokens["refresh_token"])
        assert renewed.status_code == 200, "another client cannot revoke it"
        token = renewed.json()[hold]
        answer = flow.http.post("/revoke", data={"token": token, "client_id": flow.client_id})
        assert answer.status_code == 200 and answer.content == b""
        assert error_of(flow.refresh(renewed.json()["refresh_token"])) == (400, "invalid_grant")
    assert flow.http.post("/revoke", data={"token": "garbage", "client_id": flow.client_id}).status_code == 200


def test_a_revocation_reaches_the_users_bus_before_it_is_answered(flow: Flow, server: Workerd) -> None:
    tokens = flow.tokens()
    grant_id = claims_of(tokens["access_token"])["gid"]
    flow.http.post("/revoke", data={"token": tokens["refresh_token"], "client_id": flow.client_id})
    server.kill()

    def rows(folder: str, query: str) -> list[tuple[object, ...]]:
        files = [file for file in (server.folder / "state" / folder).glob("*.sqlite") if file.stem != "metadata"]
        assert len(files) == 1
        with sqlite3.connect(files[0]) as database:
            return database.execute(query).fetchall()

    assert rows("Account", "SELECT grant_id, bus_told FROM grants") == [(grant_id, 1)]
    assert rows("UserBus", "SELECT grant_id FROM revoked_grants") == [(grant_id,)]


def test_tokens_of_one_name_of_loopback_work_under_the_others(flow: Flow) -> None:
    token = flow.tokens()["access_token"]
    flow.http.base_url = flow.base.replace("localhost", "127.0.0.1")
    assert flow.probe(token).status_code not in (401, 403)


def test_a_token_of_another_server_is_refused(flow: Flow, tmp_path) -> None:  # noqa: ANN001
    with Workerd(tmp_path / "other") as other:
        foreign = Flow(other.url).tokens()
    assert flow.probe(foreign["access_token"]).status_code == 401
    flow.register()
    assert error_of(flow.refresh(foreign["refresh_token"])) == (400, "invalid_grant")


def test_a_token_for_another_origin_is_refused(tmp_path) -> None:  # noqa: ANN001
    folder = tmp_path / "state"
    with Workerd(folder, variables={"DEV_ACCOUNTS": "demo:demo"}) as local:
        tokens = Flow(local.url).tokens()
    variables = {"DEV_ACCOUNTS": "demo:demo", "PUBLIC_ORIGIN": "https://bus.example"}
    with Workerd(folder, variables=variables) as public:
        flow = Flow(public.url)
        answer = flow.probe(tokens["access_token"])
        assert answer.status_code == 401 and "another server" in answer.json()["error_description"]


def test_an_expired_token_is_refused_after_a_minute_of_leeway(tmp_path) -> None:  # noqa: ANN001
    variables = {"DEV_ACCOUNTS": "demo:demo", "ACCESS_TOKEN_TTL": "1"}
    with Workerd(tmp_path / "short", variables=variables) as running:
        flow = Flow(running.url)
        tokens = flow.tokens()
        assert tokens["expires_in"] == 1
        time.sleep(2)
        assert flow.probe(tokens["access_token"]).status_code not in (401, 403)
        claims = claims_of(tokens["access_token"])
        assert claims["exp"] - claims["iat"] == 1
