"""What no client should send, and what comes back: an error that says what was wrong, and nothing left behind."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from harness.workerd import Workerd

from .shelf import MIB, PART, TUS, Shelf, noise, sha256


@pytest.mark.parametrize(
    "name",
    ["", "a/b", "/etc/passwd", "a\\b", "..", "a\x00b", "a\nb", "\u202egnp.exe", "a\u2066b", "x" * 500, "é" * 128, " a"],
)
def test_a_name_that_is_none_is_refused_with_what_it_must_be(shelf: Shelf, name: str) -> None:
    answer = shelf.http.post("/files", json={"name": name})
    assert answer.status_code == 400
    assert "1 to 255" in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"bytes": -1}, "bytes"),
        ({"bytes": 1.5}, "integer"),
        ({"bytes": "five"}, "integer"),
        ({"sha256": "abc"}, "64"),
        ({"sha256": "g" * 64}, "hexadecimal"),
        ({"stray": 1}, "stray"),
        ({"job_id": "j-000000000000"}, "job_id"),
        ({"bytes": 6 * 1024 * MIB}, "a file may have"),
    ],
)
def test_what_is_no_upload_is_refused(shelf: Shelf, said: dict[str, object], word: str) -> None:
    answer = shelf.http.post("/files", json={"name": "a.glb", **said})
    assert answer.status_code in (400, 413)
    assert word in answer.json()["error_description"]


def test_a_wrong_length_or_hash_leaves_the_upload_open_and_empty(shelf: Shelf) -> None:
    data = noise(MIB + 3, seed=7)
    file_id = shelf.create(bytes=len(data), sha256=sha256(data))["file_id"]
    for sent, code in [
        (data[:-1], "wrong_length"),
        (data + b"x", "wrong_length"),
        (data[:-1] + b"x", "wrong_sha256"),
    ]:
        answer = shelf.put(file_id, sent)
        assert (answer.status_code, answer.json()["error"]) == (400, code), answer.text
        assert shelf.offset(file_id) == 0
        assert shelf.get(file_id).status_code == 404
    # The same without a length announced.
    for sent in (data[:-1], data + b"x"):
        answer = shelf.put(file_id, iter([sent]))
        assert (answer.status_code, answer.json()["error"]) == (400, "wrong_length"), answer.text
    assert shelf.put(file_id, data).status_code == 201


def test_a_part_out_of_place_is_refused(shelf: Shelf) -> None:
    file_id = shelf.create(bytes=10)["file_id"]
    assert shelf.patch(file_id, 0, b"abc").headers["Upload-Offset"] == "3"
    for offset in (0, 2, 4, 11):
        answer = shelf.patch(file_id, offset, b"x")
        assert answer.status_code == 409 and "3 bytes" in answer.json()["error_description"]
    assert shelf.patch(file_id, 3, b"x" * 8).status_code == 400, "more than was said"
    assert shelf.patch(file_id, 3, b"x", **{"Content-Type": "text/plain"}).status_code == 415
    assert shelf.http.patch(f"/files/{file_id}", content=b"x", headers=PART).status_code == 400, "no Upload-Offset"
    for offset in ("-1", "x", "1.0", "+3", "99999999999999999999"):
        assert (
            shelf.http.patch(f"/files/{file_id}", content=b"x", headers={**PART, "Upload-Offset": offset}).status_code
            == 400
        )
    assert shelf.patch(file_id, 3, b"defghij").status_code == 204
    assert shelf.get(file_id).content == b"abcdefghij"


def test_parts_need_a_length(shelf: Shelf) -> None:
    answer = shelf.patch(shelf.create()["file_id"], 0, b"x")
    assert answer.status_code == 400 and "how many bytes" in answer.json()["error_description"]
    for length in ("x", "-1", ""):
        answer = shelf.http.post("/files", headers={**TUS, "Upload-Length": length, "Upload-Metadata": "filename YQ=="})
        assert answer.status_code == 400, length


def test_a_stored_file_does_not_change(shelf: Shelf) -> None:
    file = shelf.store(b"once")
    assert shelf.put(file["file_id"], b"twice").status_code == 409
    assert shelf.patch(file["file_id"], 4, b"more").status_code == 409
    assert shelf.get(file["file_id"]).content == b"once"


def test_a_compressed_body_is_refused(shelf: Shelf) -> None:
    answer = shelf.put(shelf.create()["file_id"], b"x", **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_what_is_no_file_is_not_found(shelf: Shelf) -> None:
    for file_id in ("f-", "x", "f-0000000000000000000000", "f-" + "A" * 5000, "..%2f..%2fmcp", "%00", "f-%F0%9F%98%80"):
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            answer = shelf.http.request(method, f"/files/{file_id}", content=b"x" if method == "PUT" else None)
            assert answer.status_code == 404, (method, file_id, answer.status_code)
    assert shelf.http.get("/files/a/b").status_code == 404
    assert shelf.http.post("/files/f-1").status_code == 405
    assert shelf.http.get("/files").status_code == 405


def test_without_a_token_nothing_is_told(shelf: Shelf) -> None:
    file = shelf.store(b"secret")
    for method, path in [("GET", f"/files/{file['file_id']}"), ("PUT", "/files/f-x"), ("POST", "/files")]:
        answer = httpx.request(method, shelf.url + path)
        assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")
        assert httpx.request(method, shelf.url + path, headers={"Authorization": "Bearer x.y.z"}).status_code == 401


def raw(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)


def begin_put(shelf: Shelf, file_id: str, length: int, method: str = "PUT", *headers: str) -> socket.socket:
    connection = raw(shelf.url)
    lines = [
        f"{method} /files/{file_id} HTTP/1.1",
        f"Host: localhost:{urlsplit(shelf.url).port}",
        f"Authorization: Bearer {shelf.token}",
        f"Content-Length: {length}",
        *headers,
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def test_two_uploads_of_one_id_do_not_mix(shelf: Shelf) -> None:
    data = noise(2 * MIB, seed=8)
    file_id = shelf.create(bytes=len(data))["file_id"]
    with begin_put(shelf, file_id, len(data)) as first:
        first.sendall(data[:MIB])
        time.sleep(0.5)
        second = shelf.put(file_id, data)
        assert second.status_code == 409 and "one at a time" in second.json()["error_description"]
        first.sendall(data[MIB:])
        assert b" 201 " in first.recv(4096).split(b"\r\n")[0]
    assert shelf.get(file_id).content == data


def test_an_upload_that_breaks_off_goes_on_where_it_was(shelf: Shelf) -> None:
    data = noise(3 * MIB + 9, seed=9)
    file_id = shelf.create(bytes=len(data), sha256=sha256(data))["file_id"]
    with begin_put(shelf, file_id, len(data)) as connection:
        connection.sendall(data[: 2 * MIB + 500])
        time.sleep(0.5)
    deadline = time.monotonic() + 10
    while (offset := shelf.offset(file_id)) < 2 * MIB and time.monotonic() < deadline:
        time.sleep(0.1)
    assert 2 * MIB <= offset <= 2 * MIB + 500
    answer = shelf.patch(file_id, offset, data[offset:])
    deadline = time.monotonic() + 10
    while answer.status_code == 409 and time.monotonic() < deadline:  # the first request may not have ended yet
        time.sleep(0.2)
        offset = shelf.offset(file_id)
        answer = shelf.patch(file_id, offset, data[offset:])
    assert answer.status_code == 204, answer.text
    assert shelf.get(file_id).content == data


def test_a_quota_that_is_reached_half_way_is_told_and_leaves_the_upload_empty(serve: Callable[..., Workerd]) -> None:
    server = serve(LIMIT_FILES_MIB="3", LIMIT_FILE_MIB="2", LIMIT_FILES="5", LIMIT_OPEN_UPLOADS="2")
    with Shelf(server.url) as shelf:
        shelf.store(noise(2 * MIB, seed=10))
        answer = shelf.http.post("/files", json={"name": "b", "bytes": MIB + 1})
        assert answer.status_code == 507
        assert (
            "3.0 MiB" in answer.json()["error_description"] and "2.0 MiB are used" in answer.json()["error_description"]
        )
        assert shelf.http.post("/files", json={"name": "b", "bytes": 2 * MIB + 1}).status_code == 413
        open_id = shelf.create("b")["file_id"]
        answer = shelf.put(open_id, iter([noise(MIB, seed=11), noise(MIB, seed=12)]))
        assert (answer.status_code, answer.json()["error"]) == (507, "quota_exceeded")
        assert shelf.offset(open_id) == 0
        shelf.create("c")
        assert shelf.http.post("/files", json={"name": "d"}).status_code == 507, "two open uploads"
        assert shelf.put(open_id, b"small").status_code == 201
        listed = shelf.call("blender_list_files")["files"]
        assert [file["name"] for file in listed] == ["b", "a.glb"], "nothing that is not whole is listed"


def test_a_client_that_stops_reading_is_let_go_and_holds_nothing(serve: Callable[..., Workerd]) -> None:
    server = serve(FILES_STALL_SECONDS="2", LIMIT_TRANSFERS="3")
    data = noise(24 * MIB, seed=13)
    with Shelf(server.url) as shelf:
        file_id = shelf.store(data)["file_id"]
        stalled = []
        for _ in range(3):
            connection = raw(server.url)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            lines = [
                f"GET /files/{file_id} HTTP/1.1",
                "Host: localhost",
                f"Authorization: Bearer {shelf.token}",
                "",
                "",
            ]
            connection.sendall("\r\n".join(lines).encode())
            connection.recv(1000)
            stalled.append(connection)
        deadline = time.monotonic() + 20
        while (answer := shelf.get(file_id, Range="bytes=0-9")).status_code == 429 and time.monotonic() < deadline:
            time.sleep(0.3)
        assert answer.status_code == 206 and answer.content == data[:10]
        for connection in stalled:
            connection.close()
        assert shelf.get(file_id).content == data


def test_a_client_that_stops_sending_is_let_go_and_may_go_on(serve: Callable[..., Workerd]) -> None:
    server = serve(FILES_STALL_SECONDS="2")
    data = noise(2 * MIB, seed=14)
    with Shelf(server.url) as shelf:
        file_id = shelf.create(bytes=len(data))["file_id"]
        with begin_put(shelf, file_id, len(data)) as connection:
            connection.sendall(data[: MIB + 100])
            started = time.monotonic()
            answer = connection.recv(4096)
            assert b" 408 " in answer.split(b"\r\n")[0] and time.monotonic() - started < 15
        offset = shelf.offset(file_id)
        assert offset == MIB + 100
        assert shelf.patch(file_id, offset, data[offset:]).status_code == 204
        assert shelf.get(file_id).content == data


def test_many_transfers_at_once_are_served_or_told_to_wait(shelf: Shelf) -> None:
    data = noise(3 * MIB, seed=15)
    file_id = shelf.store(data)["file_id"]
    outcomes: list[int] = []

    def read() -> None:
        answer = httpx.get(
            f"{shelf.url}/files/{file_id}", headers={"Authorization": f"Bearer {shelf.token}"}, timeout=60
        )
        outcomes.append(answer.status_code if answer.status_code != 200 or answer.content == data else -1)

    threads = [threading.Thread(target=read) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {200, 429} and outcomes.count(200) >= 20
    assert shelf.get(file_id).content == data
