"""A person and clients in one Blender with a window: nobody breaks into the other's work, and all can be taken back.

    python3 tests/addon/window/person.py --pictures FOLDER

Run by hand, as run.py beside it; it needs no places of buttons, so that it runs on every version from 4.3 on.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from run import DO, MODULE, Desk, screen

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from bus_double import BusDouble  # noqa: E402

STATE = (
    "import json\nlayer = bpy.context.view_layer\nactive = layer.objects.active\n"
    "print(json.dumps([active.mode, active.name, sorted(o.name for o in layer.objects.selected)]))"
)
# In pixels of the screen, from its top left corner, where the window has its own.
MIDDLE_OF_VIEW = (
    "import json\nregion, window = bpy.context.region, bpy.context.window\n"
    "print(json.dumps([region.x + region.width // 2, window.height - region.y - region.height // 2]))"
)
LABELS = (
    f"from {MODULE}.commands.checkpoints.store import store\nimport json\n"
    "print(json.dumps([c.label for c in store.all()]))"
)


class Together(Desk):
    """A Blender in which somebody works."""

    def run(self, code: str, **params: Any) -> str:
        """What code prints that is run as a job."""
        update = self.bus.ask("execute_code", code=code, **params)
        assert update["status"] == "completed", update
        self.extra = update.get("extra", {})
        return str(update["result"])

    def state(self) -> Any:
        return json.loads(self.run(STATE))

    def told(self, job_id: str, words: str, seconds: float = 60.0) -> None:
        """Wait until the bus was told these words of a job."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            report = self.bus.progress.get(timeout=seconds)
            if report["progressToken"] == job_id and words in report.get("message", ""):
                return
        raise AssertionError(f"{words!r} was not told")


def connect(desk: Together) -> None:
    """The extension connects as when its user presses Connect."""
    desk.act("bpy.ops.blender_bus.connect()")
    desk.bus.registered(20)


def a_job_waits_for_a_grab(desk: Together) -> None:
    desk.act("bpy.ops.transform.translate('INVOKE_DEFAULT')")
    code = "bpy.data.objects['Light'].location.x = 9\nprint('ran')"
    job = desk.bus.dispatch("execute_code", {"code": code})
    desk.told(job, "waiting: modal operator transform.translate")
    assert desk.bus.ask("get_scene_info")["status"] == "completed"
    desk.picture("p1-waiting")
    late = desk.bus.ask("execute_code", code="print(1)", deadline=1.0)
    assert late["status"] == "cancelled" and "it waited for modal operator transform.translate" in late["error"], late
    desk.key("Escape")
    update = desk.bus.updates.get(timeout=20)
    assert (update["job_id"], update["result"]) == (job, "ran\n"), update


def a_job_waits_for_a_file_dialog(desk: Together) -> None:
    desk.act("bpy.ops.wm.link('INVOKE_DEFAULT')")
    job = desk.bus.dispatch("execute_code", {"code": "bpy.data.objects['Light'].location.x = 8"})
    desk.told(job, "waiting: a file dialog")
    close = (
        "for window in list(bpy.context.window_manager.windows):\n"
        "            for area in window.screen.areas:\n"
        "                if area.type == 'FILE_BROWSER':\n"
        "                    with bpy.context.temp_override(window=window, area=area,\n"
        "                            region=next(r for r in area.regions if r.type == 'WINDOW')):\n"
        "                        bpy.ops.file.cancel()"
    )
    (desk.folder / "act").write_text(DO.format(close, 0.1))
    update = desk.bus.updates.get(timeout=20)
    assert update["status"] == "completed", update


def a_job_waits_for_a_render(desk: Together) -> None:
    desk.run(
        "scene = bpy.context.scene\nscene.render.engine = 'CYCLES'\nscene.cycles.device = 'CPU'\n"
        "scene.cycles.samples, scene.cycles.use_denoising = 2000, False\nscene.cycles.use_adaptive_sampling = False\n"
        "scene.render.resolution_x, scene.render.resolution_y = 320, 180"
    )
    desk.act("bpy.ops.render.render('INVOKE_DEFAULT')")
    job = desk.bus.dispatch("execute_code", {"code": "print('after')"})
    desk.told(job, "waiting: a render")
    desk.picture("p11-rendering")
    # The person ends it, and does not move the mouse afterwards.
    desk.key("Escape")
    update = desk.bus.updates.get(timeout=120)
    assert update["result"] == "after\n", update


def edit_mode_is_given_back(desk: Together) -> None:
    choose = "bpy.ops.object.select_all(action='DESELECT'); cube = bpy.data.objects['Cube']; cube.select_set(True); "
    enter = "bpy.context.view_layer.objects.active = cube; bpy.ops.object.editmode_toggle('EXEC_DEFAULT', True)"
    desk.act(choose + enter)
    before = desk.state()
    assert before == ["EDIT", "Cube", ["Cube"]], before
    made = desk.run("bpy.ops.mesh.primitive_monkey_add(location=(3, 0, 0))\nprint(bpy.context.active_object.name)")
    assert made == "Suzanne\n", made
    assert desk.state() == before
    desk.picture("p2-edit-mode")
    # One step back to the mode, one for what the code did.
    desk.act("bpy.ops.ed.undo()")
    desk.act("bpy.ops.ed.undo()")
    assert desk.run("print('Suzanne' in bpy.data.objects, 'Cube' in bpy.data.objects)") == "False True\n"
    desk.act("bpy.ops.ed.redo()")
    assert desk.run("print('Suzanne' in bpy.data.objects)") == "True\n"
    desk.act("bpy.ops.object.mode_set(mode='OBJECT')")


def checkpoints_are_made_by_themselves(desk: Together) -> None:
    def labels() -> list[str]:
        return list(json.loads(desk.run(LABELS)))

    desk.run("bpy.data.objects['Light'].location.z = 1")
    before = len(labels())
    # Selecting is no edit.
    desk.act("bpy.ops.object.select_all(action='SELECT')")
    desk.run("bpy.data.objects['Light'].location.z = 2")
    assert "checkpoint" not in desk.extra, desk.extra
    desk.act("bpy.ops.transform.translate('EXEC_DEFAULT', True, value=(0, 0, 3))")
    desk.run("bpy.data.objects['Light'].location.z = 4")
    assert desk.extra["checkpoint"]["label"].endswith("changed this"), desk.extra
    assert len(labels()) == before + 1
    desk.run("bpy.data.objects['Light'].location.z = 5")
    assert "checkpoint" not in desk.extra
    desk.run("bpy.ops.wm.read_homefile(use_empty=True)")
    assert desk.extra["checkpoint"]["label"].endswith("loaded another file"), desk.extra
    back = desk.bus.ask("restore_checkpoint", checkpoint_id=desk.extra["checkpoint"]["checkpoint_id"])
    assert back["status"] == "completed", back
    assert desk.run("print(bpy.data.objects['Light'].location.z)") == "5.0\n"


def progress_is_seen(desk: Together) -> None:
    # Another file has been loaded since, whose sidebar is closed.
    desk.act("area.spaces.active.show_region_ui = True", 1.0)
    desk.act("next(r for r in area.regions if r.type == 'UI').active_panel_category = 'Bus'", 1.0)
    code = (
        "import time\nfor part in range(60):\n    progress(part * 100 / 60, f'step {part}')\n"
        "    until = time.time() + 0.2\n    while time.time() < until: pass"
    )
    desk.bus.dispatch("execute_code", {"code": code})
    time.sleep(2.0)
    desk.tool("import", "-window", "root", str(desk.pictures / "p3-progress.png"))
    time.sleep(2.0)
    desk.tool("import", "-window", "root", str(desk.pictures / "p4-progress.png"))
    first, second = ((desk.pictures / f"p{number}-progress.png").read_bytes() for number in (3, 4))
    assert first != second, "nothing was drawn while the job ran"
    assert desk.bus.updates.get(timeout=30)["status"] == "completed"


def endless_code_comes_back(desk: Together) -> None:
    for code in ("while True: pass", "while True:\n  try:\n    while True: pass\n  except BaseException: pass"):
        job = desk.bus.dispatch("execute_code", {"code": code})
        time.sleep(1.0)
        cancel = {"method": "notifications/cancelled", "params": {"requestId": job}}
        desk.bus.send(json.dumps({"jsonrpc": "2.0", **cancel}))
        began = time.monotonic()
        update = desk.bus.updates.get(timeout=10)
        assert update["status"] == "cancelled" and time.monotonic() - began < 2.0, update
    assert desk.run("print('next')") == "next\n"


def a_cycles_view_has_its_objects(desk: Together) -> None:
    look = (
        "bpy.context.scene.render.engine = 'CYCLES'\nspace = bpy.context.space_data\nspace.shading.type = 'RENDERED'\n"
        "space.overlay.show_overlays = False"
    )
    desk.run(look)
    with_objects = json.loads(desk.bus.ask("get_viewport_screenshot", max_size=300)["result"])
    desk.run("for item in bpy.data.objects: item.hide_set(True)")
    without = json.loads(desk.bus.ask("get_viewport_screenshot", max_size=300)["result"])
    assert "Cycles" in with_objects["note"], with_objects.get("note")
    assert with_objects["image"]["data"] != without["image"]["data"], "the picture shows no objects"
    assert desk.run("print(bpy.context.space_data.shading.type)") == "RENDERED\n"
    # Cycles would go on rendering, and leave little of the processor to what comes next.
    desk.run("bpy.context.space_data.shading.type = 'SOLID'\nfor item in bpy.data.objects: item.hide_set(False)")


def a_question_shows_all_and_waits_for_free_hands(desk: Together) -> None:
    policy = f"bpy.context.preferences.addons[{MODULE!r}].preferences.policy"
    consent = f"from {MODULE}.commands.allowed.policy import consent; "
    desk.act(f"{policy} = 'ask'", 0.0)
    desk.act("bpy.ops.transform.translate('INVOKE_DEFAULT')", 0.0)
    hidden = "x = 1" + " " * 200 + "; y = 2  # \u202e\u200b hidden\n"
    code = hidden + "".join(f"print('line {number}', {'1 + ' * 60}1)\n" for number in range(40))
    job = desk.bus.dispatch("execute_code", {"code": code})
    desk.picture("p5-no-question-in-a-grab")
    desk.key("Escape")
    desk.tool("xdotool", "mousemove", "600", "450")
    desk.picture("p6-question")
    # Neither Escape nor Return decides anything.
    desk.key("Escape")
    time.sleep(2.0)
    assert desk.bus.updates.empty()
    desk.act(consent + "bpy.ops.blender_bus.consent('INVOKE_DEFAULT', number=consent.questions[0].number)", 2.0)
    desk.key("Return")
    time.sleep(2.0)
    assert desk.bus.updates.empty()
    desk.picture("p7-question-in-the-panel")
    desk.act(consent + "bpy.ops.blender_bus.answer(number=consent.questions[0].number, verdict='refuse')", 0.0)
    update = desk.bus.updates.get(timeout=30)
    assert update["job_id"] == job and "refused by the user" in update["error"], update
    desk.bus.dispatch("execute_code", {"code": "print('asked')"})
    desk.picture("p8-short-question")
    desk.act(consent + "bpy.ops.blender_bus.answer(number=consent.questions[0].number, verdict='once')", 0.0)
    assert desk.bus.updates.get(timeout=30)["result"] == "asked\n"
    desk.picture("p8-answered-elsewhere")
    # The question stays in front of the view until somebody leaves it.
    desk.key("Escape")
    desk.act(f"{policy} = 'everything'", 0.0)


def a_sculpt_stroke_is_waited_for(desk: Together) -> None:
    desk.act("bpy.ops.object.mode_set(mode='OBJECT')", 0.0)
    desk.act("bpy.context.view_layer.objects.active = bpy.data.objects['Cube']", 0.0)
    desk.act("bpy.ops.object.mode_set(mode='SCULPT')", 0.0)
    # Debian's 4.3 comes without the brushes of Blender.
    desk.act("bpy.data.brushes.new('Own', mode='SCULPT').asset_mark()", 0.0)
    own = "asset_library_type='LOCAL', relative_asset_identifier='Brush/Own'"
    desk.act(f"bpy.ops.brush.asset_activate({own})", 0.0)
    # Checks before have moved it, and a stroke beside it is none.
    desk.act("area.spaces.active.region_3d.view_location = bpy.data.objects['Cube'].location", 1.0)
    middle = json.loads(desk.run(MIDDLE_OF_VIEW))
    desk.tool("xdotool", "mousemove", *map(str, middle), "mousedown", "1")
    desk.tool("xdotool", "mousemove_relative", "--", "5", "5")
    time.sleep(2.0)
    job = desk.bus.dispatch("execute_code", {"code": "bpy.data.objects['Light'].location.x = 7"})
    try:
        desk.told(job, "waiting: modal operator sculpt.brush_stroke")
        desk.picture("p9-sculpting")
    finally:
        desk.tool("xdotool", "mouseup", "1")
        update = desk.bus.updates.get(timeout=60)
    assert update["status"] == "completed", update
    assert desk.state()[0] == "SCULPT"
    desk.act("bpy.ops.object.mode_set(mode='OBJECT')", 0.0)


def a_camera_view_has_its_frame(desk: Together) -> None:
    desk.act("area.spaces.active.region_3d.view_perspective = 'CAMERA'", 1.0)
    image = json.loads(desk.bus.ask("get_viewport_screenshot", max_size=600)["result"])["image"]
    (desk.pictures / "p10-camera.png").write_bytes(base64.b64decode(image["data"]))
    desk.act("area.spaces.active.region_3d.view_perspective = 'PERSP'", 0.0)


def busy_threads_break_no_memory(desk: Together) -> None:
    """Blender ended here where its overrides were not safe beside Python threads."""
    desk.run(
        "import threading, time\nstop = bpy.app.driver_namespace['stop'] = threading.Event()\ndef work():\n"
        "    while not stop.wait(0.001): [str(number) for number in range(500)]\n"
        "threading.Thread(target=work, daemon=True).start()"
    )
    for _ in range(100):
        desk.run("names = [item.name for item in bpy.data.objects]\nbpy.data.objects[0].location.x += 0.01")
    desk.run("bpy.app.driver_namespace['stop'].set()")


CHECKS: tuple[Callable[[Together], None], ...] = (
    a_job_waits_for_a_grab,
    a_job_waits_for_a_file_dialog,
    edit_mode_is_given_back,
    checkpoints_are_made_by_themselves,
    progress_is_seen,
    a_question_shows_all_and_waits_for_free_hands,
    a_sculpt_stroke_is_waited_for,
    a_camera_view_has_its_frame,
    busy_threads_break_no_memory,
    endless_code_comes_back,
    a_cycles_view_has_its_objects,
    a_job_waits_for_a_render,
)


def drive(checks: tuple[Callable[[Together], None], ...], words: str, code: str = "pass") -> None:
    """Runs checks in one Blender, after `code`, as the arguments of the command line say; ends with 1 if one failed."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--pictures", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--only", default="", help="the checks whose names hold this")
    args = parser.parse_args()
    args.pictures.mkdir(parents=True, exist_ok=True)
    failed = 0
    with screen(), BusDouble() as bus, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        desk = Together(args.pictures, bus, Path(folder))
        try:
            connect(desk)
            desk.run(code)
            for check in checks:
                if not any(part in check.__name__ for part in args.only.split(",")):
                    continue
                try:
                    check(desk)
                    print("ok    ", check.__name__, flush=True)
                except Exception as error:
                    failed += 1
                    traceback.print_exc()
                    print("FAILED", check.__name__, repr(error)[:600], flush=True)
                    desk.key("Escape")
        finally:
            desk.process.kill()
            desk.process.wait()
            if failed:
                print(desk.log.read_text()[-3000:])
    sys.exit(failed > 0)


if __name__ == "__main__":
    drive(CHECKS, "A person and clients in one Blender with a window.")
