"""Jobs that a local client starts without waiting for them: it asks how they are, and may cancel them (no bpy).

Names and answers are those of servers that frame by lines. All of it is answered on the port's thread, so that a job
can be asked about, and cancelled, while it keeps Blender's main thread.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .local_framing import BadRequest

START = "python.execute_async"
COMMANDS = (START, "job.status", "job.cancel", "job.list")
# Of those that have ended the oldest are forgotten.
MAX_KEPT = 100


@dataclass(slots=True)
class _Started:
    job_id: str
    created_at: float
    status: str = "queued"
    started_at: float | None = None
    completed_at: float | None = None
    cancellation_requested: bool = False
    result: Any = None
    stdout: str = ""
    stderr: str = ""
    error: str | None = None

    @property
    def ended(self) -> bool:
        return self.completed_at is not None


class StartedJobs:
    """What was started at one port. `began` may be called on any thread, the rest on the port's.

    `submit` is given the parameters of a `python.execute` and returns the job's id; `cancel` is given an id.
    """

    def __init__(self, cancel: Callable[[str], bool], clock: Callable[[], float] = time.time) -> None:
        self._cancel = cancel
        self._clock = clock
        self._jobs: dict[str, _Started] = {}

    def answer(self, command: str, params: dict[str, Any], submit: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
        """Return the result of one of COMMANDS. Raises BadRequest."""
        if command == START:
            return {"job_id": submit(params)}
        if command == "job.list":
            rows = self._jobs.values()
            return {"jobs": [{name: getattr(job, name) for name in ("job_id", "status", "created_at")} for job in rows]}
        job_id = params.get("job_id")
        job = self._jobs.get(job_id) if isinstance(job_id, str) else None
        if job is None:
            raise BadRequest(f"Unknown job: {str(job_id)[:200]}")
        if command == "job.status":
            return {name: getattr(job, name) for name in _Started.__slots__}
        if not job.ended:
            job.cancellation_requested = True
            self._cancel(job.job_id)
        return {name: getattr(job, name) for name in ("job_id", "status", "cancellation_requested")}

    def expect(self, job_id: str) -> None:
        """Note a job that is about to be submitted: it can begin at once."""
        surplus = max(0, len(self._jobs) - MAX_KEPT + 1)
        for old in [job.job_id for job in self._jobs.values() if job.ended][:surplus]:
            del self._jobs[old]
        self._jobs[job_id] = _Started(job_id, self._clock())

    def forget(self, job_id: str) -> None:
        """Take back what was expected: the queue did not take it."""
        self._jobs.pop(job_id, None)

    def began(self, job_id: str) -> None:
        """Note that a job runs."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.status, job.started_at = "running", self._clock()

    def finish(self, job_id: str, status: str, result: str, error: str) -> bool:
        """Note how a job ended; False if it is none of these."""
        job = self._jobs.get(job_id)
        if job is None:
            return False
        job.completed_at = self._clock()
        told = json.loads(result) if status == "completed" else {}
        job.result, job.error = told.get("result"), told.get("error", error or None)
        job.stdout, job.stderr = told.get("stdout", ""), told.get("stderr", "")
        if status == "cancelled" or told.get("cancelled"):
            job.status = "cancelled"
        else:
            job.status = "failed" if job.error else "succeeded"
        return True
