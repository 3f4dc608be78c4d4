"""Personal access tokens: made at the page and by the tools, taken wherever an access token is, ended at once."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from harness.workerd import Workerd
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .flow import Flow, claims_of


def sign_in_token(flow: Flow) -> str:
    answer = flow.http.post("/auth/login", json={"username": "demo", "password": "demo"})
    return str(answer.json()["access_token"])


def call(flow: Flow, token: str, tool: str, **arguments: Any) -> httpx.Response:
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": tool,
            "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    }
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    return flow.http.post("/", json=body, headers=headers)


def document(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    assert not result["isError"], result
    found = result["structuredContent"]
    assert isinstance(found, dict)
    return found


def refusal(answer: httpx.Response) -> str:
    result = answer.json()["result"]
    assert result["isError"], result
    return str(result["content"][0]["text"])


def agree(flow: Flow, told: str, decision: str = "allow") -> httpx.Response:
    """The owner follows the link of a refusal and decides; signs in first, if nobody has."""
    link = re.search(r"open (\S+) in a browser", told)
    assert link is not None, told
    page = flow.browser.get(link[1])
    if page.status_code == 303:
        form = flow.form(flow.browser.get(page.headers["location"]))
        page = flow.submit(form, username="demo", password="demo")
        page = flow.browser.get(page.headers["location"])
    assert page.status_code == 200, page.text
    return flow.submit(flow.form(page), decision=decision)


def made(flow: Flow, by: str, **arguments: Any) -> tuple[str, str]:
    told = refusal(call(flow, by, "blender_create_access_token", name="farm", **arguments))
    assert "You have agreed" in agree(flow, told).text
    answer = document(call(flow, by, "blender_create_access_token", name="farm", **arguments))
    return answer["token"], answer["access_token"]["token_id"]


def test_a_token_is_taken_wherever_an_access_token_is(flow: Flow, server: Workerd) -> None:
    token, token_id = made(flow, sign_in_token(flow))
    assert token.startswith("bmcp_")
    assert flow.probe(token).status_code not in (401, 403)
    listed = document(call(flow, sign_in_token(flow), "blender_list_access_tokens"))["access_tokens"]
    [entry] = listed
    assert entry["token_id"] == token_id and entry["name"] == "farm" and token not in str(listed)
    assert entry["scopes"] == ["bus:read", "bus:dispatch", "peer"] and entry["last_used_at"] is not None
    assert entry["expires_at"] - entry["created_at"] == 90 * 86_400
    with connect(server.ws_url, additional_headers={"Authorization": f"Bearer {token}"}, subprotocols=["mcp"]) as peer:
        peer.send("ping")
        assert peer.recv(timeout=5) == "pong"


def test_a_revoked_token_is_refused_at_once_and_its_socket_closed(flow: Flow, server: Workerd) -> None:
    owner = sign_in_token(flow)
    token, token_id = made(flow, owner)
    assert document(call(flow, token, "blender_list_available_clients"))["status"] == "ok"
    with connect(server.ws_url, additional_headers={"Authorization": f"Bearer {token}"}, subprotocols=["mcp"]) as peer:
        peer.send("ping")
        assert peer.recv(timeout=5) == "pong"
        revoked = document(call(flow, owner, "blender_revoke_access_token", token_id=token_id))
        assert revoked == {"status": "ok", "token_id": token_id}
        with pytest.raises(ConnectionClosed) as closed:
            peer.recv(timeout=5)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
    answer = call(flow, token, "blender_list_available_clients")
    assert answer.status_code == 401 and "invalid_token" in answer.headers["www-authenticate"]
    again = document(call(flow, owner, "blender_revoke_access_token", token_id=token_id))
    assert again["status"] == "not_found"


def test_a_token_does_no_more_than_its_scopes(flow: Flow, server: Workerd) -> None:
    token, _ = made(flow, sign_in_token(flow), scopes=["bus:read"])
    assert document(call(flow, token, "blender_list_available_clients"))["status"] == "ok"
    answer = call(flow, token, "blender_execute_code", code="1")
    assert answer.status_code == 403 and 'scope="bus:dispatch"' in answer.headers["www-authenticate"]
    headers = {"Authorization": f"Bearer {token}", "Upgrade": "websocket", "Connection": "Upgrade"}
    assert httpx.get(f"{flow.base}/ws", headers=headers).status_code == 403


def test_a_token_makes_and_ends_no_tokens(flow: Flow) -> None:
    token, token_id = made(flow, sign_in_token(flow))
    for answer in [
        call(flow, token, "blender_create_access_token", name="another"),
        call(flow, token, "blender_list_access_tokens"),
        call(flow, token, "blender_revoke_access_token", token_id=token_id),
    ]:
        assert "sign in instead" in refusal(answer)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "x", "expires_in_days": 0}, "expires_in_days"),
        ({"name": "x", "expires_in_days": 367}, "expires_in_days"),
        ({"name": "x", "scopes": ["admin"]}, "scopes"),
    ],
)
def test_a_senseless_token_is_refused_by_the_argument(flow: Flow, arguments: dict[str, Any], named: str) -> None:
    assert named in refusal(call(flow, sign_in_token(flow), "blender_create_access_token", **arguments))


def test_nothing_is_made_before_the_owner_has_agreed(flow: Flow) -> None:
    client = flow.tokens()["access_token"]
    told = refusal(call(flow, client, "blender_create_access_token", name="<b>farm</b>", scopes=["bus:read"]))
    assert flow.base in told
    assert "No token is made" in agree(flow, told, "deny").text
    asked_again = call(flow, client, "blender_create_access_token", name="<b>farm</b>", scopes=["bus:read"])
    assert "agree" in refusal(asked_again)
    assert document(call(flow, client, "blender_list_access_tokens"))["access_tokens"] == []
    link = re.search(r"open (\S+) in a browser", told)
    assert link is not None
    page = flow.browser.get(link[1])
    assert "Test client" in page.text and "<b>farm" not in page.text and "see your Blender sessions" in page.text
    form = flow.form(page)
    changed = {"request": dict(form.fields)["request"].replace("bus%3Aread", "bus%3Adispatch"), "decision": "allow"}
    assert flow.submit(form, **changed).status_code == 403
    unknown = flow.browser.get("/tokens?for=g-unknown&name=x&scopes=bus:read&days=1")
    assert unknown.status_code == 400 and "no client of this account" in unknown.text


@pytest.mark.parametrize("how", ["clients", "revoke"])
def test_a_token_ends_with_the_client_that_made_it(flow: Flow, how: str) -> None:
    tokens = flow.tokens()
    token, _ = made(flow, tokens["access_token"])
    assert flow.probe(token).status_code not in (401, 403)
    if how == "clients":
        row = re.search(
            r'name="form_token" value="([^"]+)".*?name="revoke" value="([^"]+)"',
            flow.browser.get("/clients").text,
            re.DOTALL,
        )
        assert row is not None
        flow.browser.post("/clients", data={"form_token": row[1], "revoke": row[2]})
    else:
        body = {"token": tokens["refresh_token"], "client_id": flow.client_id}
        assert flow.http.post("/revoke", data=body).status_code == 200
    assert call(flow, tokens["access_token"], "blender_list_available_clients").status_code == 401
    assert call(flow, token, "blender_list_available_clients").status_code == 401


def test_a_client_ends_its_own_tokens_only(flow: Flow) -> None:
    token, token_id = made(flow, sign_in_token(flow))
    other = flow.tokens()["access_token"]
    assert document(call(flow, other, "blender_revoke_access_token", token_id=token_id))["status"] == "not_found"
    assert flow.probe(token).status_code not in (401, 403)


def test_whoever_holds_a_token_can_end_it(flow: Flow) -> None:
    token, _ = made(flow, sign_in_token(flow))
    assert flow.http.post("/revoke", data={"token": token}).status_code == 200
    assert flow.probe(token).status_code == 401


@pytest.mark.parametrize("token", ["bmcp_", "bmcp_x.y", f"bmcp_{'A' * 43}.{'A' * 43}", "bmcp_" + "x" * 9000])
def test_an_invented_token_is_refused(flow: Flow, token: str) -> None:
    answer = flow.probe(token)
    assert answer.status_code == 401 and "invalid_token" in answer.headers["www-authenticate"]


def test_a_token_outlives_a_restart_and_is_stored_as_a_hash(flow: Flow, server: Workerd) -> None:
    token, _ = made(flow, sign_in_token(flow))
    server.restart()
    assert flow.probe(token).status_code not in (401, 403)
    server.kill()
    stored = b"".join(file.read_bytes() for file in (server.folder / "state").rglob("*.sqlite*"))
    assert token.split(".")[1].encode() not in stored


def test_the_page_makes_shows_once_and_revokes(flow: Flow) -> None:
    away = flow.browser.get("/tokens")
    assert away.status_code == 303 and away.headers["location"] == "/login?return_to=/tokens"
    flow.sign_in()
    page = flow.browser.get("/tokens")
    token_of_form = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token_of_form is not None
    fields = {"form_token": token_of_form[1], "name": "<b>farm</b>", "days": "7", "scope": "peer"}
    shown = flow.browser.post("/tokens", data=fields)
    token = re.search(r"<code>(bmcp_[^<]+)</code>", shown.text)
    assert token is not None and "<b>farm" not in shown.text
    assert flow.probe(token[1]).status_code not in (401, 403)
    later = flow.browser.get("/tokens")
    assert token[1] not in later.text
    assert re.search(r"ends \d{4}-\d\d-\d\d, last used \d{4}-", later.text), later.text
    for wrong in ({"days": "0"}, {"days": "x"}, {"days": "367"}, {"name": " "}, {"scope": "admin"}):
        assert flow.browser.post("/tokens", data=fields | wrong).status_code == 400, wrong
    revoke = re.search(r'name="revoke" value="([^"]+)"', later.text)
    assert revoke is not None
    forged = flow.browser.post("/tokens", data={"form_token": "A" * 43, "revoke": revoke[1]})
    assert forged.status_code == 403 and flow.probe(token[1]).status_code != 401
    gone = flow.browser.post("/tokens", data={"form_token": token_of_form[1], "revoke": revoke[1]})
    assert "You have none" in gone.text and flow.probe(token[1]).status_code == 401


def test_a_token_is_made_for_one_blender_at_the_page_and_by_the_tool_and_lists_say_so(flow: Flow) -> None:
    flow.sign_in()
    form_token = re.search(r'name="form_token" value="([^"]+)"', flow.browser.get("/tokens").text)
    assert form_token is not None
    fields = {"form_token": form_token[1], "name": "node", "days": "7", "scope": "peer"}
    for wrong in ({"only_blender": "a", "only_group": "b"}, {"only_blender": "x" * 129}, {"only_group": "a\nb"}):
        assert flow.browser.post("/tokens", data=fields | wrong).status_code == 400, wrong
    shown = flow.browser.post("/tokens", data=fields | {"only_blender": "studio <1>"})
    assert "only with <bdi>the Blender &#34;studio &#60;1&#62;&#34;</bdi>" in shown.text, shown.text
    owner = sign_in_token(flow)
    token, _ = made(flow, owner, scopes=["bus:read", "bus:dispatch"], only_group="farm")
    listed = document(call(flow, owner, "blender_list_access_tokens"))["access_tokens"]
    bounds = {(entry["only_blender"], entry["only_group"]) for entry in listed}
    assert bounds == {("studio <1>", None), (None, "farm")}
    for tool, arguments in {
        "blender_list_access_tokens": {},
        "blender_create_access_token": {"name": "wider"},
        "blender_revoke_access_token": {"token_id": listed[0]["token_id"]},
    }.items():
        assert "access tokens" in refusal(call(flow, token, tool, **arguments)), tool


def test_a_bound_that_a_client_asks_for_stays_at_each_refresh(flow: Flow) -> None:
    flow.register()
    page = flow.consent_page(scope="bus:read bus:dispatch blender=studio-1")
    assert "all of this only with the Blender" in page.text
    tokens = flow.tokens(scope="bus:read bus:dispatch blender=studio-1")
    assert tokens["scope"] == "bus:read bus:dispatch blender=studio-1"
    less = flow.refresh(tokens["refresh_token"], scope="bus:read").json()
    assert less["scope"] == "bus:read blender=studio-1"
    assert claims_of(less["access_token"])["scope"] == "bus:read blender=studio-1"
    other = flow.refresh(less["refresh_token"], scope="bus:read blender=studio-2")
    assert other.json()["error"] == "invalid_scope"
    assert flow.refresh(less["refresh_token"]).json()["scope"] == "bus:read bus:dispatch blender=studio-1"
    assert "bound to some" in refusal(call(flow, less["access_token"], "blender_list_access_tokens"))
    wrong = flow.browser.get(flow.authorize_url(scope="bus:read blender=a blender=b"))
    assert flow.parameters(wrong)["error"] == "invalid_scope" if wrong.status_code == 303 else wrong.status_code == 400
