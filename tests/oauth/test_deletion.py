"""Deleting an account with all its data."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness.workerd import WorkerBundle, Workerd
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from .accounts import SETUP_CODE, Started, login, setup_codes, sign_up
from .flow import Flow
from .test_access_tokens import agree, call, document, refusal

PASSWORD = "correct horse"
SECRET = "a word that is nowhere else"


def delete(flow: Flow, username: str, password: str = PASSWORD, **changes: str) -> httpx.Response:
    token = dict(flow.form(flow.browser.get("/account")).fields)["form_token"]
    fields = {"form_token": token, "action": "delete", "username": username, "password": password}
    return flow.browser.post("/account", data=fields | changes)


def tokens_of(flow: Flow, username: str) -> dict[str, Any]:
    answer = login(flow, username)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert isinstance(tokens, dict)
    return tokens


def attach(server: Workerd, token: str) -> ClientConnection:
    return connect(server.ws_url, additional_headers={"Authorization": f"Bearer {token}"}, open_timeout=5)


def stored(server: Workerd, kind: str) -> dict[Path, bytes]:
    """Every file of the objects of one class, with what the write-ahead log holds."""
    files = (server.folder / "state" / kind).rglob("*")
    return {file: file.read_bytes() for file in files if file.is_file() and "metadata" not in file.name}


def lived_in(flow: Flow, server: Workerd) -> dict[str, Any]:
    """An account with something of everything. Returns the tokens of its password login, and `personal`."""
    assert sign_up(flow, "ada").status_code == 303
    tokens = tokens_of(flow, "ada")
    told = refusal(call(flow, tokens["access_token"], "blender_create_access_token", name="farm"))
    agree(flow, told)
    made = document(call(flow, tokens["access_token"], "blender_create_access_token", name="farm"))
    client = {"client_uuid": "c1", "client_type": "script", "is_persistent": True}
    document(call(flow, tokens["access_token"], "blender_register_client", **client))
    message = {"payload": {"word": SECRET}, "target_uuid": "c1"}
    document(call(flow, tokens["access_token"], "blender_send_message", **message))
    assert any(SECRET.encode() in data for data in stored(server, "UserBus").values())
    return tokens | {"personal": made["token"]}


def test_deleting_asks_for_name_and_password_and_its_own_form(started: Started) -> None:
    flow, _ = started(SIGNUP="open")
    sign_up(flow, "ada")
    for answer, reason in [
        (delete(flow, "eve"), "Type the name of this account"),
        (delete(flow, ""), "Type the name of this account"),
        (delete(flow, "ada", "wrong"), "password is wrong"),
        (delete(flow, "ada", "x" * 1025), "password is wrong"),
        (delete(flow, "ada", form_token="A" * 43), "Nothing was done"),
    ]:
        assert answer.status_code == 403 and reason in answer.text
    assert login(flow, "ada").status_code == 200
    assert "is deleted" in delete(flow, " Ada ").text
    assert login(flow, "ada").status_code == 401


def test_nothing_of_a_deleted_account_opens_anything_and_its_sockets_close(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    tokens = lived_in(flow, server)
    cookies = dict(flow.browser.cookies)
    with attach(server, tokens["access_token"]) as socket:
        socket.send("ping")
        assert socket.recv(timeout=5) == "pong"
        assert "is deleted" in delete(flow, "ada").text
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
        assert socket.close_code == 4401 and socket.close_reason == "the account was deleted"
    assert "bmcp_session" not in flow.browser.cookies
    assert httpx.get(flow.base + "/account", cookies=cookies).status_code == 303
    for token in (tokens["access_token"], tokens["personal"]):
        assert call(flow, token, "blender_list_available_clients").status_code == 401
    assert flow.http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code == 401
    server.restart()
    for token in (tokens["access_token"], tokens["personal"]):
        assert call(flow, token, "blender_list_available_clients").status_code == 401


def test_the_name_may_be_taken_again_by_a_user_who_finds_nothing(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    tokens = lived_in(flow, server)
    delete(flow, "ada")
    other = Flow(server.url)
    assert sign_up(other, "ada", "another password").status_code == 303
    again = login(other, "ada", "another password").json()
    assert again["user"]["user_id"] != tokens["user"]["user_id"]
    clients = document(call(other, again["access_token"], "blender_list_available_clients"))
    assert clients["persistent"] == []
    assert call(flow, tokens["access_token"], "blender_list_available_clients").status_code == 401
    old = call(flow, tokens["access_token"], "blender_list_access_tokens")
    assert old.status_code == 401 or "has ended" in refusal(old)
    flow.http.post("/revoke", data={"token": tokens["access_token"]})
    assert login(other, "ada", "another password").status_code == 200


def test_the_account_object_is_empty_afterwards(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    lived_in(flow, server)

    def has_tables() -> bool:
        return any(b"CREATE TABLE grants" in data for data in stored(server, "Account").values())

    assert has_tables()
    delete(flow, "ada")
    server.kill()
    assert not has_tables()


def test_a_bus_that_cannot_be_reached_is_erased_later_and_until_then_the_name_is_not_free(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    tokens = lived_in(flow, server)
    server.kill()
    # The bus's binding leads to an object that understands no such command.
    bundle = WorkerBundle.built()
    broken = dataclasses.replace(bundle, objects=dict(bundle.objects) | {"USER_BUS": "KeyRing"})
    with Workerd(server.folder, bundle=broken, variables={"SIGNUP": "open"}) as halfway:
        flow.http.base_url = flow.browser.base_url = halfway.url
        assert "is deleted" in delete(flow, "ada").text
        assert login(flow, "ada").status_code == 401
        assert "name is taken" in sign_up(Flow(halfway.url), "ada").text
    with Workerd(server.folder, variables={"SIGNUP": "open"}) as mended:
        other = Flow(mended.url)
        deadline = time.monotonic() + 30
        while sign_up(other, "ada").status_code == 403:
            assert time.monotonic() < deadline, mended.log_text()
            time.sleep(0.5)
        assert call(other, tokens["access_token"], "blender_list_available_clients").status_code == 401


def test_after_the_last_administrator_there_is_a_new_setup_code(started: Started) -> None:
    flow, server = started(SETUP_CODE=SETUP_CODE)
    assert sign_up(flow, "ada", code=SETUP_CODE).status_code == 303
    assert "setup code of the next one" in flow.browser.get("/account").text
    assert "is deleted" in delete(flow, "ada").text
    first, second = setup_codes(server)
    eve = Flow(server.url)
    assert sign_up(eve, "eve", code=first).status_code == 403, "the old code is none any more"
    assert sign_up(eve, "eve", code=second).status_code == 303
    assert "setup code of the next one" in eve.browser.get("/account").text


def test_the_demo_account_starts_anew(flow: Flow) -> None:
    flow.sign_in()
    before = login(flow, "demo", "demo").json()["user"]["user_id"]
    assert "is deleted" in delete(flow, "demo", "demo").text
    assert login(flow, "demo", "demo").json()["user"]["user_id"] != before
