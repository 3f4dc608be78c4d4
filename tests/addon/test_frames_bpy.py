"""The files of a render, and the panel that shows them on their way."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from files_double import TOKEN, FilesDouble

from addon.link.queue.main_thread import MainThreadQueue, Route
from addon.link.records import Job
from addon.link.transfers.carrier import Carrier

pytestmark = pytest.mark.bpy


class Tokens:
    def token(self) -> str:
        return TOKEN

    def rejected(self, token: str) -> None:
        return None


def rendered(
    files: FilesDouble, carrier: Carrier | None = None, **params: Any
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    import json

    from addon.commands import registry

    answers: list[tuple[Any, ...]] = []
    queue = MainThreadQueue(registry.run)
    route = Route(registry.run, lambda *answer: answers.append(answer), files=carrier or Carrier(files.url, Tokens()))
    queue.submit(Job("j-1", "render", params), route)
    for _ in range(3000):
        if answers:
            break
        if queue.wait(0.05):
            queue.drain()
    [(_, status, result, error, extra)] = answers
    return status, json.loads(result) if result else {"error": error}, extra


def test_each_frame_arrives_at_full_size_as_a_file(bpy: Any) -> None:
    with FilesDouble() as files:
        status, document, extra = rendered(
            files, engine="workbench", width=1920, height=1080, frame=2, frame_end=3, format="png"
        )
        assert status == "completed", document
        assert [row["frame"] for row in document["frames"]] == [2, 3]
        assert extra["files"] == [row["file"] for row in document["frames"]]
        for row in document["frames"]:
            data = files.files[row["file"]["file_id"]].data
            assert data == Path(row["path"]).read_bytes()
            assert data[16:24] == (1920).to_bytes(4, "big") + (1080).to_bytes(4, "big")
            assert (row["file"]["mime_type"], row["file"]["name"]) == (
                "image/png",
                f"frame_{row['frame']:05}.png",
            )
            assert "url" not in row["file"]
        assert "at `path`" in document["note"] and document["image"]


def test_many_frames_arrive_as_one_archive(bpy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.commands.seeing.rendering import frames

    monkeypatch.setattr(frames, "MAX_FILES", 2)
    with FilesDouble() as files:
        status, document, extra = rendered(
            files, engine="workbench", width=32, height=32, frame=1, frame_end=3, format="jpg"
        )
        assert status == "completed", document
        assert extra["files"] == [document["file"]]
        [stored] = files.files.values()
        target = Path(document["frames"][0]["path"]).parent / "got.zip"
        target.write_bytes(stored.data)
        with zipfile.ZipFile(target) as archive:
            assert archive.namelist() == [row["name"] for row in document["frames"]]
            assert archive.read("frame_00002.jpg").startswith(b"\xff\xd8\xff")
        assert not (target.parent / "frames.zip").exists()


def test_a_frame_that_cannot_be_sent_stays_where_it_is_and_says_why(bpy: Any) -> None:
    def full(handler: Any, method: str, count: int) -> bool:
        if method != "POST" or count:
            return False
        handler._body()
        handler.answer(507, {"error": "quota", "error_description": "1 GiB is used"})
        return True

    with FilesDouble(fault=full) as files:
        status, document, extra = rendered(files, engine="workbench", width=32, height=32, frame=1, frame_end=2)
    assert status == "completed"
    first, second = document["frames"]
    if "file" in first:
        first, second = second, first
    assert "1 GiB is used" in first["problem"] and Path(first["path"]).is_file()
    assert extra["files"] == [second["file"]]


class Layout:
    """Notes what a panel draws."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def column(self, **_: Any) -> Layout:
        return self

    row = column

    def label(self, *, text: str, icon: str = "") -> None:
        self.drawn.append(text)

    def progress(self, *, factor: float, text: str) -> None:
        self.drawn.append(f"{factor:.2f} {text}")

    def operator(self, name: str, **_: Any) -> SimpleNamespace:
        self.drawn.append(name)
        return SimpleNamespace()


def test_the_panel_shows_transfers_while_there_are_some(bpy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from addon import panels
    from addon.link.transfers.model import Transfer

    shown: list[Transfer] = []
    monkeypatch.setattr(panels, "session", SimpleNamespace(transfers=shown))
    assert not panels.BLENDERBUS_PT_transfers.poll(None)
    shown.append(Transfer("up", "scene.glb", "j-1", total=80_400_000, done=12_000_000))
    shown.append(Transfer("down", "f-1", "j-2", waits="waits for 4 others"))
    assert panels.BLENDERBUS_PT_transfers.poll(None)
    layout = Layout()
    panels.BLENDERBUS_PT_transfers.draw(SimpleNamespace(layout=layout), None)
    assert layout.drawn == [
        "scene.glb",
        "blender_bus.cancel_job",
        "0.15 uploading 12.0 of 80.4 MB",
        "f-1",
        "blender_bus.cancel_job",
        "0.00 downloading 0.0 MB (waits for 4 others)",
    ]


def test_a_render_that_fails_ends_its_uploads_and_forged_lines_are_only_printed(bpy: Any) -> None:
    """A script of the file prints what looks like news, and ends the second Blender at the second frame."""
    script = bpy.data.texts.new("ends.py")
    script.from_string(
        "import bpy, os\n"
        "print('@render {broken', flush=True)\n"
        "print('@render [1]', flush=True)\n"
        'print(\'@render {"frame": 7, "file": "/etc/hostname"}\', flush=True)\n'
        "def end(scene, *_):\n    if scene.frame_current == 2:\n        os._exit(7)\n"
        "bpy.app.handlers.render_pre.append(end)\n"
    )
    script.use_module = True

    def busy(handler: Any, method: str, count: int) -> bool:
        handler._body()
        handler.answer(503, None, {"Retry-After": "60"})
        return True

    with FilesDouble(fault=busy) as files:
        carrier = Carrier(files.url, Tokens())
        status, document, extra = rendered(
            files, carrier, engine="workbench", width=32, height=32, frame=1, frame_end=3
        )
        assert status == "failed" and "failed after 1 frames in" in document["error"], document
        assert "ended with 7" in document["error"] and extra["files"] == []
        until = time.monotonic() + 10
        while carrier.transfers and time.monotonic() < until:
            time.sleep(0.05)
        assert not carrier.transfers
        assert all("hostname" not in str(stored.about) for stored in files.files.values())
