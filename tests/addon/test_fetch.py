"""HTTP and archives of the asset services, against a local server, without Blender."""

from __future__ import annotations

import json
import random
import stat
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from harness.services import Served, ServiceDouble

from addon.fetch import archive, http, polyhaven, rodin
from addon.fetch.archive import BadArchive, Stopped, safe_path, unpack
from addon.fetch.http import Fetcher, FetchFailed
from addon.fetch.workers import TooBusy, Workers
from addon.link.outgoing import abort_all


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceDouble]:
    monkeypatch.setattr(http, "allow_plain_http", True)
    monkeypatch.setattr(http, "MAX_WAIT_SECONDS", 0.0)
    with ServiceDouble() as double:
        yield double


def fetcher() -> Fetcher:
    return Fetcher("Shop", "BlenderBus/test", threading.Event())


def test_json_is_fetched_with_a_user_agent(service: ServiceDouble) -> None:
    service.document("/a", {"n": 1})
    assert fetcher().json(f"{service.url}/a") == {"n": 1}
    assert service.asked[0].headers["User-Agent"] == "BlenderBus/test"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "Shop does not accept the API key; check it in the extension's preferences (HTTP 401): no"),
        (402, "Shop wants to be paid"),
        (403, "Shop does not allow this with the API key"),
        (404, "Shop does not have this (HTTP 404): no"),
        (429, "Shop has had too many requests; try again in 7 s (HTTP 429): no"),
        (503, "Shop is in trouble (HTTP 503): no"),
        (418, "Shop refused the request (HTTP 418): no"),
    ],
)
def test_refusals_are_told_in_words(service: ServiceDouble, status: int, told: str) -> None:
    service.document("/a", {"detail": "no"}, status, **{"Retry-After": "7"})
    with pytest.raises(FetchFailed) as raised:
        fetcher().json(f"{service.url}/a")
    assert str(raised.value).startswith(told)


def patient(monkeypatch: pytest.MonkeyPatch, service: ServiceDouble, *statuses: int, after: str = "0") -> None:
    """Let `/a` answer with these statuses in turn, the last for ever."""
    monkeypatch.setattr(http, "MAX_WAIT_SECONDS", 20.0)
    monkeypatch.setattr(http, "USUAL_WAIT_SECONDS", 0.01)
    left = list(statuses)

    def answer(asked: object) -> Served:
        status = left.pop(0) if len(left) > 1 else left[0]
        return Served(b'{"n": 1}', status, {"Retry-After": after} if after else {})

    service.answers["/a"] = answer


def test_a_service_that_asks_for_patience_is_asked_again(
    service: ServiceDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient(monkeypatch, service, 429, 503, 200)
    assert fetcher().json(f"{service.url}/a") == {"n": 1}
    assert len(service.asked) == 3
    patient(monkeypatch, service, 502, 200, after="")
    assert fetcher().json(f"{service.url}/a") == {"n": 1}


def test_patience_has_an_end(service: ServiceDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    patient(monkeypatch, service, 429)
    with pytest.raises(FetchFailed, match="too many requests"):
        fetcher().json(f"{service.url}/a")
    assert len(service.asked) == http.MAX_RETRIES
    patient(monkeypatch, service, 429, 200, after="21")
    with pytest.raises(FetchFailed, match="try again in 21 s"):
        fetcher().json(f"{service.url}/a")
    assert len(service.asked) == http.MAX_RETRIES + 1


def test_what_may_have_been_done_is_not_done_again(service: ServiceDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    patient(monkeypatch, service, 503, 200)
    with pytest.raises(FetchFailed, match="HTTP 503"):
        fetcher().json(f"{service.url}/a", body=b"{}")
    patient(monkeypatch, service, 429, 200)
    assert fetcher().json(f"{service.url}/a", body=b"{}") == {"n": 1}


def test_a_service_that_was_too_slow_is_asked_again_and_then_told(
    service: ServiceDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient(monkeypatch, service, 408, 504, 200)
    assert fetcher().json(f"{service.url}/a") == {"n": 1}
    patient(monkeypatch, service, 408)
    with pytest.raises(FetchFailed, match="Shop was too slow to answer, which is its own trouble.*HTTP 408"):
        fetcher().json(f"{service.url}/a")


def test_a_cancel_ends_the_patience(service: ServiceDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    patient(monkeypatch, service, 429, after="15")
    cancelled = threading.Event()
    threading.Timer(0.2, cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(FetchFailed, match="cancelled"):
        Fetcher("Shop", "BlenderBus/test", cancelled).json(f"{service.url}/a")
    assert time.monotonic() - began < 5


def test_page_in_place_of_json_is_told(service: ServiceDouble) -> None:
    service.answers["/a"] = Served(b"<html>Sorry</html>", headers={"Content-Type": "text/html"})
    with pytest.raises(FetchFailed, match="did not answer with JSON but with '<html>Sorry"):
        fetcher().json(f"{service.url}/a")


def test_too_large_a_document_is_refused(service: ServiceDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_JSON_BYTES", 100)
    service.document("/a", "x" * 200)
    with pytest.raises(FetchFailed, match="more than 100 bytes"):
        fetcher().json(f"{service.url}/a")


def test_nobody_there_is_told() -> None:
    http.allow_plain_http = True
    try:
        with pytest.raises(FetchFailed, match="Shop cannot be reached at 127.0.0.1:9: "):
            fetcher().json("http://127.0.0.1:9/")
    finally:
        http.allow_plain_http = False


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://example.com/", "file:///etc/passwd", "ftp://a/b", "https://u:p@a/", "", "https://[x"],
)
def test_only_https_is_fetched(url: str) -> None:
    with pytest.raises(FetchFailed, match="which is not an https address"):
        fetcher().json(url)


def test_redirect_is_followed_without_the_key_when_the_host_changes(service: ServiceDouble) -> None:
    with ServiceDouble() as other:
        other.document("/b", 1)
        service.document("/c", 2)
        service.answers["/a"] = Served(b"", 302, {"Location": f"{other.url}/b"})
        service.answers["/same"] = Served(b"", 307, {"Location": "/c"})
        headers = {"Authorization": "Token secret"}
        assert fetcher().json(f"{service.url}/a", headers) == 1
        assert "Authorization" not in other.asked[0].headers
        assert fetcher().json(f"{service.url}/same", headers) == 2
        assert service.asked[-1].headers["Authorization"] == "Token secret"


def test_redirect_to_a_file_or_in_a_circle_is_refused(service: ServiceDouble) -> None:
    service.answers["/a"] = Served(b"", 302, {"Location": "file:///etc/passwd"})
    service.answers["/b"] = Served(b"", 302, {"Location": "/b"})
    with pytest.raises(FetchFailed, match="not an https address"):
        fetcher().json(f"{service.url}/a")
    with pytest.raises(FetchFailed, match="in a circle"):
        fetcher().json(f"{service.url}/b")


def test_file_is_downloaded_and_checked(service: ServiceDouble, tmp_path: Path) -> None:
    about = service.file("/f", b"x" * 1_000_000)
    seen: list[tuple[int, int]] = []
    source = Fetcher("Shop", "t", threading.Event(), lambda done, total: seen.append((done, total)))
    source.download(about["url"], tmp_path / "sub" / "f", md5=about["md5"], size=about["size"])
    assert (tmp_path / "sub" / "f").stat().st_size == 1_000_000
    assert seen[-1] == (1_000_000, 1_000_000)


def test_truncated_wrong_and_oversized_files_are_refused(service: ServiceDouble, tmp_path: Path) -> None:
    about = service.file("/f", b"x" * 1000)
    with pytest.raises(FetchFailed, match="is damaged, its md5 is"):
        fetcher().download(about["url"], tmp_path / "f", md5="0" * 32)
    with pytest.raises(FetchFailed, match="truncated, 1000 of 1001 bytes"):
        fetcher().download(about["url"], tmp_path / "f", size=1001)
    with pytest.raises(FetchFailed, match="larger than 999 bytes"):
        fetcher().download(about["url"], tmp_path / "f", size=999)
    service.answers["/cut"] = Served(b"x" * 500, announced=1000)
    with pytest.raises(FetchFailed, match="truncated|cannot be reached"):
        fetcher().download(f"{service.url}/cut", tmp_path / "f")
    service.answers["/huge"] = Served(b"", announced=10**12)
    with pytest.raises(FetchFailed, match="at most"):
        fetcher().download(f"{service.url}/huge", tmp_path / "f")


def test_cancel_ends_a_download(service: ServiceDouble, tmp_path: Path) -> None:
    about = service.file("/f", b"x" * 5_000_000)
    cancelled = threading.Event()
    source = Fetcher("Shop", "t", cancelled, lambda done, total: cancelled.set())
    with pytest.raises(FetchFailed, match="cancelled"):
        source.download(about["url"], tmp_path / "f")


def test_abort_frees_threads_that_wait_for_an_answer(service: ServiceDouble) -> None:
    service.hold.clear()
    workers = Workers()
    future = workers.submit(lambda: fetcher().json(f"{service.url}/a"))
    until = time.monotonic() + 5
    while not service.asked and time.monotonic() < until:
        time.sleep(0.01)
    abort_all()
    assert workers.join(3)
    assert isinstance(future.exception(), FetchFailed)


def test_workers_are_few() -> None:
    gate = threading.Event()
    workers = Workers(2)
    futures = [workers.submit(gate.wait) for _ in range(2)]
    with pytest.raises(TooBusy):
        workers.submit(gate.wait)
    gate.set()
    assert [future.result(5) for future in futures] == [True, True]
    assert workers.submit(lambda: 1).result(5) == 1


def zipped(path: Path, *members: tuple[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, body in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            target.writestr(info, body)
    return path


def test_archive_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("scene.gltf", b"{}"), ("textures/a.png", b"x"))
    assert unpack(path, tmp_path / "out") == [tmp_path / "out/scene.gltf", tmp_path / "out/textures/a.png"]


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", "C:\\a", "..\\a", "a:b", "\\\\host\\a"])
def test_paths_outside_the_folder_are_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "a.zip", ("good", b"1"), (name, b"2"))
    with pytest.raises(BadArchive, match="not a path inside"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(BadArchive):
        safe_path(tmp_path, name)


def test_links_bombs_and_damage_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = zipped(tmp_path / "l.zip", ("link", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777)
    with pytest.raises(BadArchive, match="a link or a device"):
        unpack(link, tmp_path / "out")
    bomb = zipped(tmp_path / "b.zip", ("zeros", bytes(80 * 1_048_576)))
    with pytest.raises(BadArchive, match="too much"):
        unpack(bomb, tmp_path / "out")
    (tmp_path / "d.zip").write_bytes(bomb.read_bytes()[:500])
    with pytest.raises(BadArchive, match="cannot be unpacked"):
        unpack(tmp_path / "d.zip", tmp_path / "out")
    monkeypatch.setattr(archive, "MAX_FILES", 1)
    with pytest.raises(BadArchive, match="at most 1 are taken"):
        unpack(zipped(tmp_path / "m.zip", ("a", b""), ("b", b"")), tmp_path / "out")
    damaged = zipped(tmp_path / "c.zip", ("a", bytes(range(256)) * 50)).read_bytes()
    (tmp_path / "c.zip").write_bytes(damaged[:60] + b"\xff\xff" + damaged[62:])
    monkeypatch.setattr(archive, "MAX_FILES", 10)
    with pytest.raises(BadArchive, match="cannot be unpacked"):
        unpack(tmp_path / "c.zip", tmp_path / "out")


def test_texture_prefers_the_packed_map_and_names_what_there_is(
    service: ServiceDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polyhaven, "API", service.url)
    entry = {"1k": {"jpg": {"url": f"{service.url}/x_1k.jpg", "md5": "0" * 32, "size": 1}}}
    names = ("Diffuse", "nor_gl", "nor_dx", "Rough", "AO", "arm", "Displacement")
    service.document("/files/wood", {name: entry for name in names})
    found = polyhaven.files(fetcher(), "wood", "textures", "1k", None)
    assert [file.role for file in found] == ["diffuse", "normal", "arm", "displacement"]
    with pytest.raises(FetchFailed, match=r"wood has no '8k' .*; there is: 1k"):
        polyhaven.files(fetcher(), "wood", "textures", "8k", None)
    with pytest.raises(FetchFailed, match="has no 'hdri'"):
        polyhaven.files(fetcher(), "wood", "hdris", "1k", None)
    for answer in ([], {"Diffuse": 5}, {}):
        service.document("/files/wood", answer)
        with pytest.raises(FetchFailed):
            polyhaven.files(fetcher(), "wood", "textures", "1k", None)


def test_multipart_body_is_what_the_service_reads() -> None:
    body, kind = rodin.multipart({"prompt": "a dog"}, rodin.pictures([[".png", "AAEC"]]))
    boundary = kind.split("boundary=")[1].encode()
    parts = body.split(b"--" + boundary)
    assert b'name="prompt"\r\n\r\na dog\r\n' in parts[1]
    assert b'name="images"; filename="0000.png"\r\nContent-Type: image/png\r\n\r\n\x00\x01\x02\r\n' in parts[2]
    assert parts[3] == b"--\r\n"


@pytest.mark.parametrize(
    "image", [5, "http://a/b.png", [".exe", "AAEC"], [".png"], [".png", "not base64!"], "data:text/html;base64,AA=="]
)
def test_odd_images_are_refused(image: object) -> None:
    with pytest.raises(rodin.BadImage, match="image 1"):
        rodin.pictures([image])
    assert json.dumps(image)


def test_unpacking_ends_with_a_cancel_and_leaves_nothing(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a/1", b"x" * 5000), ("a/2", b"y" * 5000))
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Stopped):
        unpack(path, tmp_path / "out", cancelled)
    assert not [file for file in (tmp_path / "out").rglob("*") if file.is_file()]


def test_a_damaged_archive_leaves_nothing_of_what_was_whole(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(300)
    path = zipped(tmp_path / "a.zip", ("1", b"x" * 5000), ("2", noise))
    data = path.read_bytes()
    assert noise[:100] in data
    path.write_bytes(data.replace(noise[:100], noise[100:200]))
    with pytest.raises(BadArchive, match="cannot be unpacked"):
        unpack(path, tmp_path / "out")
    assert not [file for file in (tmp_path / "out").rglob("*") if file.is_file()]


def test_an_archive_that_the_disk_has_no_room_for_is_refused_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", ("1", b"x" * 3 * 1_048_576))
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: SimpleNamespace(free=258 * 1_048_576))
    with pytest.raises(BadArchive, match="it needs 3 MiB unpacked, and 256 MiB are left free.* has 258 MiB free"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: SimpleNamespace(free=260 * 1_048_576))
    assert unpack(path, tmp_path / "out")
