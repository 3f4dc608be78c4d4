"""Run one command of the extension in this process, as a job would."""

from __future__ import annotations

import json
import time
from typing import Any

from addon.link.queue.control import JobControl
from addon.link.queue.main_thread import MainThreadQueue, Steps
from addon.link.records import Job

MAX_SECONDS = 60.0


class Outcome:
    """How a job ended."""

    def __init__(self, status: str, result: str, error: str, extra: dict[str, Any] | None = None) -> None:
        self.status = status
        self.result = result
        self.error = error
        self.extra = extra or {}

    @property
    def document(self) -> Any:
        assert self.status == "completed", self.error
        return json.loads(self.result)


def run(command: str, **params: Any) -> Outcome:
    """Run a command through the real queue and registry."""
    return start(command, [], **params)


def run_locally(command: str, **params: Any) -> Outcome:
    """Run a command as the local port does."""
    from addon.commands import local

    return start(command, [], local.run_local, **params)


def start(command: str, control_out: list[JobControl], runner: Any = None, **params: Any) -> Outcome:
    """As `run`, but hand out the job's control before it starts, so that a test can cancel it."""
    from addon.commands import registry

    answers: list[tuple[Any, ...]] = []

    def note(job: Job, control: JobControl) -> str | Steps:
        control_out.append(control)
        return (runner or registry.run)(job, control)

    queue = MainThreadQueue(note, lambda *answer: answers.append(answer))
    queue.submit(Job("j-test", command, params))
    until = time.monotonic() + MAX_SECONDS
    while not answers and time.monotonic() < until:
        # What a job waits for comes from other threads: the test turns the crank.
        if queue.wait(0.05):
            queue.drain()
    [(_, status, result, error, *extra)] = answers
    return Outcome(status, result, error, *extra)
