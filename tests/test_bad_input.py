"""What strangers and broken clients send: each gets a clear error, and the bus lives on."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer, ToolRefused
from harness.workerd import Workerd
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def ws_url(server: Workerd) -> str:
    return f"{server.url.replace('http', 'ws', 1)}/ws"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, -32700),
        (b"", {}, 400, -32700),
        (b"\xff\xfe", {}, 400, -32700),
        (b"[]", {}, 400, -32600),
        (b'"text"', {}, 400, -32600),
        (b'{"id": 1, "method": "ping"}', {}, 400, -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', {}, 400, -32600),
        (json.dumps(PING).encode(), {"Content-Type": "text/plain"}, 415, -32600),
        (json.dumps(PING).encode(), {"Accept": "image/png"}, 406, -32600),
        (b" " * (1024 * 1024 + 1), {}, 413, -32600),
        (json.dumps(PING).encode(), {}, 400, -32600),
        (json.dumps(PING).encode(), {"Mcp-Session-Id": "s-made-up"}, 404, -32600),
    ],
)
async def test_a_broken_request_is_told_what_is_wrong(
    server: Workerd, body: bytes, headers: dict[str, str], status: int, code: int
) -> None:
    token = await login(server.url)
    async with httpx.AsyncClient() as http:
        sent = {**JSON, **headers, "Authorization": f"Bearer {token}"}
        answer = await http.post(f"{server.url}/mcp", content=body, headers=sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]


async def test_a_body_that_hides_its_length_is_cut_off_at_the_limit(server: Workerd) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b" " * 65536

    token = await login(server.url)
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{server.url}/mcp", content=endless(), headers={**JSON, "Authorization": f"Bearer {token}"}
        )
    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_another_http_method_is_not_allowed(server: Workerd, method: str) -> None:
    token = await login(server.url)
    async with httpx.AsyncClient() as http:
        answer = await http.request(method, f"{server.url}/mcp", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/mcp", "/ws"])
async def test_without_a_token_every_method_is_challenged(server: Workerd, method: str, path: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.request(method, f"{server.url}{path}")
    assert answer.status_code == 401
    suffix = "/mcp" if path == "/mcp" else ""
    metadata = f'resource_metadata="{server.url}/.well-known/oauth-protected-resource{suffix}"'
    assert metadata in answer.headers["WWW-Authenticate"]
    assert "error=" not in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
async def test_a_made_up_token_is_invalid(server: Workerd, token: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{server.url}/mcp", json=PING, headers={**JSON, "Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_wrong_arguments_are_a_tool_error_that_names_them(server: Workerd) -> None:
    cases: list[tuple[str, dict[str, Any], list[str]]] = [
        ("blender_execute_code", {}, ["code"]),
        ("blender_execute_code", {"code": 5}, ["code", "string"]),
        ("blender_execute_code", {"code": "1", "_timeout": 0}, ["_timeout", "3600"]),
        ("blender_execute_code", {"code": "1", "_timeout": 3601}, ["_timeout", "3600"]),
        ("blender_execute_code", {"code": "1", "_timeout": "soon"}, ["_timeout"]),
        ("blender_browse_data", {"page": 0}, ["page", "1"]),
        ("blender_browse_data", {"page_size": 501}, ["page_size", "500"]),
        ("blender_browse_data", {"detail_level": "all"}, ["detail_level", "summary", "full"]),
        ("blender_get_scene_info", {"colour": 1}, ["colour"]),
        ("blender_register_client", {"client_type": "x"}, ["client_uuid"]),
        ("blender_submit", {"command": "no_such", "params": {}}, ["get_scene_info"]),
        ("blender_submit", {"command": "execute_code", "params": {}}, ["code"]),
    ]
    async with ModernClient(f"{server.url}/", await login(server.url)) as client:
        for tool, arguments, words in cases:
            result = (await client.call(tool, **arguments)).result
            assert result["isError"] is True, (tool, arguments)
            for word in words:
                assert word in result["content"][0]["text"], (tool, arguments)


async def test_an_unknown_tool_is_a_protocol_error(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as modern, LegacySession(f"{server.url}/mcp", token) as legacy:
        assert (await modern.call("blender_no_such_tool")).error["code"] == -32602
        assert (await legacy.call("blender_no_such_tool")).error["code"] == -32602


async def test_unknown_methods_and_resources_have_their_codes_in_each_era(server: Workerd) -> None:
    token = await login(server.url)
    uri = "blender://no/such"
    async with ModernClient(f"{server.url}/", token) as modern, LegacySession(f"{server.url}/mcp", token) as legacy:
        for method in ("initialize", "ping", "logging/setLevel", "resources/subscribe", "no/such"):
            answer = await modern.request(method)
            assert (answer.status, answer.error["code"]) == (404, -32601), method
        assert (await legacy.request("no/such")).error["code"] == -32601
        missing = (await modern.request("resources/read", {"uri": uri})).error
        assert (missing["code"], missing["data"]) == (-32602, {"uri": uri})
        assert (await legacy.request("resources/read", {"uri": uri})).error["code"] == -32002
        probe = await ModernClient(f"{server.url}/mcp", token).__aenter__()
        answer = await probe.request("server/discover")
        assert (answer.status, answer.error["code"]) == (404, -32601)
        await probe.__aexit__(None, None, None)


async def test_a_closed_session_is_gone(server: Workerd) -> None:
    async with LegacySession(f"{server.url}/mcp", await login(server.url)) as session:
        assert (await session.request("ping")).result == {}
        assert (await session.delete()).status_code == 204
        assert (await session.request("ping")).status == 404
        assert (await session.delete()).status_code == 404


async def test_a_session_of_another_user_is_no_session(server: Workerd) -> None:
    ada = await login(server.url, "ada", "lovelace")
    async with LegacySession(f"{server.url}/mcp", await login(server.url)) as session:
        session_id = session.session_id
        async with httpx.AsyncClient() as http:
            headers = {**JSON, "Authorization": f"Bearer {ada}", "Mcp-Session-Id": str(session_id)}
            answer = await http.post(f"{server.url}/mcp", json=PING, headers=headers)
        assert answer.status_code == 404


async def test_garbage_from_a_peer_is_answered_and_its_job_survives(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client, Peer(ws_url(server), token, "b1") as peer:
        submitted = (await client.call("blender_submit", command="get_scene_info", params={})).document
        job = await peer.next_job()
        for frame in ("{", "null", "[]", '{"jsonrpc": "2.0", "method": 7}', "\x00"):
            await peer.send_raw(frame)
        with pytest.raises(ToolRefused, match="client_uuid"):
            await peer.call("blender_register_client", client_uuid="other", client_type="blender")
        unknown = await peer.update("j-000000000000", "completed", "for nobody")
        assert unknown["delivered"] == "broadcast"
        await peer.update(str(job["job_id"]), "completed", "still here")
        kept = (await client.call("blender_job_result", job_id=submitted["job_id"])).document
        assert kept["result"] == "still here"


async def test_too_much_garbage_ends_the_connection(server: Workerd) -> None:
    async with Peer(ws_url(server), await login(server.url), "b1") as peer:
        for _ in range(25):
            await peer.send_raw("{")
        assert (await peer.closed())[0] == 4400


async def test_a_binary_frame_is_a_protocol_error(server: Workerd) -> None:
    async with Peer(ws_url(server), await login(server.url), "b1") as peer:
        await peer.send_raw(b"\x00\x01")
        assert (await peer.closed())[0] == 4400


async def test_a_result_of_30_mb_from_a_peer_fails_its_job_with_the_sizes(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client, Peer(ws_url(server), token, "b1") as peer:
        submitted = (await client.call("blender_submit", command="get_scene_info", params={})).document
        job = await peer.next_job()
        with pytest.raises(ToolRefused, match="at most 1048576"):
            await peer.update(str(job["job_id"]), "completed", "x" * 30_000_000)
        failed = (await client.call("blender_job_result", job_id=submitted["job_id"])).document
        assert failed["status"] == "failed"
        assert "at most 1048576" in failed["error"]
        assert (await peer.call("blender_list_available_clients"))["status"] == "ok"


async def test_a_socket_without_a_token_or_with_another_subprotocol_is_refused(server: Workerd) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(ws_url(server)).__aenter__()
    assert refused.value.response.status_code == 401
    headers = {"Authorization": f"Bearer {await login(server.url)}"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(ws_url(server), additional_headers=headers, subprotocols=["chat"]).__aenter__()  # type: ignore[list-item]
    assert refused.value.response.status_code == 400


async def test_ping_is_answered_with_pong(server: Workerd) -> None:
    headers = {"Authorization": f"Bearer {await login(server.url)}"}
    async with connect(ws_url(server), additional_headers=headers, subprotocols=["mcp"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "mcp"
        await socket.send("ping")
        assert await socket.recv() == "pong"
