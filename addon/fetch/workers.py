"""Threads for what must not block Blender's main thread. Each piece of work is one daemon thread, and they are few."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

MAX_THREADS = 16
T = TypeVar("T")


class TooBusy(Exception):
    """Every thread is in use; the message is for the caller."""


class Workers:
    """Runs functions on threads of their own. Safe from any thread."""

    def __init__(self, max_threads: int = MAX_THREADS) -> None:
        self._max_threads = max_threads
        self._threads: set[threading.Thread] = set()
        self._guard = threading.Lock()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Start `work` and return its future. Raises TooBusy."""
        future: Future[T] = Future()
        thread = threading.Thread(target=self._run, args=(work, future), name="blender-bus-work", daemon=True)
        with self._guard:
            if len(self._threads) >= self._max_threads:
                raise TooBusy(f"{self._max_threads} downloads run already; try again when one has ended")
            self._threads.add(thread)
        thread.start()
        return future

    def join(self, timeout: float) -> bool:
        """Wait for what runs; return whether all of it has ended."""
        until = time.monotonic() + timeout
        with self._guard:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _run(self, work: Callable[[], Any], future: Future[Any]) -> None:
        result: Any = None
        problem: BaseException | None = None
        try:
            result = work()
        except BaseException as error:
            problem = error
        with self._guard:
            self._threads.discard(threading.current_thread())
        if problem is None:
            future.set_result(result)
        else:
            future.set_exception(problem)


workers = Workers()
