"""Moving an account: the download of one server, taken over by another."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import httpx
import pytest

from .accounts import Started, sign_up
from .flow import Flow
from .test_access_tokens import call, document
from .test_deletion import lived_in
from .test_export import download, jobs_done

DAY_MS = 86_400_000
EMPTY: dict[str, Any] = {
    "format": "blender-bus-export-1",
    "account": {"username": "ada"},
    "allowed_clients": [],
    "access_tokens": [],
    "bus_clients": [],
    "jobs": [],
}


def upload(flow: Flow, content: bytes | str | dict[str, Any], **fields: str) -> httpx.Response:
    """Sends a file with the form of the page."""
    page = flow.browser.get("/account/import")
    [token] = re.findall(r'name="form_token" value="([^"]+)"', page.text)
    data = json.dumps(content) if isinstance(content, dict) else content
    files = {"file": ("blender-bus-export.json", data, "application/json")}
    return flow.browser.post("/account/import", data={"form_token": token} | fields, files=files)


def token_of(name: str, **changes: Any) -> dict[str, Any]:
    expires = int(time.time() * 1000) + 10 * DAY_MS
    times = {"created_ms": 1, "expires_ms": expires, "last_used_ms": None}
    return {"token_id": "g-1", "name": name, "scopes": "bus:read bus:dispatch", **times, **changes}


def make_token(flow: Flow, name: str) -> str:
    form_token = re.findall(r'name="form_token" value="([^"]+)"', flow.browser.get("/tokens").text)[0]
    page = flow.browser.post(
        "/tokens", data={"form_token": form_token, "name": name, "days": "30", "scope": "bus:read"}
    )
    [secret] = secrets(page)
    return secret


def secrets(page: httpx.Response) -> list[str]:
    return re.findall(r"<code>(bmcp_[^<]+)</code>", page.text)


def test_an_account_moves_with_its_tokens_made_anew_and_says_what_is_left_to_do(started: Started) -> None:
    old, old_server = started(SIGNUP="open")
    before = lived_in(old, old_server)
    jobs_done(old, old_server, before["access_token"], ["made 3 objects"])
    kept = make_token(old, "render farm")
    whole, exported = download(old)
    brief = old.browser.get("/account/export", params={"jobs": "no"})
    changing = {name: brief.json()[name] for name in ("exported_ms", "audit")}
    assert brief.json() == exported | {"jobs": []} | changing and exported["jobs"]
    new, _ = started(SIGNUP="open")
    sign_up(new, "countess")
    page = upload(new, whole.content)
    assert page.status_code == 200, page.text
    [secret] = secrets(page)
    assert secret != kept and "render farm" in page.text
    assert "<bdi>farm</bdi>: a client had made it" in page.text
    names = [client["client_name"] or "A client without a name" for client in exported["allowed_clients"]]
    for name in ["b1", *names]:
        assert f"<bdi>{name}</bdi>" in page.text
    assert "<bdi>c1</bdi>" not in page.text, "it is no Blender"
    assert secret not in new.browser.get("/account/import").text
    # It works here, the old one does not, and the old server knows nothing of the new one.
    assert document(call(new, secret, "blender_list_available_clients")) is not None
    assert new.http.post("/mcp", headers={"authorization": f"Bearer {kept}"}).status_code == 401
    assert old.http.post("/mcp", headers={"authorization": f"Bearer {secret}"}).status_code == 401
    listed = new.browser.get("/account/export", params={"jobs": "no"}).json()
    assert [token["name"] for token in listed["access_tokens"]] == ["render farm"]
    assert listed["allowed_clients"] == [] and listed["jobs"] == []
    assert not {"b1", "c1"} & {client["uuid"] for client in listed["bus_clients"]}
    assert listed["account"]["username"] == "countess"
    assert "data of another server imported" in new.browser.get("/account/audit").text
    again = upload(new, brief.content)
    assert secrets(again) == [] and "there is one of this name already" in again.text


def test_a_download_that_somebody_has_edited_gives_no_rights(started: Started) -> None:
    flow, _ = started(SIGNUP="open")
    sign_up(flow, "ada")
    client = {"client_id": "c", "client_name": "<b>Evil</b>", "scopes": "peer", "since_ms": 1, "used_ms": 1}
    edited = EMPTY | {
        "account": {"username": "ada", "is_administrator": True, "user_id": "somebody-else"},
        "allowed_clients": [client | {"remembered": True}],
        "audit": [{"at_ms": 1, "what": "account made", "times": 1}],
        "access_tokens": [token_of("<script>"), token_of("old", expires_ms=1), token_of("odd", days=9)],
    }
    page = upload(flow, edited)
    assert page.status_code == 200 and len(secrets(page)) == 2
    assert "<script>" not in page.text.split("</style>")[1] and "<b>Evil" not in page.text
    exported = flow.browser.get("/account/export").json()
    assert exported["account"]["is_administrator"] is False and exported["allowed_clients"] == []
    assert "account made" in [entry["what"] for entry in exported["audit"] if entry["at_ms"] > 1]
    assert all(entry["at_ms"] > 1 for entry in exported["audit"])


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        ("", 400, "No file was chosen"),
        ("\x00\xff", 400, "not the download of an account"),
        ("[]", 400, "not the download of an account"),
        ('{"format": "blender-bus-export-9"}', 400, "blender-bus-export-9"),
        (EMPTY | {"access_tokens": 3}, 400, "damaged"),
        (EMPTY | {"access_tokens": [token_of("a", scopes="peer blender=")]}, 400, "damaged"),
        (EMPTY | {"access_tokens": [token_of("a", scopes="root")]}, 400, "damaged"),
        (EMPTY | {"access_tokens": [token_of(f"t{number}") for number in range(101)]}, 400, "Nothing was taken"),
        ("x" * (16 * 1024 * 1024), 413, "larger than 16 MiB"),
        ("[" * 100_000, 400, "not the download of an account"),
    ],
    ids=["empty", "binary", "list", "format", "field", "bound", "scope", "many", "large", "deep"],
)
def test_a_file_that_cannot_be_taken_over_says_why_and_leaves_nothing(
    started: Started, content: str | dict[str, Any], status: int, said: str
) -> None:
    flow, _ = started(SIGNUP="open")
    sign_up(flow, "ada")
    page = upload(flow, content)
    assert page.status_code == status and said in page.text, page.text
    assert flow.browser.get("/account/export").json()["access_tokens"] == []


def test_a_file_is_taken_only_from_its_page_by_whom_it_was_shown_to(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    stranger = Flow(server.url)
    file = {"file": ("x.json", json.dumps(EMPTY | {"access_tokens": [token_of("farm")]}), "application/json")}
    large = {"file": ("x.json", b"[" * (17 * 1024 * 1024), "application/json")}
    for sent in (file, large):
        refused = stranger.browser.post("/account/import", data={"form_token": "x"}, files=sent)
        assert refused.status_code == 303 and refused.headers["location"].startswith("/login")
    sign_up(flow, "ada")
    [token] = re.findall(r'name="form_token" value="([^"]+)"', flow.browser.get("/account/import").text)
    assert flow.browser.post("/account/import", data={"form_token": "forged"}, files=file).status_code == 403
    elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    for sent in (file, large):
        answer = flow.browser.post("/account/import", data={"form_token": token}, files=sent, headers=elsewhere)
        assert answer.status_code == 403, "whose it is comes before how large it is"
    assert flow.browser.post("/account/import", data={"form_token": token}).status_code == 415
    sign_up(stranger, "eve")
    assert stranger.browser.post("/account/import", data={"form_token": token}, files=file).status_code == 403
    for browser in (flow.browser, stranger.browser):
        assert browser.get("/account/export").json()["access_tokens"] == []
