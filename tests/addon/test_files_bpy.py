"""Who may export and import, and when, on real Blender."""

from __future__ import annotations

import json
import struct
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from carrying import FILE_ID, Disk, arrivals, bring, export, png, run, scene
from running import run_locally

from addon.link.queue.main_thread import MainThreadQueue, Route
from addon.link.records import Job

pytestmark = pytest.mark.bpy


def test_without_a_server_both_say_what_to_do(bpy: Any) -> None:
    for command, params in (("export_file", {"format": "glb"}), ("import_file", {"file_id": FILE_ID})):
        outcome = run_locally(command, **params)
        assert outcome.status == "failed" and "execute_code" in outcome.error


def test_an_import_makes_a_checkpoint_of_what_a_person_has_made(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    from addon.commands.checkpoints.keeper import keeper

    keeper.watch(attended=True)
    try:
        bpy.data.objects["Cube"].location.x = 5
        bpy.context.view_layer.update()
        keeper.edited()
        path = tmp_path / "p"
        path.write_bytes(png())
        outcome = bring(disk, path, "a.png")
        assert outcome.extra["checkpoint"]["checkpoint_id"]
        assert "checkpoint" not in run(disk, "export_file", format="stl").extra
    finally:
        keeper.unwatch()
        keeper.forget()


def test_a_read_only_blender_exports_and_does_not_import(bpy: Any, disk: Disk) -> None:
    from addon.commands.allowed import settings
    from addon.commands.allowed.settings import Settings

    settings.provide(lambda: Settings(policy="read-only"))
    try:
        assert run(disk, "export_file", format="stl").status == "completed"
        assert "read-only" in run(disk, "import_file", file_id=FILE_ID).error
    finally:
        settings.provide(Settings)


def test_a_cancel_while_a_file_is_on_its_way_ends_the_job_and_leaves_nothing(bpy: Any, disk: Disk) -> None:
    from addon.commands import registry

    class Slow(Disk):
        cancelled: threading.Event | None = None

        def download(self, file_id: str, path: Path, *, cancelled: Any = None, **_: Any) -> Future[Any]:
            self.cancelled = cancelled
            return Future()

    slow, answers, kept = Slow(disk.folder), list[tuple[Any, ...]](), arrivals(bpy)
    queue = MainThreadQueue(registry.run)
    route = Route(registry.run, lambda *answer: answers.append(answer), files=slow)  # type: ignore[arg-type]
    queue.submit(Job("j-1", "import_file", {"file_id": FILE_ID}), route)
    queue.drain()
    assert not answers and queue.cancel("j-1", route)
    queue.drain()
    assert answers[0][1] == "cancelled"
    assert slow.cancelled is not None and slow.cancelled.is_set()
    assert arrivals(bpy) == kept


def test_an_import_that_fails_half_way_takes_back_what_it_brought(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    scene(bpy)
    path, _, _ = export(disk, format="glb")
    data = bytearray(path.read_bytes())
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    document["accessors"][-1]["bufferView"] = 99
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = bytes(data[20 + length :])
    whole = struct.pack("<4sII", b"glTF", 2, 20 + len(text) + len(rest)) + struct.pack("<I4s", len(text), b"JSON")
    broken = tmp_path / "broken"
    broken.write_bytes(whole + text + rest)
    bpy.ops.wm.read_factory_settings()
    before = {name: len(getattr(bpy.data, name)) for name in ("objects", "meshes", "materials", "images")}
    assert bring(disk, broken, "b.glb").status == "failed"
    assert {name: len(getattr(bpy.data, name)) for name in before} == before


def test_what_is_wrong_with_a_download_is_told(bpy: Any, disk: Disk) -> None:
    assert "there is no such file" in run(disk, "import_file", file_id=FILE_ID).error
    assert "is missing" in run(disk, "import_file").error
