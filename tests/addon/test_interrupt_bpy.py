"""Code that never comes back is ended, whatever it catches, and nothing after it is hit."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest
from running import Outcome, run, start

from addon.link.queue.control import JobControl
from addon.link.queue.main_thread import MainThreadQueue
from addon.link.records import Job

pytestmark = pytest.mark.bpy

ROUNDS = int(os.environ.get("BUS_INTERRUPTS", "30"))
ENDLESS = {
    "plain": "while True: pass",
    "swallows all": "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
    "nested": "while True:\n try:\n  while True:\n   try:\n    while True:\n     try: pass\n"
    "     except BaseException: pass\n   except BaseException: pass\n finally:\n  continue",
    "functions": "def f():\n while True:\n  try:\n   while 1: g()\n  except BaseException: x=1\n"
    "def g():\n try: return sum([1,2])\n except: return 2\nwhile True:\n try: f()\n except BaseException: pass",
    "suppress": "import contextlib\nwhile True:\n with contextlib.suppress(BaseException):\n  while True: pass",
    "short sleeps": "import time\nwhile True:\n try: time.sleep(.05)\n except BaseException: pass",
    "Blender's data": "while True:\n  try: bpy.data.objects['Cube'].location.x += 1\n  except BaseException: pass",
}


def cancelled_after(seconds: float, code: str) -> tuple[Outcome, float]:
    controls: list[JobControl] = []

    def cancel() -> None:
        while not controls:
            time.sleep(0.01)
        time.sleep(seconds)
        controls[0].cancelled.set()

    timer = threading.Thread(target=cancel)
    timer.start()
    started = time.monotonic()
    outcome = start("execute_code", controls, code=code)
    timer.join()
    return outcome, time.monotonic() - started - seconds


@pytest.mark.parametrize("kind", ENDLESS)
def test_endless_code_ends_within_two_seconds_of_the_cancel_and_says_where_it_was(bpy: Any, kind: str) -> None:
    outcome, late = cancelled_after(0.2, ENDLESS[kind])
    assert outcome.status == "cancelled"
    assert outcome.error.startswith("Cancelled while it ran\nIt was here:\n")
    assert "<code of j-test>" in outcome.error
    assert late < 2.0
    assert run("execute_code", code="print('next')").result == "next\n"


def test_deadline_ends_the_code_itself(bpy: Any) -> None:
    outcome = run("execute_code", code="x = 1\nwhile True: x += 1", deadline=0.3)
    assert outcome.status == "cancelled"
    assert outcome.error.startswith("Ended by its deadline of 0.3 s")
    assert "line 2" in outcome.error


def test_code_that_is_done_before_its_deadline_is_not_touched(bpy: Any) -> None:
    assert run("execute_code", code="print(1)", deadline=5).result == "1\n"


@pytest.mark.parametrize("deadline", [0, -1, "5", 100_000])
def test_deadline_must_be_a_number_of_seconds(bpy: Any, deadline: Any) -> None:
    assert "deadline must be" in run("execute_code", code="print(1)", deadline=deadline).error


def test_many_interrupts_under_load_leave_nothing_stuck_and_hit_nothing_else(bpy: Any) -> None:
    kinds = list(ENDLESS.values())
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            sum(range(1000))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for number in range(ROUNDS):
            outcome, late = cancelled_after(0.05, kinds[number % len(kinds)])
            assert (outcome.status, late < 2.0) == ("cancelled", True)
            # A late exception would come out here.
            assert sum(len(str(item)) for item in range(2000)) == 6890
            assert run("execute_code", code="print('next')").result == "next\n"
    finally:
        stop.set()
        thread.join()


def test_cancel_that_comes_as_the_code_ends_is_either_in_time_or_without_effect(bpy: Any) -> None:
    ends = set()
    for number in range(100):
        controls: list[JobControl] = []
        timer = threading.Timer(0.0005 * (number % 10), lambda at=controls: at and at[0].cancelled.set())
        timer.start()
        outcome = start("execute_code", controls, code="sum(range(50_000)); print('done')")
        timer.join()
        ends.add((outcome.status, outcome.result))
        assert sum(len(str(item)) for item in range(500)) == 1390
    assert ends <= {("completed", "done\n"), ("cancelled", "")}


def test_busy_blender_tells_what_runs_and_what_blocks_it(bpy: Any) -> None:
    told: list[tuple[Any, ...]] = []
    from addon.commands import registry

    code = "import time\nprogress(30)\nuntil = time.time() + 6\nwhile time.time() < until: pass\ntime.sleep(6)"
    queue = MainThreadQueue(registry.run, report=lambda *report: told.append(report))
    queue.submit(Job("j-test", "execute_code", {"code": code}))
    queue.drain()
    reports = [report for report in told if report[2] and report[1] == 30.0]
    busy, blocked = [message for _, _, message, _ in reports]
    assert [round(seconds) for *_, seconds in reports] == [5, 10]
    assert busy.startswith("busy since 5 s, at line 4: while time.time() < until: pass\n")
    assert blocked.startswith("blocked in a Blender operation since ")
    assert "at line 5: time.sleep(6)" in blocked
    assert '<code of j-test>", line 5' in blocked
