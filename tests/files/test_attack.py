"""What another user, or somebody with a changed URL, gets of a user's files: nothing."""

from __future__ import annotations

from pathlib import Path

import httpx
from harness.faults import move_clock
from harness.workerd import Workerd

from .attack import Attack
from .shelf import Shelf


def test_nothing_of_another_user_is_served(server: Workerd) -> None:
    Attack(server.url, seed=1).run(500)


def test_a_signed_url_ends_after_an_hour(server: Workerd, tmp_path: Path) -> None:
    with Shelf(server.url) as shelf:
        file, upload = shelf.store(b"bytes"), shelf.create()
        assert httpx.get(file["url"]).content == b"bytes"
        move_clock(server, 3_601)
        for answer in (httpx.get(file["url"]), httpx.put(upload["upload_url"], content=b"x")):
            assert (answer.status_code, answer.json()["error"]) == (410, "expired")


def test_a_signed_url_is_good_for_its_own_methods(server: Workerd) -> None:
    with Shelf(server.url) as shelf:
        file, upload = shelf.store(b"bytes"), shelf.create(bytes=4)
        assert httpx.head(file["url"]).headers["content-length"] == "5"
        assert httpx.get(file["url"], headers={"Range": "bytes=1-2"}).content == b"yt"
        tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
        first = httpx.patch(upload["upload_url"], content=b"ab", headers={**tus, "Upload-Offset": "0"})
        assert first.status_code == 204
        assert httpx.head(upload["upload_url"]).headers["upload-offset"] == "2"
        assert (
            httpx.patch(upload["upload_url"], content=b"cd", headers={**tus, "Upload-Offset": "2"}).status_code == 204
        )
        assert shelf.get(upload["file_id"]).content == b"abcd"
