"""What the thread beside the main thread may not do to the job that it looks at."""

from __future__ import annotations

import subprocess
import sys
import time
import weakref
from pathlib import Path

from addon.link.queue.control import JobControl
from addon.link.queue.interrupt import Interrupter
from addon.link.queue.watch import POLL_INTERVAL, Watch
from addon.link.records import Job

ROOT = Path(__file__).resolve().parents[2]
# Threads that look and leave garbage, whose collection calls something, while others begin and end.
BUSY = """
import gc, sys, threading, time, weakref
from addon.link.queue.stacks import place_of

class Node:
    pass

def garbage():
    node = Node()
    node.itself = node
    return weakref.ref(node, lambda _: [None for _ in range(50)])

kept = []
def look(until, main):
    while time.monotonic() < until:
        kept[:] = [garbage() for _ in range(20)]
        place_of(main)

gc.set_threshold(1)
sys.setswitchinterval(1e-6)
until = time.monotonic() + 3
main = threading.main_thread().ident
for _ in range(3):
    threading.Thread(target=look, args=(until, main), daemon=True).start()
while time.monotonic() < until:
    one = threading.Thread(target=len, args=("",))
    one.start()
    one.join()
print("alive", gc.isenabled())
"""


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


def test_looking_never_stops_python_though_garbage_is_collected_and_threads_come_and_go() -> None:
    # In a process of its own: what this is about would end no other way.
    done = subprocess.run([sys.executable, "-c", BUSY], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "alive True\n", done.stderr
