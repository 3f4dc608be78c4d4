"""The download of everything the server holds of one account."""

from __future__ import annotations

import json
from typing import Any

import httpx
from harness.workerd import Workerd

from .accounts import Started, sign_up
from .flow import Flow
from .test_access_tokens import call, document
from .test_deletion import SECRET, attach, lived_in

CODE = "print('a scene nobody else knows')"


def download(flow: Flow) -> tuple[httpx.Response, dict[str, Any]]:
    answer = flow.browser.get("/account/export")
    assert answer.status_code == 200, answer.text
    exported = answer.json()
    assert isinstance(exported, dict)
    return answer, exported


def jobs_done(flow: Flow, server: Workerd, token: str, results: list[str]) -> list[str]:
    """Runs one job for each result in a peer, and returns their ids."""
    ids = []
    with attach(server, token) as socket:

        def ask(name: str, arguments: dict[str, Any]) -> None:
            request = {"jsonrpc": "2.0", "id": name, "method": "tools/call"}
            socket.send(json.dumps(request | {"params": {"name": name, "arguments": arguments}}))
            while json.loads(socket.recv(timeout=10)).get("id") != name:
                pass

        ask("blender_register_client", {"client_uuid": "b1", "client_type": "blender", "is_persistent": True})
        for result in results:
            arguments = {"command": "execute_code", "params": {"code": CODE}, "target_uuid": "b1"}
            ids.append(document(call(flow, token, "blender_submit", **arguments))["job_id"])
            ask("blender_job_update", {"job_id": ids[-1], "status": "completed", "result": result})
    return ids


def test_a_download_has_all_of_the_account_and_its_bus_and_no_secret(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    tokens = lived_in(flow, server)
    [job_id] = jobs_done(flow, server, tokens["access_token"], ["made 3 objects"])
    answer, exported = download(flow)
    assert answer.headers["content-disposition"] == 'attachment; filename="blender-bus-export.json"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert exported["format"] == "blender-bus-export-1"
    assert exported["account"]["username"] == "ada" and exported["account"]["has_password"] is True
    assert [token["name"] for token in exported["access_tokens"]] == ["farm"]
    assert exported["grants"] and exported["allowed_clients"]
    assert "access token made" in [entry["what"] for entry in exported["audit"]]
    assert {"b1", "c1"} <= {client["uuid"] for client in exported["bus_clients"]}
    [job] = [job for job in exported["jobs"] if job["job_id"] == job_id]
    assert (job["status"], job["result"]) == ("completed", "made 3 objects")
    assert job["payload"]["params"]["code"] == CODE
    secrets = [tokens[name] for name in ("access_token", "refresh_token", "personal")]
    for secret in [*secrets, *dict(flow.browser.cookies).values()]:
        assert secret not in answer.text and secret.split(".")[-1] not in answer.text
    assert 'href="/account/export"' in flow.browser.get("/account").text


def test_a_download_of_many_pages_is_whole(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    tokens = lived_in(flow, server)
    results = [f"{number}:" + "x" * 500_000 for number in range(8)]
    ids = jobs_done(flow, server, tokens["access_token"], results)
    _, exported = download(flow)
    done = {job["job_id"]: job["result"] for job in exported["jobs"]}
    assert [done[job_id] for job_id in ids] == results


def test_a_download_is_of_the_owner_who_is_signed_in_and_on_record(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    lived_in(flow, server)
    other = Flow(server.url)
    refused = other.browser.get("/account/export")
    assert refused.status_code == 303 and refused.headers["location"].startswith("/login")
    assert other.browser.post("/account/export").status_code == 405
    sign_up(other, "eve")
    answer, exported = download(other)
    assert exported["account"]["username"] == "eve" and exported["jobs"] == [] and SECRET not in answer.text
    assert "data downloaded" in other.browser.get("/account/audit").text
