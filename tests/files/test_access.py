"""Which files a token has: those of its user, or of the Blenders that it is bound to; what goes with the account."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd
from oauth.flow import Flow
from oauth.test_deletion import delete
from oauth.test_export import download
from torture.scopes import scoped

from .shelf import MIB, Shelf, noise
from .test_bad_input import begin_put


async def test_each_scope_does_what_it_is_for(server: Workerd) -> None:
    with Shelf(server.url) as owner:
        file_id = owner.store(b"bytes")["file_id"]
        for scope, can in [("bus:read", "read"), ("bus:dispatch", "all"), ("peer", "own")]:
            token = await scoped(server.url, scope, f"Program of {scope}")
            with Shelf(server.url, token=token) as shelf:
                assert shelf.get(file_id).content == b"bytes", scope
                made = shelf.http.post("/files", json={"name": "a"})
                assert made.status_code == (403 if can == "read" else 201), scope
                if can != "read":
                    own = made.json()["file_id"]
                    assert shelf.put(own, b"own").status_code == 201
                    assert shelf.http.delete(f"/files/{own}").status_code == 204
                deleted = shelf.http.delete(f"/files/{file_id}").status_code
                assert deleted == {"read": 403, "own": 404, "all": 204}[can], scope
            if can == "all":
                file_id = owner.store(b"bytes")["file_id"]


async def test_a_bound_token_has_the_files_of_its_blenders_and_its_own(server: Workerd) -> None:
    peers = (
        await scoped(server.url, "peer", "Blender Bus on studio-1"),
        await scoped(server.url, "peer", "Blender Bus on node"),
    )
    bound = await scoped(server.url, "bus:read bus:dispatch blender=studio-1", "Bound")
    grouped = await scoped(server.url, "bus:read group=farm", "Grouped")
    client = ModernClient(f"{server.url}/mcp", await login(server.url))
    ids: dict[str, str] = {}
    async with (
        client,
        Peer(server.ws_url, peers[0], "studio-1") as studio,
        Peer(server.ws_url, peers[1], "node-1", group_id="farm") as node,
    ):
        for peer, token in ((studio, peers[0]), (node, peers[1])):
            await client.call("blender_submit", command="execute_code", params={"code": "1"}, target_uuid=peer.uuid)
            job = await peer.next_job()
            with Shelf(server.url, token=token) as shelf:
                ids[peer.uuid] = shelf.store(peer.uuid.encode(), job_id=job["job_id"])["file_id"]
                other = shelf.http.post("/files", json={"name": "a", "job_id": "j-000000000000"})
                assert other.status_code == 400 and "job_id" in other.json()["error_description"]
        with (
            Shelf(server.url) as owner,
            Shelf(server.url, token=bound) as shelf,
            Shelf(server.url, token=grouped) as group,
        ):
            ids["owner"] = owner.store(b"owner")["file_id"]
            own = shelf.store(b"own")["file_id"]
            assert {file["file_id"] for file in owner.call("blender_list_files")["files"]} == {*ids.values(), own}
            assert {file["file_id"] for file in shelf.call("blender_list_files")["files"]} == {ids["studio-1"], own}
            assert {file["file_id"] for file in group.call("blender_list_files")["files"]} == {ids["node-1"]}
            for name, seen in (("studio-1", 200), ("node-1", 404), ("owner", 404)):
                assert shelf.get(ids[name]).status_code == seen
                assert shelf.get(ids[name], Range="bytes=0-0").status_code == (206 if seen == 200 else 404)
            assert shelf.http.delete(f"/files/{ids['node-1']}").status_code == 404
            assert shelf.put(ids["node-1"], b"x").status_code == 404


async def test_a_bound_blender_reads_what_it_is_to_import_and_nobody_makes_it_read_more(server: Workerd) -> None:
    """The bus passes `import_file` on as any command; a client by `blender_send_message`, here."""
    peer_token = await scoped(server.url, "peer blender=studio-1", "Blender Bus on studio-1")
    bound = await scoped(server.url, "bus:read bus:dispatch blender=studio-1", "Bound")
    async with (
        Peer(server.ws_url, peer_token, "studio-1") as studio,
        ModernClient(f"{server.url}/mcp", await login(server.url)) as client,
        ModernClient(f"{server.url}/mcp", bound) as intruder,
    ):
        with Shelf(server.url) as owner, Shelf(server.url, token=peer_token) as blender:
            file_id = owner.store(b"reference")["file_id"]
            assert blender.get(file_id).status_code == 404

            def message(job_id: str) -> dict[str, Any]:
                params = {"file_id": file_id}
                return {
                    "message_type": "command_dispatch",
                    "job_id": job_id,
                    "command": "import_file",
                    "params": params,
                }

            refused = await intruder.call("blender_send_message", payload=message("j-1"), target_uuid="studio-1")
            assert refused.result["isError"] and "no file" in refused.result["content"][0]["text"]
            assert blender.get(file_id).status_code == 404
            await client.call("blender_send_message", payload=message("j-2"), target_uuid="studio-1")
            job = await studio.next_job()
            assert blender.get(file_id).content == b"reference"
            assert blender.http.delete(f"/files/{file_id}").status_code == 404
            await studio.update(job["job_id"], "completed", result="{}")
            assert blender.get(file_id).status_code == 404, "once the job has ended it is nobody's business any more"


async def test_a_revoked_token_has_no_files(server: Workerd) -> None:
    flow = Flow(server.url)
    flow.register()
    tokens = flow.tokens(scope="bus:read")
    with Shelf(server.url) as owner, Shelf(server.url, token=tokens["access_token"]) as shelf:
        file_id = owner.store(b"bytes")["file_id"]
        assert shelf.get(file_id).status_code == 200
        flow.http.post("/revoke", data={"token": tokens["refresh_token"], "client_id": flow.client_id})
        assert shelf.get(file_id).status_code == 401


def kept(server: Workerd) -> bytes:
    folder = server.folder / "state" / "Files"
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_account_lists_its_files_and_takes_them_along(server: Workerd) -> None:
    flow = Flow(server.url)
    flow.sign_in()
    with Shelf(server.url) as shelf:
        assert shelf.call("blender_list_files")["files"] == []
        assert b"CREATE TABLE files" not in kept(server), "looking leaves nothing behind"
        data = noise(300_000, seed=30)
        file = shelf.store(data, "mine.glb")
        exported = download(flow)[1]["files"]
        assert [(entry["file_id"], entry["name"]) for entry in exported] == [(file["file_id"], "mine.glb")]
        assert data[:64] in kept(server)
        assert delete(flow, "demo", "demo").status_code in (200, 303)
        assert shelf.get(file["file_id"]).status_code == 401
        assert shelf.http.get(file["url"], headers={"Authorization": ""}).status_code == 404
    deadline = time.monotonic() + 10
    while data[:64] in kept(server) and time.monotonic() < deadline:
        server.evict()
        time.sleep(0.5)
    assert data[:64] not in kept(server)


def test_an_account_that_is_deleted_while_a_file_comes_keeps_nothing_of_it(server: Workerd) -> None:
    flow = Flow(server.url)
    flow.sign_in()
    data = noise(3 * MIB, seed=32)
    with Shelf(server.url) as shelf:
        file_id = shelf.create(bytes=len(data))["file_id"]
        with begin_put(shelf, file_id, len(data)) as connection:
            connection.sendall(data[: 2 * MIB])
            deadline = time.monotonic() + 20
            while data[:64] not in kept(server) and time.monotonic() < deadline:
                time.sleep(0.2)
            assert delete(flow, "demo", "demo").status_code in (200, 303)
            connection.sendall(data[2 * MIB :])
            assert b" 410 " in connection.recv(4096).split(b"\r\n")[0]
    deadline = time.monotonic() + 10
    while data[:64] in kept(server) and time.monotonic() < deadline:
        server.evict()
        time.sleep(0.5)
    assert data[:64] not in kept(server)


@pytest.mark.parametrize("days", [8])
def test_what_is_old_goes_by_itself(server: Workerd, tmp_path: Path, days: int) -> None:
    from harness.faults import move_clock

    with Shelf(server.url) as shelf:
        file = shelf.store(noise(2_000_000, seed=31))
        open_id = shelf.create(bytes=10)["file_id"]
        assert shelf.patch(open_id, 0, b"abc").status_code == 204
    move_clock(server, days * 86_400)
    with Shelf(server.url) as shelf:
        assert shelf.get(file["file_id"]).status_code == 404
        assert shelf.http.head(f"/files/{open_id}").status_code == 404
        deadline = time.monotonic() + 20
        while noise(64, seed=31) in kept(server) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert shelf.call("blender_list_files")["files"] == []
