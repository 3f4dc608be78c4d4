"""Carries files on threads of its own, at most four at once; the others wait in the order they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from ..credentials import TokenSource
from .download import download
from .http import FileServer
from .model import DOWN, UP, Downloaded, File, Report, Transfer, TransferCancelled, TransferFailed
from .upload import Outgoing, upload

MAX_AT_ONCE = 4
MAX_WAITING = 10_000


class _Work:
    """A transfer, what it does, and who waits for it."""

    def __init__(self, transfer: Transfer, action: Callable[[], Any]) -> None:
        self.transfer = transfer
        self.action = action
        self.future: Future[Any] = Future()
        self._guard = threading.Lock()

    def end(self, result: Any = None, problem: BaseException | None = None) -> None:
        """Tell who waits; without effect the second time."""
        with self._guard:
            if self.future.done():
                return
            if problem is None:
                self.future.set_result(result)
            else:
                self.future.set_exception(problem)


class Carrier:
    """The files of one peer, to and from its server. Safe from any thread. Raises InvalidServerUrl when made."""

    def __init__(
        self, server: str, tokens: TokenSource, user_agent: str = "BlenderBus", max_at_once: int = MAX_AT_ONCE
    ) -> None:
        self._server = FileServer(server, tokens, user_agent)
        self._max_at_once = max_at_once
        self._waiting: deque[_Work] = deque()
        self._running: list[_Work] = []
        self._closed = ""
        self._guard = threading.Lock()

    def upload(
        self,
        path: Path,
        name: str,
        mime_type: str,
        *,
        job_id: str = "",
        cancelled: threading.Event | None = None,
        report: Report = lambda transfer: None,
    ) -> Future[File]:
        """Send the file at `path`; the future has its File, or TransferFailed. `cancelled` ends it."""
        transfer = Transfer(UP, name, job_id, cancelled=cancelled or threading.Event(), report=report)
        outgoing = Outgoing(path, name, mime_type)
        return self._submit(_Work(transfer, lambda: upload(self._server, transfer, outgoing)))

    def download(
        self,
        file_id: str,
        path: Path,
        *,
        job_id: str = "",
        cancelled: threading.Event | None = None,
        report: Report = lambda transfer: None,
    ) -> Future[Downloaded]:
        """Write a file to `path`; the future has what arrived, or TransferFailed. `cancelled` ends it."""
        transfer = Transfer(DOWN, file_id, job_id, cancelled=cancelled or threading.Event(), report=report)
        return self._submit(_Work(transfer, lambda: download(self._server, transfer, file_id, path)))

    @property
    def transfers(self) -> list[Transfer]:
        """Return what is on its way and what waits, in the order it came."""
        with self._guard:
            return [work.transfer for work in (*self._running, *self._waiting)]

    def close(self, reason: str) -> None:
        """End everything now, and take nothing any more."""
        with self._guard:
            self._closed = reason
            ended = [*self._running, *self._waiting]
            self._waiting.clear()
        for work in ended:
            work.transfer.reason = reason
            work.transfer.cancelled.set()
            work.end(problem=TransferFailed(f"{work.transfer.name} did not get through: {reason}"))

    def _submit(self, work: _Work) -> Future[Any]:
        with self._guard:
            full = len(self._waiting) >= MAX_WAITING
            if not self._closed and not full:
                self._waiting.append(work)
                self._begin_next()
                return work.future
        work.end(problem=TransferFailed(self._closed or f"{MAX_WAITING} files wait to be carried already"))
        return work.future

    def _begin_next(self) -> None:
        """With the guard held: start what may run."""
        while self._waiting and len(self._running) < self._max_at_once:
            work = self._waiting.popleft()
            self._running.append(work)
            work.transfer.waits = ""
            threading.Thread(target=self._run, args=(work,), name="blender-bus-transfer", daemon=True).start()
        for work in self._waiting:
            work.transfer.waits = f"waits for {self._max_at_once} others"

    def _run(self, work: _Work) -> None:
        result: Any = None
        problem: BaseException | None = None
        try:
            work.transfer.check()
            result = work.action()
            work.transfer.check()
        except TransferFailed as failure:
            problem = failure
        except BaseException as failure:
            problem = TransferFailed(f"{work.transfer.name}: {type(failure).__name__}: {failure}")
        with self._guard:
            self._running.remove(work)
            self._begin_next()
        work.end(result, problem)


__all__ = ["Carrier", "Downloaded", "File", "Transfer", "TransferCancelled", "TransferFailed"]
