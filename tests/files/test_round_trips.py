"""Bytes in and out, whole and in parts, on both stores."""

from __future__ import annotations

import httpx
import pytest

from .shelf import MIB, TUS, Shelf, noise, sha256


@pytest.mark.parametrize("size", [0, 1, 1000, MIB, MIB + 1, 9 * MIB + 12_345])
def test_a_file_comes_out_as_it_went_in(shelf: Shelf, size: int) -> None:
    data = noise(size, seed=size)
    file = shelf.store(data, "model.glb", bytes=size, sha256=sha256(data))
    assert (file["bytes"], file["sha256"], file["mime_type"]) == (size, sha256(data), "model/gltf-binary")
    answer = shelf.get(file["file_id"])
    assert answer.status_code == 200 and answer.content == data
    assert int(answer.headers["content-length"]) == size
    assert httpx.get(file["url"]).content == data, "by its signed URL, without a token"


def test_a_body_without_a_length_is_taken_too(shelf: Shelf) -> None:
    data = noise(2 * MIB + 5, seed=1)
    made = shelf.create()
    answer = shelf.put(made["file_id"], iter([data[:70_000], data[70_000:]]))
    assert answer.status_code == 201 and answer.json()["sha256"] == sha256(data)
    assert shelf.get(made["file_id"]).content == data


def test_an_upload_url_needs_no_token(shelf: Shelf) -> None:
    made = shelf.create("a.png")
    answer = httpx.put(made["upload_url"], content=b"picture")
    assert answer.status_code == 201 and answer.json()["mime_type"] == "image/png"
    assert shelf.get(made["file_id"]).content == b"picture"


def test_parts_make_the_whole(shelf: Shelf) -> None:
    data = noise(10 * MIB + 77, seed=2)
    created = shelf.tus(len(data), filename="größe 日本.blend", filetype="application/x-blender", sha256=sha256(data))
    assert created.status_code == 201 and created.headers["Tus-Resumable"] == "1.0.0"
    file_id = created.headers["Location"].rsplit("/", 1)[1]
    offset, last = 0, None
    for step in (100, 3 * MIB, MIB, len(data)):
        assert shelf.offset(file_id) == offset
        last = shelf.patch(file_id, offset, data[offset : offset + step])
        assert last.status_code == 204, last.text
        offset = int(last.headers["Upload-Offset"])
    assert last is not None and offset == len(data)
    assert sha256(data) in last.headers["Blender-Bus-File"]
    assert shelf.offset(file_id) == len(data), "a client that did not hear the last answer learns that it is done"
    answer = shelf.get(file_id)
    assert answer.content == data
    assert "filename*=UTF-8''gr%C3%B6%C3%9Fe%20%E6%97%A5%E6%9C%AC.blend" in answer.headers["content-disposition"]


def test_an_upload_of_nothing_is_complete_at_once(shelf: Shelf) -> None:
    created = shelf.tus(0)
    assert created.status_code == 201
    assert shelf.get(created.headers["Location"].rsplit("/", 1)[1]).content == b""


def test_ranges_are_those_of_http(shelf: Shelf) -> None:
    data = noise(2 * MIB + 100, seed=3)
    file_id = shelf.store(data)["file_id"]
    for span, expected in [
        ("bytes=0-0", data[:1]),
        ("bytes=0-", data),
        (f"bytes={MIB - 5}-{MIB + 4}", data[MIB - 5 : MIB + 5]),
        (f"bytes={len(data) - 1}-", data[-1:]),
        ("bytes=-7", data[-7:]),
        (f"bytes=5-{len(data) * 2}", data[5:]),
    ]:
        answer = shelf.get(file_id, Range=span)
        assert (answer.status_code, answer.content == expected) == (206, True), span
        assert answer.headers["content-range"].endswith(f"/{len(data)}")
        assert int(answer.headers["content-length"]) == len(expected)
    for span in (f"bytes={len(data)}-", "bytes=99999999999999999999-", "bytes=-0"):
        answer = shelf.get(file_id, Range=span)
        assert answer.status_code == 416 and str(len(data)) in answer.json()["error_description"]
        assert answer.headers["Content-Range"] == f"bytes */{len(data)}"
    for span in ("bytes=5-3", "bytes=0-1,5-6", "lines=1-2", "bytes=x-"):
        assert shelf.get(file_id, Range=span).status_code == 200, span


def test_a_client_that_has_it_is_told_so(shelf: Shelf) -> None:
    data = noise(500_000, seed=4)
    file = shelf.store(data)
    etag = shelf.get(file["file_id"]).headers["etag"]
    assert etag == f'"{sha256(data)}"'
    again = shelf.get(file["file_id"], **{"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert shelf.get(file["file_id"], **{"If-None-Match": '"other"'}).status_code == 200
    assert shelf.get(file["file_id"], **{"If-Range": etag, "Range": "bytes=1-2"}).content == data[1:3]
    assert shelf.get(file["file_id"], **{"If-Range": '"other"', "Range": "bytes=1-2"}).content == data


def test_a_head_says_what_a_get_would(shelf: Shelf) -> None:
    data = noise(300_000, seed=5)
    file_id = shelf.store(data, "a.png")["file_id"]
    head, get = shelf.http.head(f"/files/{file_id}"), shelf.get(file_id)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag", "content-disposition", "accept-ranges"):
        assert head.headers[name] == get.headers[name], name
    assert shelf.http.head(f"/files/{file_id}", headers={"Range": "bytes=0-9"}).headers["content-length"] == "10"


def test_what_is_served_never_runs_here(shelf: Shelf) -> None:
    for name, said, served in [
        ("a.html", "text/html", "application/octet-stream"),
        ("a.png", "text/html", "image/png"),
        ("a.svg", None, "image/svg+xml"),
        ("a", "application/xhtml+xml", "application/octet-stream"),
    ]:
        file = shelf.store(b"<script>alert(1)</script>", name, mime_type=said)
        answer = httpx.get(file["url"], headers={"Accept": "text/html"})
        assert answer.headers["content-type"] == served == file["mime_type"]
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_deleting_takes_it_away_for_good(shelf: Shelf) -> None:
    file = shelf.store(b"x" * 10)
    assert shelf.http.delete(f"/files/{file['file_id']}").status_code == 204
    assert shelf.get(file["file_id"]).status_code == 404
    assert httpx.get(file["url"]).status_code == 404
    assert shelf.http.delete(f"/files/{file['file_id']}").status_code == 404


def test_the_same_content_is_kept_once(shelf: Shelf) -> None:
    data = noise(9 * MIB, seed=6)
    first, second = shelf.store(data), shelf.store(data)
    assert first["file_id"] != second["file_id"]
    assert shelf.http.delete(f"/files/{first['file_id']}").status_code == 204
    assert shelf.get(second["file_id"]).content == data


def test_what_tus_is_spoken_is_told(shelf: Shelf) -> None:
    answer = httpx.options(f"{shelf.url}/files")
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0" and "creation" in answer.headers["Tus-Extension"]
    assert int(answer.headers["Tus-Max-Size"]) in (256 * MIB, 5 * 1024 * MIB)
    other = shelf.http.post("/files", headers={**TUS, "Tus-Resumable": "0.2.2", "Upload-Length": "1"})
    assert (other.status_code, other.headers["Tus-Version"]) == (412, "1.0.0")
