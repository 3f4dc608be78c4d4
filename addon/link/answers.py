"""Answers to jobs, kept until the bus has confirmed them (sans-I/O, no bpy).

An answer leaves this store only when the call that carried it was answered, so a connection that dies in between costs
nothing: after the next registration it is sent again, and the bus drops the second copy.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from .records import MAX_ERROR_BYTES, MAX_RESULT_BYTES, clean_text, cut_middle

MAX_KEPT_ANSWERS = 10_000
MAX_KEPT_BYTES = 64 * 1_048_576
# What goes beside a result: JSON, by the names of the envelope.
Extra = dict[str, Any] | None
TERMINAL_STATUSES = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Answer:
    """A terminal report on a job; `result` and `error` as in `blender_job_update`."""

    job_id: str
    status: str
    result: str = ""
    error: str = ""
    extra: Extra = None

    def arguments(self, with_extra: bool) -> dict[str, Any]:
        """Return the arguments of `blender_job_update`."""
        extra = {"extra": self.extra} if with_extra and self.extra else {}
        return {"job_id": self.job_id, "status": self.status, "result": self.result, "error": self.error, **extra}

    def size(self) -> int:
        """Return the bytes this answer keeps, give or take."""
        return len(self.result) + len(self.error) + len(str(self.extra or ""))


def bounded_answer(job_id: str, status: str, result: str, error: str, extra: Extra = None) -> Answer:
    """Return an answer the bus will take: too large a result turns it into `failed`, a long error is shortened."""
    if status not in TERMINAL_STATUSES:
        raise ValueError(f"status of an answer must be one of {', '.join(TERMINAL_STATUSES)}, not {status!r}")
    result, error = clean_text(result), clean_text(error)
    size = len(result.encode("utf-8"))
    if size > MAX_RESULT_BYTES:
        reason = (
            f"The result is {size} bytes; a result may have at most {MAX_RESULT_BYTES} bytes (1 MiB). "
            "The command itself ran. Return less, or write it to a file."
        )
        error = f"{reason}\n{error}" if error else reason
        status, result = "failed", ""
    return Answer(job_id, status, result, cut_middle(error, MAX_ERROR_BYTES), extra)


class KeptAnswers:
    """Answers in the order they were given: waiting, in flight, or gone once confirmed."""

    def __init__(self, max_answers: int = MAX_KEPT_ANSWERS, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._bytes = 0
        self._max_answers = max_answers
        self._max_bytes = max_bytes

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def job_ids(self) -> list[str]:
        """Return the jobs whose answers the bus has not confirmed."""
        return list(self._kept)

    def add(self, answer: Answer) -> bool:
        """Keep `answer`; return False when this job already has one (the first stands)."""
        if answer.job_id in self._kept:
            return False
        self._put(answer)
        self._make_room()
        return True

    def replace(self, answer: Answer) -> None:
        """Put `answer` in the place of the one the bus has refused."""
        self.confirm(answer.job_id)
        self._put(answer)

    def again(self, job_id: str) -> bool:
        """Let an answer that was in flight wait once more, from now on without what goes beside results: False."""
        if job_id in self._kept:
            self._waiting[job_id] = None
        return False

    def next_waiting(self) -> Answer | None:
        """Return the oldest answer that waits, which then counts as in flight."""
        if not self._waiting:
            return None
        job_id, _ = self._waiting.popitem(last=False)
        return self._kept[job_id]

    def has_waiting(self) -> bool:
        """Tell whether an answer waits to be sent."""
        return bool(self._waiting)

    def confirm(self, job_id: str) -> None:
        """Forget an answer: the bus has it."""
        answer = self._kept.pop(job_id, None)
        self._waiting.pop(job_id, None)
        if answer is not None:
            self._bytes -= answer.size()

    def connection_lost(self) -> None:
        """Everything unconfirmed waits again, in the old order."""
        self._waiting = OrderedDict.fromkeys(self._kept)

    def _put(self, answer: Answer) -> None:
        self._kept[answer.job_id] = answer
        self._waiting[answer.job_id] = None
        self._bytes += answer.size()

    def _make_room(self) -> None:
        """Offline for long: the oldest results shrink to a note, the oldest notes are dropped."""
        while len(self._kept) > self._max_answers:
            self.confirm(next(iter(self._kept)))
        if self._bytes <= self._max_bytes:
            return
        for job_id, answer in list(self._kept.items()):
            if answer.size() > 1024 and job_id in self._waiting:
                note = f"The result ({answer.size()} characters) was dropped: too much was kept while the bus was away."
                self._bytes -= answer.size()
                self._kept[job_id] = Answer(job_id, "failed", "", note)
                self._bytes += self._kept[job_id].size()
            if self._bytes <= self._max_bytes // 2:
                return
