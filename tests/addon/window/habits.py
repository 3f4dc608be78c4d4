"""What models write, in a Blender with a window: habits with undo and redo by a person, bad code, hints, endurance.

    python3 tests/addon/window/habits.py --pictures FOLDER [--only PART] [--times 100] [--jobs 1000]

Run by hand, as run.py beside it; it needs no places of buttons, so that it runs on every version from 4.3 on.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from person import Together, connect
from run import STEADY_MB, screen

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[2])]

from bus_double import BusDouble  # noqa: E402
from habits_of_models import BAD, HABITS, scene  # noqa: E402

from addon.commands.hints import calls, data, shading  # noqa: E402
from addon.commands.hints.row import Row  # noqa: E402

SCENE = (
    f"import json\nfrom typing import Any\n{inspect.getsource(scene)}\nprint(json.dumps(scene(bpy), sort_keys=True))"
)
NEXT = "bpy.context.scene.frame_set(7)\nprint(bpy.context.scene.frame_current)"
# Changes that the description of the scene does not hold.
UNSEEN = ("cursor", "world", "uv", "shape key", "image")
BUSY = (
    "import threading, time\nstop = bpy.app.driver_namespace['stop'] = threading.Event()\ndef work():\n"
    "    while not stop.wait(0.002): [str(number) for number in range(300)]\n"
    "for _ in range(3): threading.Thread(target=work, daemon=True).start()"
)
ENDLESS = (
    "while True: pass",
    "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
    "import time\nwhile True: time.sleep(0.01)",
    "while True: bpy.data.objects['Cube'].location.x += 0.001",
)
_CLOSES_AREAS = (
    "w = bpy.context.window_manager.windows[0]\n"
    "areas = [a for a in w.screen.areas if a.type != 'VIEW_3D'][:2]\n"
    "for a in areas:\n    with bpy.context.temp_override(window=w, area=a, region=a.regions[0]):\n"
    "        print(bpy.ops.screen.area_close())"
)
# Bad code that needs a window, or that the process of the tests would not outlive.
WINDOWED = {
    "closes its own area": "print(bpy.ops.screen.area_close())\nprogress(50, 'still here')",
    "closes other areas": _CLOSES_AREAS,
    "no 3D viewport left": "for a in bpy.context.screen.areas: a.type = 'TEXT_EDITOR'",
    "a 3D viewport again": "bpy.context.window_manager.windows[0].screen.areas[0].type = 'VIEW_3D'",
    "another workspace": "bpy.context.window_manager.windows[0].workspace = bpy.data.workspaces[-1]",
    "opens a window": "bpy.ops.wm.window_new()",
    "closes a window": "w = bpy.context.window_manager.windows[-1]\n"
    "with bpy.context.temp_override(window=w): bpy.ops.wm.window_close()",
    "full screen and back": "bpy.ops.screen.screen_full_area()\nbpy.ops.screen.back_to_previous()",
    "closes standard input": "import os\nos.close(0)",
    "forks": "import os\npid = os.fork()\nprint('parent' if pid else 'child')\nif pid: os.waitpid(pid, 0)",
    "forks and goes on": "import os, time\nif not os.fork(): time.sleep(2)\nprint('x')",
    "threads that go on": "import threading, time\ndef w():\n    for i in range(60):\n"
    "        print(len(bpy.data.objects)); time.sleep(0.05)\n"
    "for i in range(5): threading.Thread(target=w, daemon=True).start()",
    "drawing that raises": "def d(): raise ValueError('draw')\n"
    "bpy.types.SpaceView3D.draw_handler_add(d, (), 'WINDOW', 'POST_PIXEL')",
    "modal operator that raises": "class OT(bpy.types.Operator):\n    bl_idname = 'wm.bad_modal'\n    bl_label = 'x'\n"
    "    def modal(self, c, e): raise ValueError('modal')\n    def invoke(self, c, e):\n"
    "        c.window_manager.modal_handler_add(self)\n        return {'RUNNING_MODAL'}\n"
    "bpy.utils.register_class(OT)\nbpy.ops.wm.bad_modal('INVOKE_DEFAULT')",
    "takes every timer away": "import gc\nfor f in gc.get_objects():\n    try:\n"
    "        if callable(f) and bpy.app.timers.is_registered(f): bpy.app.timers.unregister(f)\n"
    "    except Exception: pass",
    "a timer that exits": "import sys\ndef t():\n    sys.exit()\nbpy.app.timers.register(t)",
    "draws in the middle": "bpy.ops.wm.redraw_timer(type='DRAW_WIN_SWAP', iterations=2)",
}


class Trial(Together):
    """A Blender in which code is tried out."""

    size = ("800", "500")

    def fresh(self) -> None:
        self.run("bpy.ops.wm.read_factory_settings()")

    def scene(self) -> Any:
        return json.loads(self.run(SCENE))

    def next_works(self) -> None:
        assert self.run(NEXT) == "7\n"
        assert self.bus.ask("get_scene_info")["status"] == "completed"


def try_habit(desk: Trial, code: str, unseen: bool) -> None:
    desk.fresh()
    before = desk.scene()
    desk.run(code)
    after = desk.scene()
    assert after != before or unseen, "it has changed nothing"
    desk.act("bpy.ops.ed.undo()", 0.0)
    taken_back = desk.scene()
    assert taken_back == before, f"after undo: {difference(before, taken_back)}"
    desk.act("bpy.ops.ed.redo()", 0.0)
    again = desk.scene()
    assert again == after, f"after redo: {difference(after, again)}"


def difference(wanted: dict[str, Any], got: dict[str, Any]) -> str:
    keys = [key for key in sorted({*wanted, *got}) if wanted.get(key) != got.get(key)]
    return json.dumps({key: [wanted.get(key), got.get(key)] for key in keys})[:500]


def try_bad(desk: Trial, code: str) -> None:
    update = desk.bus.ask("execute_code", code=code)
    assert update["status"] in ("completed", "failed"), update
    assert update["status"] == "completed" or update["error"], update
    desk.next_works()


def try_hint(desk: Trial, row: Row) -> None:
    """The old form fails with the hint, and the new one works, as far as the row speaks of this version."""
    version = json.loads(desk.run("print(list(bpy.app.version))"))
    if not row.speaks_of(tuple(version)):
        return
    desk.fresh()
    old = desk.bus.ask("execute_code", code=row.old)
    hint = f"Hint: in Blender {version[0]}.{version[1]}: {row.words}"
    assert old["status"] == "failed" and hint in old["error"].splitlines(), old
    desk.fresh()
    desk.run(row.new)


def interrupts(desk: Trial, times: int) -> None:
    """Endless code is ended again and again, beside busy threads."""
    desk.fresh()
    desk.run(BUSY)
    slowest = 0.0
    for number in range(times):
        began = time.monotonic()
        update = desk.bus.ask("execute_code", code=ENDLESS[number % len(ENDLESS)], deadline=0.2)
        slowest = max(slowest, time.monotonic() - began - 0.2)
        assert update["status"] == "cancelled", update
        assert "Ended by its deadline" in update["error"], update
        desk.next_works()
    desk.run("bpy.app.driver_namespace['stop'].set()")
    print(f"       {times} interrupts, the slowest took {slowest:.2f} s")


def memory(desk: Trial, jobs: int) -> None:
    """Jobs that change something, each with what it changed."""
    desk.fresh()
    code = (
        "o = bpy.data.objects['Cube']\no.location.x += 0.01\n"
        "m = bpy.data.materials.new('M')\nbpy.data.materials.remove(m)"
    )
    for _ in range(jobs // 5):
        desk.run(code)
    before = desk.resident_mb()
    began = time.monotonic()
    for _ in range(jobs):
        desk.run(code)
    after = desk.resident_mb()
    print(f"       {jobs} jobs in {time.monotonic() - began:.0f} s, resident memory {before:.1f} -> {after:.1f} MB")
    assert after - before < STEADY_MB


def trials(args: argparse.Namespace) -> dict[str, Callable[[Trial], None]]:
    found: dict[str, Callable[[Trial], None]] = {}
    for name, code in HABITS.items():
        found[f"habit: {name}"] = lambda desk, code=code, unseen=name in UNSEEN: try_habit(desk, code, unseen)
    for name, code in {**BAD, **WINDOWED}.items():
        found[f"bad: {name}"] = lambda desk, code=code: try_bad(desk, code)
    for row in (*shading.ROWS, *data.ROWS, *calls.ROWS):
        found[f"hint: {row.pattern}"] = lambda desk, row=row: try_hint(desk, row)
    found["endures: interrupts"] = lambda desk: interrupts(desk, args.times)
    found["endures: memory"] = lambda desk: memory(desk, args.jobs)
    return {name: trial for name, trial in found.items() if args.only in name}


def main() -> None:
    parser = argparse.ArgumentParser(description="What models write, in a Blender with a window.")
    parser.add_argument("--pictures", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--only", default="", help="the trials whose names hold this")
    parser.add_argument("--times", type=int, default=100, help="how often endless code is ended")
    parser.add_argument("--jobs", type=int, default=1000, help="jobs whose memory is measured")
    args = parser.parse_args()
    args.pictures.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    with screen(), BusDouble() as bus:
        desk = None
        for name, trial in trials(args).items():
            if desk is None:
                desk = Trial(args.pictures, bus, Path(tempfile.mkdtemp(prefix="blender-bus-window-")))
                connect(desk)
            try:
                trial(desk)
                print("ok    ", name, flush=True)
            except Exception as error:
                failed.append(name)
                print("FAILED", name, repr(error)[:900], flush=True)
                print(desk.log.read_text()[-600:], flush=True)
                # Whatever is left of it must not be the next one's.
                desk.process.kill()
                desk.process.wait()
                desk = None
                while not bus.updates.empty():
                    bus.updates.get()
        if desk is not None:
            desk.process.kill()
            desk.process.wait()
    print(f"{len(failed)} failed", *failed, sep="\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
