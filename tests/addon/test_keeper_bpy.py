"""Checkpoints that nobody asks for, on real Blender: when they are made, when not, and how they are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addon.link.queue.main_thread import MainThreadQueue
from addon.link.records import Job, Origin

pytestmark = pytest.mark.bpy
MOVE = "bpy.data.objects['Cube'].location.x += 1"


@pytest.fixture
def keeper(bpy: Any) -> Iterator[Any]:
    """The keeper of a Blender with a person before it, and an empty store."""
    from addon.commands.checkpoints.keeper import keeper
    from addon.commands.checkpoints.store import store

    for path in store.folder.glob("*"):
        if path.is_file():
            path.unlink()
    store._known = None
    keeper.forget()
    keeper.watch(attended=True)
    # Several in a moment.
    keeper._clock = lambda: 0.0
    yield keeper
    keeper.unwatch()
    keeper.forget()


def labels() -> list[str | None]:
    from addon.commands.checkpoints.store import store

    return [item.label for item in store.all()]


def job(code: str, client: str = "Claude", command: str = "execute_code", **params: Any) -> dict[str, Any]:
    """Run a job of a client; return what stood beside its result."""
    from addon.commands import registry

    answers: list[Any] = []
    queue = MainThreadQueue(registry.run, lambda *answer: answers.append(answer))
    given = {"code": code} if command == "execute_code" else {}
    queue.submit(Job("j-keep", command, {**given, **params}, origin=Origin(f"bus:{client}", f"'{client}'")))
    queue.drain()
    [(_, status, _, error, *extra)] = answers
    assert status == "completed", error
    return extra[0] if extra else {}


def person(bpy: Any, x: float) -> None:
    """A person moves the camera."""
    bpy.data.objects["Camera"].location.x = x
    bpy.context.view_layer.update()


def test_one_is_made_before_the_first_change_after_a_persons_edit_and_its_caller_is_told(bpy: Any, keeper: Any) -> None:
    person(bpy, 3)
    told = job(MOVE)["checkpoint"]
    assert labels() == ["Before 'Claude' changed this"]
    assert set(told) == {"checkpoint_id", "label", "at"} and told["label"] == labels()[0]
    assert "checkpoint" not in job(MOVE)
    person(bpy, 4)
    assert "checkpoint" in job(MOVE)
    assert len(labels()) == 2
    restored = job("", command="restore_checkpoint", checkpoint_id=told["checkpoint_id"])
    assert "checkpoint" not in restored
    assert (bpy.data.objects["Camera"].location.x, bpy.data.objects["Cube"].location.x) == (3.0, 0.0)


def test_code_between_fences_is_code_too(bpy: Any, keeper: Any) -> None:
    person(bpy, 3)
    assert "checkpoint" in job("```python\nimport bpy\nbpy.ops.mesh.primitive_cube_add()\n```")


def test_reading_is_no_change_and_selecting_is_no_edit(bpy: Any, keeper: Any) -> None:
    person(bpy, 3)
    assert "checkpoint" not in job("print(len(bpy.data.objects))")
    assert "checkpoint" not in job("", command="get_scene_info")
    assert "checkpoint" in job(MOVE)
    bpy.data.objects["Cube"].select_set(False)
    bpy.context.view_layer.objects.active = bpy.data.objects["Light"]
    bpy.context.view_layer.update()
    bpy.context.scene.frame_set(5)
    assert "checkpoint" not in job(MOVE)


def test_without_a_person_there_is_none_before_a_change(bpy: Any, keeper: Any) -> None:
    keeper.watch(attended=False)
    person(bpy, 3)
    assert "checkpoint" not in job(MOVE)
    assert labels() == []


def test_each_client_is_provided_for_and_nothing_is_written_twice(bpy: Any, keeper: Any) -> None:
    person(bpy, 3)
    first = job("bpy.app.driver_namespace['seen'] = 1", "one")["checkpoint"]
    # The first has changed nothing.
    assert job(MOVE, "two")["checkpoint"] == first
    assert job(MOVE, "three")["checkpoint"]["label"] == "Before 'three' changed this"
    assert labels() == ["Before 'three' changed this", "Before 'one' changed this"]


def test_one_is_made_before_code_loads_another_file_if_there_is_anything_to_lose(
    bpy: Any, keeper: Any, tmp_path: Path
) -> None:
    path = tmp_path / "other.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    keeper.watch(attended=False)
    job(MOVE)
    told = job(f"bpy.ops.wm.open_mainfile(filepath={str(path)!r})")["checkpoint"]
    assert told["label"] == "Before 'Claude' loaded another file"
    assert bpy.data.filepath == str(path)
    job("", command="restore_checkpoint", checkpoint_id=told["checkpoint_id"])
    assert bpy.data.objects["Cube"].location.x == 1.0


@pytest.mark.parametrize(
    "load", ["read_homefile(use_empty=True)", "read_factory_settings(use_empty=True)", "read_homefile('EXEC_DEFAULT')"]
)
def test_every_way_to_empty_the_scene_keeps_what_was_there(bpy: Any, keeper: Any, load: str) -> None:
    keeper.watch(attended=False)
    job("bpy.ops.mesh.primitive_monkey_add()")
    told = job(f"bpy.ops.wm.{load}")["checkpoint"]
    assert "Suzanne" not in bpy.data.objects
    job("", command="restore_checkpoint", checkpoint_id=told["checkpoint_id"])
    assert "Suzanne" in bpy.data.objects


def test_nothing_is_kept_of_a_file_that_nobody_has_changed(bpy: Any, keeper: Any) -> None:
    assert "checkpoint" not in job("bpy.ops.wm.read_homefile(use_empty=True)")
    assert labels() == []


def test_a_file_that_a_person_has_opened_is_theirs_and_is_never_written(bpy: Any, keeper: Any, tmp_path: Path) -> None:
    own = tmp_path / "art.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(own), copy=True)
    bpy.ops.wm.open_mainfile(filepath=str(own))
    before = own.read_bytes(), own.stat().st_mtime_ns
    assert job(MOVE)["checkpoint"]["label"] == "Before 'Claude' changed this"
    assert (own.read_bytes(), own.stat().st_mtime_ns) == before
    assert bpy.data.filepath == str(own)


def test_undo_by_a_person_is_an_edit(bpy: Any, keeper: Any) -> None:
    person(bpy, 3)
    job(MOVE)
    bpy.ops.ed.undo_push(message="one")
    person(bpy, 5)
    bpy.ops.ed.undo_push(message="two")
    job(MOVE)
    bpy.ops.ed.undo()
    assert "checkpoint" in job(MOVE)


def test_they_can_be_switched_off(bpy: Any, keeper: Any) -> None:
    from addon.commands.allowed import settings as module

    before = module._provider
    module.provide(lambda: replace(before(), checkpoints=False))
    try:
        person(bpy, 3)
        assert "checkpoint" not in job(MOVE)
        assert "checkpoint" not in job("bpy.ops.wm.read_homefile(use_empty=True)")
    finally:
        module.provide(before)
    assert labels() == []


def test_a_slow_disk_makes_them_rare_and_a_full_one_fails_no_job(
    bpy: Any, keeper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from addon.commands.checkpoints import store

    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    keeper._clock = clock
    person(bpy, 3)
    assert "checkpoint" in job(MOVE)
    person(bpy, 4)
    assert "checkpoint" not in job(MOVE)
    now[0] += 30.0
    # It was not forgotten.
    assert "checkpoint" in job(MOVE)
    keeper._clock = lambda: 1000.0
    monkeypatch.setattr(store, "MAX_AUTOMATIC_BYTES", 1000)
    person(bpy, 5)
    assert "may have 1000 together" in job(MOVE)["checkpoint"]["error"]
    assert "checkpoint" not in job(MOVE)


def test_what_a_command_in_steps_does_is_the_jobs_and_what_comes_in_between_a_persons(bpy: Any, keeper: Any) -> None:
    from addon.commands import registry
    from addon.commands.allowed.policy import Effect
    from addon.link.queue.control import JobControl

    def steps() -> Any:
        bpy.data.objects["Cube"].location.x = 1
        yield 0.0
        bpy.data.objects["Cube"].location.x = 2
        return "done"

    control = JobControl(Job("j-1", "set_texture", {}, origin=Origin("bus:c", "'c'")), lambda *_: None)
    made = registry.with_consent(control, Effect.CHANGE, "", steps, str)
    next(made)
    assert labels() == []
    person(bpy, 7)
    with pytest.raises(StopIteration) as end:
        next(made)
    assert end.value.value == "done"
    assert labels() == ["Before 'c' changed this"]
    assert keeper._jobs == []
