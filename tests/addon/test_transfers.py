"""Transfers of files against a server that misbehaves, and a line that breaks."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from files_double import TOKEN, FilesDouble

from addon.link.credentials import LoginRequired
from addon.link.transfers import model, upload
from addon.link.transfers.carrier import Carrier, TransferCancelled, TransferFailed

MIB = 1_048_576
DATA = random.Random(1).randbytes(3 * MIB + 17)


class Tokens:
    """Tokens in order; the next one follows when one is refused."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def token(self) -> str:
        if not self.tokens:
            raise LoginRequired("Log in again")
        return self.tokens[0]

    def rejected(self, token: str) -> None:
        if self.tokens[:1] == [token]:
            self.tokens.pop(0)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[FilesDouble]:
    monkeypatch.setattr(upload, "PIECE_BYTES", MIB)
    monkeypatch.setattr(model, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(model, "LONGEST_PAUSE", 0.05)
    with FilesDouble() as double:
        yield double


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    return path


def carrier(files: FilesDouble, *tokens: str) -> Carrier:
    return Carrier(files.url, Tokens(*(tokens or (TOKEN,))))


def sent(files: FilesDouble, source: Path, **options: Any) -> Future[Any]:
    return carrier(files).upload(source, "a b.glb", "model/gltf-binary", job_id="j-1", **options)


def test_a_file_goes_up_in_pieces_and_comes_down_whole(files: FilesDouble, source: Path, tmp_path: Path) -> None:
    told: list[str] = []
    file = sent(files, source, report=lambda transfer: told.append(transfer.words)).result(10)
    assert "url" not in file and file["sha256"] == hashlib.sha256(DATA).hexdigest()
    stored = files.files[file["file_id"]]
    assert stored.data == DATA
    assert stored.about == {
        "name": "a b.glb",
        "bytes": len(DATA),
        "sha256": file["sha256"],
        "mime_type": "model/gltf-binary",
        "job_id": "j-1",
    }
    assert files.count("PATCH") == 4 and files.count("HEAD") == 0
    assert told[-1] == "uploading 3.1 of 3.1 MB"
    got = carrier(files).download(file["file_id"], tmp_path / "target").result(10)
    assert (got.path.read_bytes(), got.name, got.mime_type) == (DATA, "a b.glb", "model/gltf-binary")


def test_an_upload_goes_on_where_the_line_broke(files: FilesDouble, source: Path) -> None:
    def break_second(handler: Any, method: str, count: int) -> bool:
        if method != "PATCH" or count not in (1, 2):
            return False
        if count == 1:
            # Half of the piece arrives, and is kept.
            half = handler.rfile.read(MIB // 2)
            handler._found().data += half
        handler.cut()
        return True

    files.fault = break_second
    file = sent(files, source).result(10)
    assert files.files[file["file_id"]].data == DATA
    assert files.count("POST") == 1 and files.count("HEAD") == 2


def test_the_answer_to_the_last_piece_can_get_lost(files: FilesDouble, source: Path) -> None:
    def lose(handler: Any, method: str, count: int) -> bool:
        if method == "PATCH" and count == 3:
            handler._found().data += handler._body()
            handler.cut()
            return True
        return False

    files.fault = lose
    file = sent(files, source).result(10)
    assert files.files[file["file_id"]].data == DATA and file["bytes"] == len(DATA)

    def refuse_after_all(handler: Any, method: str, count: int) -> bool:
        if lose(handler, method, count - 4):
            return True
        if method == "PATCH" and handler.headers["Upload-Offset"] == str(len(DATA)):
            handler.answer(404)
            return True
        return False

    # Even where the server says nothing more of it.
    files.seen.clear()
    files.fault = lambda handler, method, count: refuse_after_all(handler, method, count + 4)
    file = sent(files, source).result(10)
    assert file["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_an_upload_that_the_server_forgot_begins_anew(files: FilesDouble, source: Path) -> None:
    def forget(handler: Any, method: str, count: int) -> bool:
        if method == "PATCH" and count == 2:
            files.files.clear()
        return False

    files.fault = forget
    file = sent(files, source).result(10)
    assert files.count("POST") == 2 and files.files[file["file_id"]].data == DATA
    files.fault = lambda handler, method, count: bool(method == "PATCH" and files.files.clear())
    with pytest.raises(TransferFailed, match="forgot the upload 3 times"):
        sent(files, source).result(10)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (413, "larger than the server takes"),
        (507, "no room for it"),
        (403, "may not send files"),
        (404, "takes no files; it is older"),
        (400, "HTTP 400: not so"),
    ],
)
def test_what_is_refused_is_not_tried_again(files: FilesDouble, source: Path, status: int, told: str) -> None:
    def refuse(handler: Any, method: str, count: int) -> bool:
        handler._body()
        handler.answer(status, {"error": "no", "error_description": "not so"})
        return True

    files.fault = refuse
    with pytest.raises(TransferFailed, match=told):
        sent(files, source).result(10)
    assert len(files.seen) == 1


def test_trouble_of_the_server_passes(files: FilesDouble, source: Path, tmp_path: Path) -> None:
    def busy(handler: Any, method: str, count: int) -> bool:
        if count % 2 == 0 and method in ("POST", "PATCH", "GET"):
            handler._body()
            handler.answer(503, {"error": "busy"}, {"Retry-After": "0"})
            return True
        return False

    files.fault = busy
    file = sent(files, source).result(10)
    assert carrier(files).download(file["file_id"], tmp_path / "t").result(10).bytes == len(DATA)


def test_a_token_that_expires_half_way_is_renewed(files: FilesDouble, source: Path, tmp_path: Path) -> None:
    def expire(handler: Any, method: str, count: int) -> bool:
        if method == "PATCH" and count == 1:
            files.tokens = {"new"}
        return False

    files.fault = expire
    tokens = Tokens(TOKEN, "new")
    carrying = Carrier(files.url, tokens)
    file = carrying.upload(source, "a", "b/c").result(10)
    assert files.files[file["file_id"]].data == DATA and tokens.tokens == ["new"]
    files.tokens = {"other"}
    with pytest.raises(TransferFailed, match="has to log in again"):
        carrying.download(file["file_id"], tmp_path / "t").result(10)


def test_a_line_that_stays_broken_is_given_up(
    files: FilesDouble, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.Patience.__init__, "__defaults__", (0.3,))

    def cut(handler: Any, method: str, count: int) -> bool:
        handler.cut()
        return True

    files.fault = cut
    words: list[str] = []
    with pytest.raises(TransferFailed, match="given up after 0 s without progress"):
        sent(files, source, report=lambda transfer: words.append(transfer.words)).result(10)
    assert "interrupted: 127.0.0.1" in words[0]


def test_a_download_goes_on_where_the_line_broke(files: FilesDouble, tmp_path: Path) -> None:
    file_id = files.put(DATA)
    ranges: list[Any] = []

    def half(handler: Any, method: str, count: int) -> bool:
        ranges.append(handler.headers.get("Range"))
        if count:
            return False
        handler.send_response(200)
        etag = f'"{hashlib.sha256(DATA).hexdigest()}"'
        for name, value in {"Content-Length": str(len(DATA)), "ETag": etag}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(DATA[:MIB])
        handler.wfile.flush()
        handler.cut()
        return True

    files.fault = half
    got = carrier(files).download(file_id, tmp_path / "t").result(10)
    assert got.path.read_bytes() == DATA
    assert ranges == [None, f"bytes={MIB}-"]


def test_a_file_that_became_another_one_is_fetched_anew(files: FilesDouble, tmp_path: Path) -> None:
    file_id = files.put(DATA)

    def other(handler: Any, method: str, count: int) -> bool:
        if count:
            return False
        handler.send_response(200)
        for name, value in {"Content-Length": "5000000", "ETag": f'"{"0" * 64}"'}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(bytes(4 * MIB))
        handler.cut()
        return True

    files.fault = other
    assert carrier(files).download(file_id, tmp_path / "t").result(10).path.read_bytes() == DATA


def answering(headers: dict[str, str], body: bytes, status: int = 200) -> Any:
    def fault(handler: Any, method: str, count: int) -> bool:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        return True

    return fault


@pytest.mark.parametrize(
    ("headers", "body", "status", "told"),
    [
        ({"Content-Length": "3", "ETag": f'"{"0" * 64}"'}, b"abc", 200, "arrived damaged"),
        ({}, b"abc", 200, "without saying how long"),
        ({"Content-Length": str(6 * 1024 * MIB)}, b"", 200, "at most 5368709120 are taken"),
        ({"Location": "http://127.0.0.1:9/x", "Content-Length": "0"}, b"", 302, "HTTP 302"),
        ({"Content-Length": "0"}, b"", 404, "no such file"),
        ({"Content-Length": "0"}, b"", 410, "has expired"),
    ],
)
def test_what_a_server_says_of_a_file_is_held_against_it(
    files: FilesDouble, tmp_path: Path, headers: dict[str, str], body: bytes, status: int, told: str
) -> None:
    files.fault = answering(headers, body, status)
    with pytest.raises(TransferFailed, match=told):
        carrier(files).download(files.put(b"x"), tmp_path / "t").result(10)


@pytest.mark.parametrize("file_id", ["", "x", "f-short", "../../../etc/passwd", "f-" + "a" * 21 + "/", "f-" + "a" * 23])
def test_ids_that_are_none_never_become_a_request(files: FilesDouble, tmp_path: Path, file_id: str) -> None:
    with pytest.raises(TransferFailed, match="file_id must be"):
        carrier(files).download(file_id, tmp_path / "t").result(10)
    assert not files.seen


def test_four_are_carried_at_once_and_the_others_wait_their_turn(files: FilesDouble, tmp_path: Path) -> None:
    release, reached = threading.Event(), threading.Semaphore(0)

    def hold(handler: Any, method: str, count: int) -> bool:
        reached.release()
        release.wait(10)
        return False

    files.fault = hold
    carrying = carrier(files)
    ids = [files.put(bytes([number]) * 1000, f"{number}") for number in range(7)]
    waiting = [carrying.download(file_id, tmp_path / file_id) for file_id in ids]
    for _ in range(4):
        assert reached.acquire(timeout=10)
    assert not reached.acquire(timeout=0.3)
    shown = carrying.transfers
    assert len(shown) == 7 and [bool(one.waits) for one in shown] == [False] * 4 + [True] * 3
    assert "waits for 4 others" in shown[-1].words
    release.set()
    assert [future.result(10).bytes for future in waiting] == [1000] * 7
    assert files.most_open == 4 and not carrying.transfers


def test_a_cancel_ends_a_transfer_between_two_pieces_of_data(files: FilesDouble, source: Path) -> None:
    cancelled = threading.Event()

    def cancel(handler: Any, method: str, count: int) -> bool:
        if method == "PATCH" and count == 1:
            cancelled.set()
        return False

    files.fault = cancel
    with pytest.raises(TransferCancelled):
        sent(files, source, cancelled=cancelled).result(10)
    [stored] = files.files.values()
    assert len(stored.data) < len(DATA)


def test_closing_ends_all_at_once_even_those_that_hang(files: FilesDouble, tmp_path: Path) -> None:
    release = threading.Event()
    files.fault = lambda handler, method, count: release.wait(10) and False
    carrying = carrier(files)
    hanging = [carrying.download(files.put(DATA), tmp_path / str(number)) for number in range(6)]
    time.sleep(0.2)
    began = time.monotonic()
    carrying.close("Disconnected by the user")
    for future in [*hanging, carrying.download("f-" + "a" * 22, tmp_path / "later")]:
        with pytest.raises(TransferFailed, match="Disconnected by the user"):
            future.result(1)
    assert time.monotonic() - began < 1.0
    release.set()


def test_empty_and_vanished_files_are_told(files: FilesDouble, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name, told in (("empty", "is empty"), ("gone", "cannot be read")):
        with pytest.raises(TransferFailed, match=told):
            carrier(files).upload(tmp_path / name, name, "a/b").result(10)
    assert not files.seen


def test_a_file_that_changes_while_it_is_sent_is_refused(files: FilesDouble, source: Path) -> None:
    def change(handler: Any, method: str, count: int) -> bool:
        if method == "PATCH" and count == 0:
            with source.open("r+b") as written:  # at no time shorter than it was
                written.write(bytes(len(DATA)))
        return False

    files.fault = change
    with pytest.raises(TransferFailed, match="the sha256 is"):
        sent(files, source).result(10)


@pytest.mark.parametrize("etag", [None, '"short"', f'"{"A" * 64}"'])
def test_a_download_whose_hash_is_not_told_is_not_taken(files: FilesDouble, tmp_path: Path, etag: str | None) -> None:
    files.fault = answering({"Content-Length": "3", **({"ETag": etag} if etag else {})}, b"abc")
    with pytest.raises(TransferFailed, match="did not say its sha256"):
        carrier(files).download(files.put(b"x"), tmp_path / "t").result(10)


def test_a_hash_that_a_proxy_made_weak_is_compared_too(files: FilesDouble, tmp_path: Path) -> None:
    good, bad = hashlib.sha256(b"abc").hexdigest(), "0" * 64
    files.fault = answering({"Content-Length": "3", "ETag": f'W/"{good}"'}, b"abc")
    assert carrier(files).download(files.put(b"x"), tmp_path / "t").result(10).sha256 == good
    files.fault = answering({"Content-Length": "3", "ETag": f'W/"{bad}"'}, b"abc")
    with pytest.raises(TransferFailed, match="arrived damaged"):
        carrier(files).download(files.put(b"x"), tmp_path / "t").result(10)
