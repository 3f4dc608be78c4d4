"""The queue between the link's thread and Blender's main thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any

import pytest

from addon.link.queue.control import JobControl
from addon.link.queue.interrupt import JobCancelled
from addon.link.queue.main_thread import JobFailed, MainThreadQueue, QueueFull, Route, run_loop
from addon.link.records import Job


class Desk:
    """A queue whose runner notes what it ran."""

    def __init__(self, **options: int) -> None:
        self.ran: list[str] = []
        self.answers: list[tuple[str, str, str, str]] = []
        self.now = 0.0
        self.queue = MainThreadQueue(
            self.run, lambda *answer: self.answers.append(answer), clock=lambda: self.now, **options
        )

    def run(self, job: Job, control: JobControl) -> str:
        self.ran.append(job.job_id)
        self.now += 0.01
        if job.command == "fail":
            raise JobFailed("told so")
        if job.command == "break":
            raise KeyError("inner")
        if job.command == "exit":
            raise SystemExit(3)
        if job.command == "interrupt":
            raise KeyboardInterrupt
        if job.command == "cancel_me":
            self.queue.cancel(job.job_id)
            control.check_cancelled()
        if job.command == "reenter":
            assert self.queue.drain() == 0
        return job.job_id.upper()


def job(job_id: str, command: str = "ok", priority: int = 6) -> Job:
    return Job(job_id, command, {}, priority)


def test_urgent_jobs_run_first_and_equals_in_order_of_arrival() -> None:
    desk = Desk()
    for name, priority in [("a", 6), ("b", 7), ("c", 0), ("d", 6), ("e", 0)]:
        desk.queue.submit(job(name, priority=priority))
    assert desk.queue.drain(1.0) == 5
    assert desk.ran == ["c", "e", "a", "d", "b"]


def test_drain_stops_when_the_budget_is_used_but_runs_at_least_one() -> None:
    desk = Desk()
    for number in range(10):
        desk.queue.submit(job(str(number)))
    assert desk.queue.drain(0.025) == 3
    assert desk.queue.drain(0.0) == 1
    assert len(desk.queue) == 6


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("fail", "told so"),
        ("break", "KeyError: 'inner'"),
        ("exit", "SystemExit: 3"),
        ("interrupt", "KeyboardInterrupt"),
    ],
)
def test_whatever_a_job_raises_it_is_answered_failed_and_the_next_one_runs(command: str, text: str) -> None:
    desk = Desk()
    desk.queue.submit(job("a", command))
    desk.queue.submit(job("b"))
    desk.queue.drain(1.0)
    first, second = desk.answers
    assert first[:3] == ("a", "failed", "")
    assert text in first[3]
    assert ("Traceback" in first[3]) == (command != "fail")
    assert second == ("b", "completed", "B", "")


def test_queued_job_is_cancelled_before_it_runs() -> None:
    desk = Desk()
    for name in "abc":
        desk.queue.submit(job(name))
    assert desk.queue.cancel("b")
    desk.queue.drain(1.0)
    assert desk.ran == ["a", "c"]
    assert [answer[:2] for answer in desk.answers] == [("b", "cancelled"), ("a", "completed"), ("c", "completed")]


def test_running_job_sees_the_cancel() -> None:
    desk = Desk()
    desk.queue.submit(job("a", "cancel_me"))
    desk.queue.drain()
    assert [answer[:2] for answer in desk.answers] == [("a", "cancelled")]


def test_cancel_of_an_unknown_job_does_nothing() -> None:
    assert not Desk().queue.cancel("x")


def test_full_queue_refuses() -> None:
    desk = Desk(max_queued=2)
    desk.queue.submit(job("a"))
    desk.queue.submit(job("b"))
    with pytest.raises(QueueFull, match="2 jobs"):
        desk.queue.submit(job("c"))


def test_drain_does_not_run_a_second_job_inside_a_job() -> None:
    desk = Desk()
    desk.queue.submit(job("a", "reenter"))
    desk.queue.submit(job("b"))
    desk.queue.drain(1.0)
    assert [answer[1] for answer in desk.answers] == ["completed", "completed"]


def test_close_answers_everything_that_waits() -> None:
    desk = Desk()
    desk.queue.submit(job("a"))
    desk.queue.submit(job("b", priority=0))
    desk.queue.close("gone")
    assert desk.answers == [("b", "failed", "", "gone"), ("a", "failed", "", "gone")]
    assert desk.queue.drain() == 0


def test_finished_jobs_are_remembered_with_state_and_duration() -> None:
    desk = Desk()
    for number in range(50):
        desk.queue.submit(job(str(number), "fail" if number == 49 else "ok"))
    desk.queue.drain(10.0)
    assert len(desk.queue.finished) == 20
    assert desk.queue.finished[-1].status == "failed"
    assert desk.queue.finished[-1].seconds == pytest.approx(0.01)


def test_progress_is_thinned_out() -> None:
    reports: list[float] = []
    now = 0.0
    control = JobControl(job("a"), lambda job_id, percent, message: reports.append(percent), lambda: now)
    for step in range(100):
        now = step / 100
        control.progress(step)
    assert 9 <= len(reports) <= 11
    with pytest.raises(JobCancelled):
        control.cancelled.set()
        control.check_cancelled()


def test_progress_that_says_nothing_new_is_not_reported() -> None:
    reports: list[tuple[str, float, str]] = []
    now = 0.0
    control = JobControl(Job("j-1", "x"), lambda *report: reports.append(report), lambda: now)
    for percent, message in ((10, "a"), (10, "a"), (10, "b"), (10, "b"), (20, "b")):
        now += 1.0
        control.progress(percent, message)
    assert reports == [("j-1", 10, "a"), ("j-1", 10, "b"), ("j-1", 20, "b")]


def test_loop_runs_jobs_submitted_by_other_threads_at_once() -> None:
    done = threading.Event()
    answers: list[str] = []

    def answer(job_id: str, *_: str) -> None:
        answers.append(job_id)
        if len(answers) == 400:
            done.set()

    queue = MainThreadQueue(lambda job, control: "", answer)

    def feed(start: int) -> None:
        for number in range(100):
            queue.submit(job(f"{start}-{number}"))

    threads = [threading.Thread(target=feed, args=(start,)) for start in range(4)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    run_loop(queue, done.is_set, wait=0.5)
    assert time.monotonic() - started < 5
    assert len(set(answers)) == 400


class Steps:
    """A queue of jobs that pause, and what they were told when they went on."""

    def __init__(self, *pauses: object) -> None:
        self.pauses = pauses
        self.told: list[object] = []
        self.answers: list[tuple[str, str, str, str]] = []
        self.now = 0.0
        self.queue = MainThreadQueue(self.run, lambda *answer: self.answers.append(answer), clock=lambda: self.now)

    def run(self, job: Job, control: JobControl) -> str | Generator[Any, Any, str]:
        return self.steps() if job.command == "ok" else "short"

    def steps(self) -> Generator[Any, Any, str]:
        try:
            for pause in self.pauses:
                self.told.append((yield pause))
        except BaseException as error:
            self.told.append(type(error).__name__)
            raise
        return "all"


def test_a_job_that_fails_at_its_end_keeps_no_other_from_its_answer() -> None:
    class Failing(Steps):
        def steps(self) -> Generator[Any, Any, str]:
            try:
                yield 60.0
            finally:
                raise OSError("the disk is gone")

    desk = Failing()
    desk.queue.submit(job("a"))
    desk.queue.submit(job("b"))
    desk.queue.drain(1.0)
    desk.queue.close("gone")
    assert [answer[:3] for answer in desk.answers] == [("a", "failed", ""), ("b", "failed", "")]
    assert all(answer[3].startswith("gone\n") and "the disk is gone" in answer[3] for answer in desk.answers)


def test_job_that_waits_for_a_future_lets_others_run_and_goes_on_with_its_value() -> None:
    future: Future[int] = Future()
    desk = Steps(future)
    desk.queue.submit(job("slow"))
    desk.queue.submit(job("fast", "short", priority=7))
    desk.queue.drain(1.0)
    assert [answer[0] for answer in desk.answers] == ["fast"]
    assert [control.job.job_id for control in desk.queue.active] == ["slow"]
    threading.Timer(0.01, future.set_result, (5,)).start()
    while not desk.queue.drain():
        time.sleep(0.001)
    assert desk.answers[1] == ("slow", "completed", "all", "")
    assert desk.told == [5]
    assert desk.queue.active == []


def test_error_of_a_future_is_raised_in_the_job() -> None:
    future: Future[int] = Future()
    future.set_exception(JobFailed("no network"))
    desk = Steps(future)
    desk.queue.submit(job("a"))
    desk.queue.drain(1.0)
    assert desk.answers == [("a", "failed", "", "no network")]


def test_job_that_waits_for_seconds_goes_on_when_they_have_passed() -> None:
    desk = Steps(5.0)
    desk.queue.submit(job("a"))
    desk.queue.drain(1.0)
    desk.now = 4.9
    assert desk.queue.drain() == 0
    desk.now = 5.0
    assert desk.queue.wait(0.0)
    desk.queue.drain()
    assert desk.answers == [("a", "completed", "all", "")]


def test_cancelled_job_that_waits_is_told_at_once_and_ends() -> None:
    desk = Steps(Future())
    desk.queue.submit(job("a"))
    desk.queue.drain()
    assert desk.queue.cancel("a")
    assert desk.answers == []
    desk.queue.drain()
    assert desk.answers == [("a", "cancelled", "", "Cancelled while it ran")]
    assert desk.told == ["JobCancelled"]
    assert not desk.queue.cancel("a")


def test_routes_share_one_queue_but_neither_answers_nor_cancels() -> None:
    desk, heard = Steps(Future()), []
    route = Route(lambda job, control: "other", lambda *answer: heard.append(answer))
    for _ in range(2):
        desk.queue.submit(job("a"))
        desk.queue.submit(job("a"), route)
    assert desk.queue.cancel("a", route)
    desk.queue.drain(1.0)
    assert heard == [("a", "cancelled", "", "Cancelled before it ran"), ("a", "completed", "other", "")]
    desk.queue.close("gone")
    assert [answer[1:] for answer in desk.answers] == [("failed", "", "gone")] * 2
    assert desk.told == ["GeneratorExit", "GeneratorExit"]
    assert not desk.queue.wait(0.0)
