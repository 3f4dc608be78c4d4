"""Jobs on their way to Blender's main thread: a priority queue that other threads fill and the main thread drains.

bpy may be used on the main thread only. With a window a bpy.app.timers callback drains the queue within a time budget
per tick, so that the interface stays fluid; headless, where timers never fire, a loop drains it.
"""

from __future__ import annotations

import heapq
import threading
import time
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from ..records import WAITS_FOR_CONSENT, Job
from ..transfers.carrier import Carrier
from .control import JobControl
from .interrupt import Interrupter, JobCancelled
from .watch import Watch

MAX_QUEUED = 10_000
TICK_BUDGET = 0.02
IDLE_INTERVAL = 0.02
BUSY_INTERVAL = 0.001
FINISHED_KEPT = 20

# For the code that callers send; there is one main thread, and so one of these.
interrupter = Interrupter()


def in_full(failure: BaseException) -> str:
    """Return a traceback, even of an exception of a class that raises others when it is looked at."""
    try:
        return "".join(traceback.format_exception(failure))
    except BaseException:
        return f"{type.__getattribute__(type(failure), '__name__')}: an exception that cannot be shown"


class QueueFull(Exception):
    """More jobs wait than the queue takes."""


class JobFailed(Exception):
    """A job ended in an error whose text is already fit for the caller (no traceback of the extension is added)."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that has ended, for the panel; `seconds` is its run time."""

    job_id: str
    command: str
    status: str
    seconds: float


# What a job in steps hands out to leave the main thread for a while: something that will be done, or seconds to wait.
Pause = Future[Any] | float
Steps = Generator[Pause, Any, str]
Runner = Callable[[Job, JobControl], "str | Steps"]
# Given id, status, result and error of a job; as a fifth what goes beside the result, of jobs that have such; and as
# `whole` the file that holds all of a result, where `result` is its head only.
Answer = Callable[..., None]
# Given id, percent and message; as a fourth for how many seconds nothing else could run, of a job that does not yield.
Report = Callable[..., None]


def unreported(job_id: str, percent: float, message: str, busy: float | None = None) -> None:
    """Where nobody wants to hear of progress."""


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """Where jobs come from: what runs them, and where answers and progress go."""

    run: Runner
    answer: Answer
    report: Report = unreported
    # The user can be asked there too whether a job may run.
    remote: bool = False
    # Told when a job begins.
    began: Callable[[str], None] = lambda job_id: None
    # What carries files there.
    files: Carrier | None = None


@dataclass(slots=True, eq=False)
class _Task:
    """A job in the queue. `steps` is its generator once it has paused; `pause` is what it paused for."""

    job: Job
    route: Route
    control: JobControl
    order: int
    steps: Steps | None = None
    pause: Pause = 0.0
    started: float = 0.0

    def __lt__(self, other: _Task) -> bool:
        return (self.job.priority, self.order) < (other.job.priority, other.order)


class MainThreadQueue:
    """Jobs by priority, then by arrival. Any thread may `submit` and `cancel`; the main thread drains and closes.

    A runner returns the result, or a generator: whatever waits for the network or for the user yields a future, polling
    yields seconds, and in the meantime other jobs run. What is between two yields runs on the main thread.
    """

    def __init__(
        self,
        run: Runner,
        answer: Answer = lambda *answer: None,
        report: Report = unreported,
        *,
        max_queued: int = MAX_QUEUED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._route = Route(run, answer, report)
        self._max_queued = max_queued
        self._clock = clock
        self._heap: list[_Task] = []
        self._paused: set[_Task] = set()
        self._arrivals = 0
        self._ready = threading.Condition()
        self._running: _Task | None = None
        self._drained_by = 0
        self._watch = Watch(lambda: self.running, interrupter)
        self.finished: list[Finished] = []
        # Called on the main thread when the job that runs tells how far it is.
        self.show: Callable[[JobControl], None] = lambda control: None

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def running(self) -> JobControl | None:
        """Return the job that runs now, if any."""
        task = self._running
        return task.control if task is not None else None

    @property
    def active(self) -> list[JobControl]:
        """Return the job that runs now and those that have begun and wait for something."""
        with self._ready:
            begun = [task for task in (self._running, *self._paused) if task is not None]
        return [task.control for task in sorted(begun)]

    @property
    def upcoming(self) -> JobControl | None:
        """Return the job that is next, if it has not begun."""
        with self._ready:
            task = self._heap[0] if self._heap else None
        return task.control if task is not None and task.steps is None else None

    def submit(self, job: Job, route: Route | None = None) -> JobControl:
        """Queue a job, by default for the queue's own route, and return its control. Raises QueueFull."""
        route = route or self._route
        with self._ready:
            if len(self._heap) + len(self._paused) >= self._max_queued:
                raise QueueFull(f"This Blender is busy: {len(self._heap) + len(self._paused)} jobs wait already")
            control = JobControl(job, route.report, self._clock, self.show, remote=route.remote, files=route.files)
            self._push(_Task(job, route, control, self._arrivals))
            self._arrivals += 1
        return control

    def cancel(self, job_id: str, route: Route | None = None) -> bool:
        """Drop a queued job (answered `cancelled`) or ask one that has begun to stop; False for an unknown id."""
        route = route or self._route
        with self._ready:
            known = [*self._heap, *self._paused, *([self._running] if self._running else [])]
            task = next((task for task in known if task.job.job_id == job_id and task.route is route), None)
            if task is None:
                return False
            task.control.cancelled.set()
            self._wake(task)
            if task is self._running or task.steps is not None:
                return True
            self._heap.remove(task)
            heapq.heapify(self._heap)
        task.route.answer(job_id, "cancelled", "", "Cancelled before it ran")
        return True

    def decide(self, job_id: str, allow: bool, route: Route | None = None) -> None:
        """Tell a job that waits for consent whether it may run. Without effect on any other."""
        route = route or self._route
        with self._ready:
            for task in (*self._heap, *self._paused):
                asks = task.steps is not None and task.control.message == WAITS_FOR_CONSENT
                if asks and task.job.job_id == job_id and task.route is route:
                    task.control.allowed = allow

    def close(self, reason: str, route: Route | None = None) -> None:
        """Answer everything of a route that waits with `failed` and ask its running job to stop."""
        route = route or self._route
        with self._ready:
            closed = sorted(task for task in (*self._heap, *self._paused) if task.route is route)
            self._heap = [task for task in self._heap if task.route is not route]
            heapq.heapify(self._heap)
            self._paused -= set(closed)
            # Not if its own code closes us, as by loading factory settings: that must come to its end.
            within = threading.get_ident() == self._drained_by
            if self._running is not None and self._running.route is route and not within:
                self._running.control.cancelled.set()
            idle = self._running is None or within
        if idle:
            self._watch.stop()
        for task in closed:
            task.control.cancelled.set()
            problem = ""
            try:
                if task.steps is not None:
                    task.steps.close()
            except BaseException as failure:
                # What one does at its end must not keep the others from their answers.
                problem = "\n" + in_full(failure)
            task.route.answer(task.job.job_id, "failed", "", reason + problem)

    def wait(self, timeout: float) -> bool:
        """Block until a job is ready to run, for at most `timeout` seconds; return whether one is."""
        until = self._clock() + timeout
        with self._ready:
            while True:
                self._wake_due()
                now = self._clock()
                if self._heap or now >= until:
                    return bool(self._heap)
                due = [task.pause for task in self._paused if isinstance(task.pause, float)]
                self._ready.wait(max(0.001, min([until, *due]) - now))

    def drain(self, budget: float = TICK_BUDGET) -> int:
        """Run jobs until none is ready or `budget` seconds are used; at least one if any. Return how many turns ran."""
        if self._running is not None:
            # A job that makes Blender process events can bring the timer here again: one job at a time.
            return 0
        started = self._clock()
        count = 0
        while True:
            with self._ready:
                self._wake_due()
                if not self._heap:
                    return count
                task = self._running = heapq.heappop(self._heap)
                self._drained_by = threading.get_ident()
            try:
                self._turn(task)
            finally:
                self._running = None
            count += 1
            if self._clock() - started >= budget:
                return count

    def _turn(self, task: _Task) -> None:
        """Run a job to its end or to its next pause."""
        status, result, error = "failed", "", ""
        task.control.started = time.monotonic()
        self._watch.wake()
        try:
            pause = self._advance(task)
            if not isinstance(pause, str):
                self._hold(task, pause)
                return
            status, result = "completed", pause
        except JobCancelled as cancelled:
            status, error = "cancelled", "\n".join([task.control.reason, *map(str, cancelled.args)])
        except JobFailed as failure:
            error = str(failure)
        except BaseException as failure:
            # Whatever a command raises, SystemExit and KeyboardInterrupt included, must not end Blender.
            error = in_full(failure)
        job = task.job
        self.finished.append(Finished(job.job_id, job.command, status, self._clock() - task.started))
        del self.finished[:-FINISHED_KEPT]
        extra = (task.control.extra,) if task.control.extra else ()
        whole = task.control.take_whole(wanted=status == "completed")
        task.route.answer(job.job_id, status, result, error, *extra, **whole)

    def _advance(self, task: _Task) -> str | Pause:
        if task.steps is None:
            task.started = self._clock()
            task.route.began(task.job.job_id)
            produced = task.route.run(task.job, task.control)
            if isinstance(produced, str):
                return produced
            task.steps = produced
            task.pause = 0.0
        try:
            if task.control.cancelled.is_set():
                return task.steps.throw(JobCancelled())
            if not isinstance(task.pause, Future):
                return next(task.steps)
            problem = task.pause.exception()
            return task.steps.send(task.pause.result()) if problem is None else task.steps.throw(problem)
        except StopIteration as end:
            return str(end.value)

    def _hold(self, task: _Task, pause: Pause) -> None:
        with self._ready:
            task.pause = pause if isinstance(pause, Future) else self._clock() + float(pause)
            self._paused.add(task)
            told, task.control.told_busy = task.control.told_busy, False
            if task.control.cancelled.is_set():
                self._wake(task)
        if told:
            # Others can run again.
            task.control.report(task.job.job_id, task.control.percent, task.control.message)
        if isinstance(pause, Future):
            pause.add_done_callback(lambda _: self._done(task))

    def _done(self, task: _Task) -> None:
        with self._ready:
            self._wake(task)

    def _wake_due(self) -> None:
        now = self._clock()
        for task in [task for task in self._paused if isinstance(task.pause, float) and task.pause <= now]:
            self._wake(task)

    def _wake(self, task: _Task) -> None:
        if task in self._paused:
            self._paused.discard(task)
            self._push(task)

    def _push(self, task: _Task) -> None:
        heapq.heappush(self._heap, task)
        self._ready.notify_all()


def start_timer(tick: Callable[[], float]) -> Callable[[], None]:
    """Call `tick`, which returns the seconds until its next turn, from a Blender timer. Returns what ends it."""
    import bpy

    stopped = False

    def guarded() -> float:
        try:
            return tick()
        except BaseException:
            # Blender drops a timer that raises; the queue must go on.
            traceback.print_exc()
            return 1.0
        finally:
            if not stopped and not bpy.app.timers.is_registered(guarded):
                # A job has unregistered every timer that it could find.
                register()

    def register() -> None:
        bpy.app.timers.register(guarded, first_interval=IDLE_INTERVAL, persistent=True)

    register()

    def stop() -> None:
        nonlocal stopped
        stopped = True
        if bpy.app.timers.is_registered(guarded):
            bpy.app.timers.unregister(guarded)

    return stop


def run_loop(
    queue: MainThreadQueue,
    stopped: Callable[[], bool],
    wait: float = 0.5,
    after_turn: Callable[[], None] = lambda: None,
) -> None:
    """Drain `queue` on this thread until `stopped()`, for Blender without a window; `after_turn` follows each job."""
    while not stopped():
        if queue.wait(wait):
            queue.drain(budget=0.0)
            after_turn()
