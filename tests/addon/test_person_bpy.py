"""Jobs that come while the user is in the middle of something: they wait, say for what, and break nothing."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from addon.link.frames import progress_frame
from addon.link.queue.main_thread import MainThreadQueue, Route
from addon.link.records import Job

pytestmark = pytest.mark.bpy


class Bench:
    """A queue whose jobs find the user busy with `words`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from addon.commands import registry
        from addon.commands.person import person

        self.words = ""
        self.answers: list[Any] = []
        self.reports: list[Any] = []
        monkeypatch.setattr(person, "at_work", lambda: self.words)
        self.queue = MainThreadQueue(
            registry.run, lambda *answer: self.answers.append(answer), lambda *report: self.reports.append(report)
        )

    def submit(self, command: str = "execute_code", **params: Any) -> Any:
        """Queue a job and turn the crank once."""
        control = self.queue.submit(Job(f"j-{len(self.answers)}", command, params))
        self.turn(0.0)
        return control

    def turn(self, seconds: float = 0.3) -> None:
        """Let the queue run for a while."""
        until = time.monotonic() + seconds
        while True:
            self.queue.wait(0.02)
            self.queue.drain()
            if time.monotonic() >= until:
                return


@pytest.fixture
def bench(bpy: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_job_waits_says_for_what_and_runs_when_the_hands_are_free(bpy: Any, bench: Bench) -> None:
    bench.words = "modal operator transform.translate"
    control = bench.submit(code="bpy.data.objects['Cube'].location.x = 4")
    assert control.message == "waiting: modal operator transform.translate"
    assert bench.queue.active == [control]
    bench.words = "a render"
    bench.turn()
    assert [words for _, _, words in bench.reports] == [
        "waiting: modal operator transform.translate",
        "waiting: a render",
    ]
    assert bpy.data.objects["Cube"].location.x == 0.0
    bench.words = ""
    bench.turn()
    assert [(answer[1], answer[3]) for answer in bench.answers] == [("completed", "")]
    assert (bpy.data.objects["Cube"].location.x, control.message) == (4.0, "")


def test_reading_does_not_wait(bpy: Any, bench: Bench) -> None:
    bench.words = "modal operator sculpt.brush_stroke"
    bench.submit("checkpoint")
    assert bench.answers == []
    bench.submit("get_scene_info")
    assert [answer[1] for answer in bench.answers] == ["completed"]


def test_the_deadline_counts_while_it_waits(bpy: Any, bench: Bench) -> None:
    bench.words = "a file dialog"
    bench.submit(code="print(1)", deadline=0.3)
    bench.turn(0.6)
    [(_, status, _, error, *_)] = bench.answers
    assert status == "cancelled"
    assert error.startswith("Ended by its deadline of 0.3 s, before it began: it waited for a file dialog")


def test_a_wait_can_be_cancelled_and_has_an_end(bpy: Any, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.commands import person

    bench.words = "a render"
    bench.submit(code="print(1)")
    assert bench.queue.cancel("j-0")
    bench.turn()
    assert bench.answers[0][1] == "cancelled"
    monkeypatch.setattr(person, "PATIENCE", 0.2)
    bench.submit(code="print(1)")
    bench.turn(0.6)
    assert bench.answers[1][1] == "failed"
    assert "for a render to end" in bench.answers[1][3]


def test_each_step_of_a_long_change_waits_for_the_hands(
    bpy: Any, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from addon.commands import person as module
    from addon.commands.allowed.policy import Effect
    from addon.commands.registry import with_consent

    done: list[str] = []

    def steps() -> Any:
        done.append("asked")
        try:
            yield 0.05
            done.append("brought in")
        finally:
            done.append("tidied up")
        return "ok"

    def submit(effect: Effect) -> None:
        done.clear()
        route = Route(
            lambda job, control: with_consent(control, effect, "", steps, str),
            lambda *answer: bench.answers.append(answer),
        )
        bench.queue.submit(Job(f"j-{len(bench.answers)}", "download_polyhaven_asset", {}), route)
        bench.turn(0.0)

    submit(Effect.CHANGE)
    # They begin to drag while it downloads, and its client leaves.
    bench.words = "modal operator transform.translate"
    bench.queue.active[0].deserted.set()
    bench.turn()
    assert (done, bench.answers) == (["asked"], [])
    bench.words = ""
    bench.turn()
    assert (done, bench.answers[0][1:3]) == (["asked", "brought in", "tidied up"], ("completed", "ok"))
    submit(Effect.READ)
    bench.words = "a render"
    bench.turn()
    assert bench.answers[1][1] == "completed"
    # What never finds free hands ends, and tidies up.
    bench.words = ""
    submit(Effect.CHANGE)
    bench.words = "a render"
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    bench.turn(0.6)
    assert (done, bench.answers[2][1]) == (["asked", "tidied up"], "failed")
    assert "for a render to end" in bench.answers[2][3]


def test_the_bus_is_told_that_such_a_job_does_not_run_yet() -> None:
    assert '"blender-bus/waits":true' in progress_frame("j-1", 0.0, "waiting: a render")
    assert "_meta" not in progress_frame("j-1", 0.0, "waiting for Godot")


def test_operators_dialogs_and_renders_are_told_in_words(bpy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.commands import person as module

    operators: list[Any] = []
    area = SimpleNamespace(type="FILE_BROWSER", spaces=SimpleNamespace(active=SimpleNamespace(active_operator=None)))
    window = SimpleNamespace(modal_operators=operators, screen=SimpleNamespace(areas=[area]))
    renders: set[str] = set()
    context = SimpleNamespace(window_manager=SimpleNamespace(windows=[window]))
    app = SimpleNamespace(background=False, is_job_running=lambda kind: kind in renders)
    monkeypatch.setattr(module, "bpy", SimpleNamespace(app=app, context=context, types=bpy.types))
    clock = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    person = module.Person()
    assert person.at_work() == ""
    operators.append(SimpleNamespace(bl_idname="TRANSFORM_OT_translate"))
    assert person.at_work() == "modal operator transform.translate"
    clock[0] = 1000.0
    assert person.at_work() == "modal operator transform.translate"
    area.spaces.active.active_operator = object()
    assert person.at_work() == "a file dialog"
    renders.add("RENDER")
    assert person.at_work() == "a render"
    renders.clear()
    area.spaces.active.active_operator = None
    # The render is done; its operator stays on until the mouse moves.
    operators[:] = [SimpleNamespace(bl_idname="RENDER_OT_render")]
    assert person.at_work() == ""
    operators[:] = [SimpleNamespace(bl_idname="VIEW3D_OT_all_day")]

    class AllDay(bpy.types.Operator):  # type: ignore[misc, name-defined]
        """An add-on's operator that is never done."""

        bl_idname = "view3d.all_day"
        bl_label = "All Day"

    bpy.utils.register_class(AllDay)
    try:
        assert person.at_work() == "modal operator view3d.all_day"
        clock[0] += 30.0
        assert person.at_work() == ""
        operators.append(SimpleNamespace(bl_idname="TRANSFORM_OT_translate"))
        assert person.at_work() == "modal operator transform.translate"
    finally:
        bpy.utils.unregister_class(AllDay)
