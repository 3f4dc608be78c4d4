"""Checkpoints on real Blender: made, listed, gone back to and bounded, and no file of the artist touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy


@pytest.fixture(autouse=True)
def empty_store(bpy: Any) -> Iterator[Path]:
    from addon.commands.checkpoints.store import store

    for path in store.folder.glob("*"):
        if path.is_file():
            path.unlink()
    store._known = None
    yield store.folder


def listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run("list_checkpoints").document["checkpoints"]
    return found


def test_going_back_brings_the_unsaved_state_and_can_itself_be_taken_back(bpy: Any) -> None:
    run("execute_code", code="bpy.data.objects['Cube'].location.x = 5")
    made = run("checkpoint", label="five").document
    assert set(made) == {"checkpoint_id", "label", "at", "bytes"}
    assert made["label"] == "five" and made["bytes"] > 10_000
    run("execute_code", code="bpy.data.objects.remove(bpy.data.objects['Cube'])")
    back = run("restore_checkpoint", checkpoint_id=made["checkpoint_id"]).document
    assert bpy.data.objects["Cube"].location.x == 5.0
    assert "undo is new" in back["note"]
    assert [item["checkpoint_id"] for item in listed()] == [back["before"], made["checkpoint_id"]]
    run("restore_checkpoint", checkpoint_id=back["before"])
    assert "Cube" not in bpy.data.objects
    assert run("execute_code", code="print(1)").result == "1\n"


def test_no_file_of_the_artist_is_written_and_saving_what_was_restored_changes_no_checkpoint(
    bpy: Any, tmp_path: Path, empty_store: Path
) -> None:
    own = tmp_path / "art.blend"
    image = bpy.data.images.new("picture", 4, 4)
    (tmp_path / "textures").mkdir()
    image.filepath_raw, image.file_format = str(tmp_path / "textures" / "a.png"), "PNG"
    image.save()
    image.filepath_raw = "//textures/a.png"
    image.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=str(own))
    before = own.read_bytes(), own.stat().st_mtime_ns, sorted(path.name for path in tmp_path.iterdir())
    made = run("checkpoint").document
    assert bpy.data.filepath == str(own)
    kept = (empty_store / f"{made['checkpoint_id']}.blend").read_bytes()
    restored = run("restore_checkpoint", checkpoint_id=made["checkpoint_id"]).document
    assert (restored["made_of"], bpy.data.filepath) == (str(own), restored["file"])
    assert Path(bpy.path.abspath(bpy.data.images["picture"].filepath)).resolve() == tmp_path / "textures" / "a.png"
    bpy.ops.wm.save_mainfile()
    assert (own.read_bytes(), own.stat().st_mtime_ns, sorted(path.name for path in tmp_path.iterdir())) == before
    assert (empty_store / f"{made['checkpoint_id']}.blend").read_bytes() == kept
    # Saved by somebody: it stays, whatever is restored later.
    run("restore_checkpoint", checkpoint_id=made["checkpoint_id"])
    run("restore_checkpoint", checkpoint_id=made["checkpoint_id"])
    assert Path(restored["file"]).exists()
    assert len(list(empty_store.glob("* restored *.blend"))) <= 3


def test_the_oldest_are_let_go_by_count_and_by_size(
    bpy: Any, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> None:
    from addon.commands.checkpoints import store

    monkeypatch.setattr(store, "MAX_COUNT", 3)
    for number in range(5):
        run("checkpoint", label=f"number {number}")
    assert [item["label"] for item in listed()] == ["number 4", "number 3", "number 2"]
    assert len(list(empty_store.glob("c-*"))) == 6
    # The one that is gone back to is not let go for the one that is made before.
    run("restore_checkpoint", checkpoint_id=listed()[-1]["checkpoint_id"])
    assert "number 2" in [item["label"] for item in listed()]
    monkeypatch.setattr(store, "MAX_BYTES", listed()[0]["bytes"] * 2 + 100)
    run("checkpoint", label="last")
    assert [item["label"] for item in listed()][0] == "last"
    assert len([item for item in listed() if not item["label"].startswith("Before going back")]) <= 2
    monkeypatch.setattr(store, "MAX_BYTES", 1000)
    assert "may have 1000 together" in run("checkpoint").error
    assert len([item for item in listed() if not item["label"].startswith("Before going back")]) <= 2


def test_those_that_nobody_asked_for_push_out_none_that_somebody_did(
    bpy: Any, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> None:
    from addon.commands.checkpoints import store

    run("checkpoint", label="by hand")
    for number in range(store.MAX_AUTOMATIC + 2):
        store.store.make(f"automatic {number}", "a test", automatic=True)
    kept = [item["label"] for item in listed()]
    assert kept[-1] == "by hand"
    assert len(kept) == store.MAX_AUTOMATIC + 1 and "automatic 1" not in kept
    # The same after Blender has read them from disk.
    store.store._known = None
    assert [item.automatic for item in store.store.all()] == [True] * store.MAX_AUTOMATIC + [False]
    monkeypatch.setattr(store, "MAX_AUTOMATIC_BYTES", listed()[0]["bytes"] + 100)
    store.store.make("last", "a test", automatic=True)
    assert [item["label"] for item in listed()] == ["last", "by hand"]


@pytest.mark.parametrize("checkpoint_id", ["c-000000000000", "../../etc/passwd", "c-00000000000g", "c-", "x" * 500])
def test_an_unknown_checkpoint_is_refused_and_nothing_is_made(bpy: Any, checkpoint_id: str) -> None:
    outcome = run("restore_checkpoint", checkpoint_id=checkpoint_id)
    assert outcome.status == "failed"
    assert "there is no checkpoint" in outcome.error
    assert listed() == []


@pytest.mark.parametrize("label", ["", "x" * 101, 5])
def test_a_label_has_limits(bpy: Any, label: Any) -> None:
    assert "label must be" in run("checkpoint", label=label).error


def test_damaged_entries_are_passed_over(bpy: Any, empty_store: Path) -> None:
    run("checkpoint", label="good")
    for name, text in (("c-1", "{"), ("c-2", "[]"), ("c-3", json.dumps({"label": None}))):
        (empty_store / f"{name}.json").write_text(text)
    run("checkpoint", label="better")
    assert [item["label"] for item in listed()] == ["better", "good"]


def test_a_checkpoint_that_is_no_blend_file_is_refused_and_the_open_file_stays(bpy: Any, empty_store: Path) -> None:
    made = run("checkpoint").document
    (empty_store / f"{made['checkpoint_id']}.blend").write_bytes(b"nothing")
    outcome = run("restore_checkpoint", checkpoint_id=made["checkpoint_id"])
    assert "cannot be opened" in outcome.error
    assert "Cube" in bpy.data.objects
