"""Jobs on their way to Blender's main thread: a priority queue that other threads fill and the main thread drains.

bpy may be used on the main thread only. With a window a bpy.app.timers callback drains the queue within a time budget
per tick, so that the interface stays fluid; headless, where timers never fire, a loop drains it.
"""

from __future__ import annotations

import heapq
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from .records import Job

MAX_QUEUED = 10_000
TICK_BUDGET = 0.02
IDLE_INTERVAL = 0.02
BUSY_INTERVAL = 0.001
PROGRESS_INTERVAL = 0.1
FINISHED_KEPT = 20


class QueueFull(Exception):
    """More jobs wait than the queue takes."""


class JobCancelled(BaseException):
    """Raised inside a running job that was cancelled; not an Exception, so that job code does not swallow it."""


class JobFailed(Exception):
    """A job ended in an error whose text is already fit for the caller (no traceback of the extension is added)."""


@dataclass(slots=True)
class JobControl:
    """What a running job sees of its caller."""

    job: Job
    report: Callable[[str, float, str], None]
    clock: Callable[[], float] = time.monotonic
    cancelled: threading.Event = field(default_factory=threading.Event)
    percent: float = 0.0
    message: str = ""
    _reported_at: float = -PROGRESS_INTERVAL

    def progress(self, percent: float, message: str = "") -> None:
        """Report progress in percent; more than ten reports a second are thinned out."""
        self.percent, self.message = percent, message
        now = self.clock()
        if now - self._reported_at >= PROGRESS_INTERVAL:
            self._reported_at = now
            self.report(self.job.job_id, percent, message)

    def check_cancelled(self) -> None:
        """Raise JobCancelled when the caller has asked to stop; call it wherever stopping is safe."""
        if self.cancelled.is_set():
            raise JobCancelled


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that has ended, for the panel; `seconds` is its run time."""

    job_id: str
    command: str
    status: str
    seconds: float


Runner = Callable[[Job, JobControl], str]
Answer = Callable[[str, str, str, str], None]


class MainThreadQueue:
    """Jobs by priority, then by arrival. Any thread may `submit` and `cancel`; the main thread drains."""

    def __init__(
        self,
        run: Runner,
        answer: Answer,
        report: Callable[[str, float, str], None] = lambda job_id, percent, message: None,
        *,
        max_queued: int = MAX_QUEUED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._answer = answer
        self._report = report
        self._max_queued = max_queued
        self._clock = clock
        self._heap: list[tuple[int, int, Job]] = []
        self._arrivals = 0
        self._ready = threading.Condition()
        self._running: JobControl | None = None
        self.finished: list[Finished] = []

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def running(self) -> JobControl | None:
        """Return the job that runs now, if any."""
        return self._running

    def submit(self, job: Job) -> None:
        """Queue a job. Raises QueueFull."""
        with self._ready:
            if len(self._heap) >= self._max_queued:
                raise QueueFull(f"This Blender is busy: {len(self._heap)} jobs wait already")
            heapq.heappush(self._heap, (job.priority, self._arrivals, job))
            self._arrivals += 1
            self._ready.notify_all()

    def cancel(self, job_id: str) -> bool:
        """Drop a queued job (answered `cancelled`) or ask a running one to stop; False for an unknown id."""
        with self._ready:
            running = self._running
            if running is not None and running.job.job_id == job_id:
                running.cancelled.set()
                return True
            kept = [entry for entry in self._heap if entry[2].job_id != job_id]
            if len(kept) == len(self._heap):
                return False
            heapq.heapify(kept)
            self._heap = kept
        self._answer(job_id, "cancelled", "", "Cancelled before it ran")
        return True

    def close(self, reason: str) -> None:
        """Answer everything that waits with `failed` and ask the running job to stop."""
        with self._ready:
            waiting, self._heap = self._heap, []
            if self._running is not None:
                self._running.cancelled.set()
        for _, _, job in sorted(waiting):
            self._answer(job.job_id, "failed", "", reason)

    def wait(self, timeout: float) -> bool:
        """Block until a job waits, for at most `timeout` seconds; return whether one does."""
        with self._ready:
            return self._ready.wait_for(lambda: bool(self._heap), timeout)

    def drain(self, budget: float = TICK_BUDGET) -> int:
        """Run jobs until none is left or `budget` seconds are used; at least one if any. Return how many ran."""
        if self._running is not None:
            # A job that makes Blender process events can bring the timer here again: one job at a time.
            return 0
        started = self._clock()
        count = 0
        while True:
            with self._ready:
                if not self._heap:
                    return count
                job = heapq.heappop(self._heap)[2]
                control = self._running = JobControl(job, self._report, self._clock)
            try:
                self._perform(job, control)
            finally:
                self._running = None
            count += 1
            if self._clock() - started >= budget:
                return count

    def _perform(self, job: Job, control: JobControl) -> None:
        started = self._clock()
        status, result, error = "failed", "", ""
        try:
            result = self._run(job, control)
            status = "completed"
        except JobCancelled:
            status, error = "cancelled", "Cancelled while it ran"
        except JobFailed as failure:
            error = str(failure)
        except BaseException as failure:
            # Whatever a command raises, SystemExit and KeyboardInterrupt included, must not end Blender.
            error = "".join(traceback.format_exception(failure))
        finally:
            self.finished.append(Finished(job.job_id, job.command, status, self._clock() - started))
            del self.finished[:-FINISHED_KEPT]
            self._answer(job.job_id, status, result, error)


def start_timer(tick: Callable[[], float]) -> Callable[[], None]:
    """Call `tick`, which returns the seconds until its next turn, from a Blender timer. Returns what ends it."""
    import bpy

    def guarded() -> float:
        try:
            return tick()
        except Exception:
            # Blender drops a timer that raises; the queue must go on.
            traceback.print_exc()
            return 1.0

    bpy.app.timers.register(guarded, first_interval=IDLE_INTERVAL, persistent=True)

    def stop() -> None:
        if bpy.app.timers.is_registered(guarded):
            bpy.app.timers.unregister(guarded)

    return stop


def run_loop(queue: MainThreadQueue, stopped: Callable[[], bool], wait: float = 0.5) -> None:
    """Drain `queue` on this thread until `stopped()`; for Blender without a window."""
    while not stopped():
        if queue.wait(wait):
            queue.drain(budget=0.0)
