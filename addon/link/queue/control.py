"""What a running job sees of its caller: progress to report, and whether it is to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..records import Job
from ..transfers.carrier import Carrier
from .interrupt import JobCancelled

PROGRESS_INTERVAL = 0.1


@dataclass(slots=True)
class JobControl:
    """What a running job sees of its caller."""

    job: Job
    report: Callable[..., None]
    clock: Callable[[], float] = time.monotonic
    # Shows progress to whoever sits before this Blender, at once; main thread.
    show: Callable[[JobControl], None] = lambda control: None
    cancelled: threading.Event = field(default_factory=threading.Event)
    # Whoever asked has left: what has begun goes on, but nobody need be asked about it any more.
    deserted: threading.Event = field(default_factory=threading.Event)
    percent: float = 0.0
    message: str = ""
    # A question about it can be answered away from this Blender, and how it was.
    remote: bool = False
    allowed: bool | None = None
    # When its last turn on the main thread began.
    started: float = 0.0
    # Its caller was told that nothing else can run meanwhile.
    told_busy: bool = False
    # Seconds it may run, when they are over, and why it was ended if not for a cancel.
    deadline: float | None = None
    ends_at: float | None = None
    reason: str = "Cancelled while it ran"
    # What goes beside the result, by the names of the envelope: stderr, value, changes.
    extra: dict[str, Any] = field(default_factory=dict)
    # Carries files to and from the server; None for a job of the local port, whose caller reads this disk.
    files: Carrier | None = None
    # A temporary file with all of a result that is too large for memory; whoever answers deletes it.
    whole: Path | None = None
    _reported_at: float = -PROGRESS_INTERVAL
    _reported: tuple[float, str] | None = None

    def progress(self, percent: float, message: str = "") -> None:
        """Report progress in percent; repetitions, and more than ten reports a second, are left out."""
        if (percent, message) == self._reported:
            return
        self.percent, self.message = percent, message
        now = self.clock()
        if now - self._reported_at >= PROGRESS_INTERVAL:
            self._reported_at, self._reported = now, (percent, message)
            self.report(self.job.job_id, percent, message)
            if threading.current_thread() is threading.main_thread():
                self.show(self)

    def end_after(self, seconds: float) -> None:
        """End the job by itself once it has run for `seconds` from now."""
        self.deadline, self.ends_at = seconds, time.monotonic() + seconds

    def take_whole(self, *, wanted: bool) -> dict[str, Path]:
        """Return the file with all of the result as an argument of an answer; delete it if it is not `wanted`."""
        path, self.whole = self.whole, None
        if path is None:
            return {}
        if not wanted:
            path.unlink(missing_ok=True)
            return {}
        return {"whole": path}

    def check_cancelled(self) -> None:
        """Raise JobCancelled when the caller has asked to stop; call it wherever stopping is safe."""
        if self.cancelled.is_set():
            raise JobCancelled
