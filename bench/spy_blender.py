"""A Blender that serves the bus and notes when what happened to each job. Started by bench/blender.mjs.

python bench/spy_blender.py window URL TOKEN      the extension, its timer's ticks as often as it asks for them
python bench/spy_blender.py headless URL TOKEN    `python -m addon`

The extension is as it is: what tells is put around its functions here. Times are seconds of the system's steady clock;
a job reads them from the module `bench_times`.
"""

from __future__ import annotations

import importlib
import sys
import time
import types
from collections import defaultdict
from pathlib import Path
from typing import Any

EXTENSION = "bl_ext.user_default.blender_bus"

times: dict[str, dict[str, float]] = defaultdict(dict)
# How often the timer has fired. Of a job it is noted for how many more times it waited.
turns = 0


def watch(package: str) -> None:
    """Note when a job arrives, begins on the main thread, is answered there, and its answer goes to the socket."""
    protocol = importlib.import_module(f"{package}.link.protocol")
    link = importlib.import_module(f"{package}.link.connection").Link
    peer = protocol.PeerProtocol
    receive, call, began, answer = peer.receive, peer._call, link.began, link.answer

    def receive_noted(self: Any, text: str, now: float) -> Any:
        at = time.monotonic()
        events = receive(self, text, now)
        for event in events:
            if isinstance(event, protocol.JobArrived):
                times[event.job.job_id] |= {"arrived": at, "turns": -turns}
        return events

    def began_noted(self: Any, job_id: str) -> None:
        times[job_id]["began"] = time.monotonic()
        times[job_id]["turns"] += turns
        began(self, job_id)

    def answer_noted(self: Any, job_id: str, *rest: Any) -> None:
        times[job_id]["ended"] = time.monotonic()
        answer(self, job_id, *rest)

    def call_noted(self: Any, tool: str, arguments: dict[str, Any], job_id: str | None, now: float) -> str:
        frame: str = call(self, tool, arguments, job_id, now)
        if job_id is not None:
            times[job_id]["sent"] = time.monotonic()
        return frame

    peer.receive, peer._call, link.began, link.answer = receive_noted, call_noted, began_noted, answer_noted


def with_window(url: str, token: str) -> None:
    """Turn the timer as Blender does, which without a window never fires."""
    global turns
    # With it come the paths of Blender's own modules.
    import bpy  # isort: skip
    import addon_utils

    bpy.context.preferences.system.use_online_access = True
    assert addon_utils.enable(EXTENSION, default_set=True) is not None
    watch(EXTENSION)
    preferences = bpy.context.preferences.addons[EXTENSION].preferences
    session = importlib.import_module(f"{EXTENSION}.preferences").session
    preferences.server_url, preferences.token = url, token
    session.connect()
    while True:
        turns += 1
        time.sleep(session._tick())


def headless(url: str, token: str) -> None:
    """Serve as without a window."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    watch("addon")
    importlib.import_module("addon.headless").main(["--server", url, "--token", token])


if __name__ == "__main__":
    told = types.ModuleType("bench_times")
    told.times = times  # type: ignore[attr-defined]
    sys.modules["bench_times"] = told
    {"window": with_window, "headless": headless}[sys.argv[1]](*sys.argv[2:])
