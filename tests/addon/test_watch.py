"""What the thread beside the main thread may not do to the job that it looks at."""

from __future__ import annotations

import time
import weakref

from addon.link.queue.control import JobControl
from addon.link.queue.interrupt import Interrupter
from addon.link.queue.watch import POLL_INTERVAL, Watch
from addon.link.records import Job


class Held:
    """Something of Blender's, which is freed when the call that had it has ended."""


def test_what_a_call_had_is_gone_when_it_ends_though_it_was_looked_at() -> None:
    control = JobControl(Job("j-test", "search_api", {}), lambda *told: None)
    looks: list[JobControl] = []
    watch = Watch(lambda: looks.append(control) or control, Interrupter())
    kept: list[weakref.ref[Held]] = []

    def call() -> None:
        held = Held()
        kept.append(weakref.ref(held))
        before = len(looks)
        while len(looks) < before + 2:
            time.sleep(POLL_INTERVAL / 10)

    watch.wake()
    try:
        call()
        assert kept[0]() is None
    finally:
        watch.stop()
