"""How often the extension has Blender draw its interface: a count, with a clock that the test drives."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

from addon import display
from addon.link.queue.control import JobControl
from addon.link.queue.main_thread import IDLE_INTERVAL, Route, Steps
from addon.link.records import Job
from addon.session import Session

A_SECOND = 4
TICK = 0.01


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A session in front of a person, and when it had something drawn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.session = Session(lambda: None, self.clock)
        self.drawn: list[float] = []
        self.answered: list[str] = []
        self.route = Route(self.run, lambda job_id, *_: self.answered.append(job_id))
        sidebars = display._sidebars

        def counted() -> Iterator[tuple[Any, Any, Any]]:
            # Whatever is drawn goes through here once.
            self.drawn.append(self.clock.now)
            return sidebars()

        monkeypatch.setattr(display, "_sidebars", counted)
        # The module itself has no window, in which nothing is shown at all.
        seen = SimpleNamespace(app=SimpleNamespace(background=False), context=bpy.context, ops=bpy.ops)
        monkeypatch.setattr(display, "bpy", seen)

    def run(self, job: Job, control: JobControl) -> str | Steps:
        return self.steps(control) if job.params else self.at_once(control)

    def at_once(self, control: JobControl) -> str:
        for step in range(20):
            self.clock.now += TICK
            control.progress(step * 5, f"step {step}")
        return ""

    def steps(self, control: JobControl) -> Steps:
        for step in range(20):
            control.progress(step * 5, f"step {step}")
            yield TICK
        return ""

    def submit(self, number: int, **params: object) -> None:
        self.session.queue.submit(Job(f"j-{number}", "execute_code", params, 6), self.route)

    def tick(self) -> float:
        delay = self.session._tick()
        self.clock.now += TICK
        return delay


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


def test_jobs_and_their_progress_are_drawn_four_times_a_second_at_most(desk: Desk) -> None:
    begun, number = desk.clock.now, 0
    while desk.clock.now < begun + 20:
        if len(desk.session.queue) < 2:
            number += 1
            desk.submit(number, **({"in_steps": True} if number % 2 else {}))
        desk.session.note = f"news at {desk.clock.now}"
        desk.tick()
    assert len(desk.answered) > 20
    busiest = max(sum(at <= other < at + 1 for other in desk.drawn) for at in desk.drawn)
    assert busiest == A_SECOND
    assert len(desk.drawn) > 20 * A_SECOND / 2, "what changes is drawn"


def test_the_last_change_is_drawn_and_nothing_after_it(desk: Desk) -> None:
    desk.submit(1)
    for _ in range(100):
        desk.tick()
    assert desk.answered == ["j-1"]
    count, last = len(desk.drawn), desk.drawn[-1]
    assert last - 1000 < 1
    for _ in range(200):
        desk.tick()
    assert len(desk.drawn) == count, "nothing has changed"


def test_a_job_runs_at_the_next_turn_of_the_timer(desk: Desk) -> None:
    for number in range(20):
        desk.submit(number)
        turns = 0
        while f"j-{number}" not in desk.answered:
            turns += 1
            desk.tick()
        # One more where the panel tells of it first, which Blender comes back from after a millisecond.
        assert turns <= 2
    assert IDLE_INTERVAL <= 1 / 50
