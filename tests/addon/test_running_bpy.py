"""What surrounds the code of a job on real Blender: its place, its streams, what it may not do, what it may keep."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from running import run, start

from addon.link.queue.control import JobControl
from addon.link.queue.main_thread import MainThreadQueue
from addon.link.records import Job, Origin

pytestmark = pytest.mark.bpy

IN_A_VIEWPORT = {
    "view_all": "print(bpy.ops.view3d.view_all())",
    "view_selected": "print(bpy.ops.view3d.view_selected())",
    "view_camera": "print(bpy.ops.view3d.view_camera())",
    "snap_cursor_to_center": "bpy.context.scene.cursor.location = (1, 2, 3)\n"
    "print(bpy.ops.view3d.snap_cursor_to_center(), list(bpy.context.scene.cursor.location) == [0, 0, 0])",
    "snap_cursor_to_selected": "print(bpy.ops.view3d.snap_cursor_to_selected())",
    "keyframe_insert_menu": "print(bpy.ops.anim.keyframe_insert_menu(type='Location'))",
    "shading": "bpy.context.space_data.shading.type = 'WIREFRAME'\nprint(bpy.context.space_data.shading.type)",
    "area": "print(True, bpy.context.area.type)",
    "move": "print(bpy.ops.transform.translate(value=(0, 0, 1)))",
    "turn": "print(bpy.ops.transform.rotate(value=0.5, orient_axis='Z'))",
    "scale": "print(bpy.ops.transform.resize(value=(2, 2, 2)))",
    "copy": "print(bpy.ops.object.duplicate_move())",
    "extrude": "bpy.ops.object.mode_set(mode='EDIT')\nprint(bpy.ops.mesh.extrude_region_move("
    "TRANSFORM_OT_translate={'value': (0, 0, 1)}))",
}


@pytest.mark.parametrize("kind", IN_A_VIEWPORT)
def test_the_largest_viewport_is_the_context(bpy: Any, kind: str) -> None:
    outcome = run("execute_code", code=IN_A_VIEWPORT[kind])
    assert outcome.status == "completed", outcome.error
    assert outcome.result.strip() in ("{'FINISHED'}", "{'FINISHED'} True", "WIREFRAME", "True VIEW_3D")
    assert bpy.context.area is None


def test_overrides_of_the_code_itself_bring_no_dictionary_either(bpy: Any) -> None:
    code = (
        "window = bpy.context.window_manager.windows[0]\n"
        "area = next(area for area in window.screen.areas if area.type == 'OUTLINER')\n"
        "with bpy.context.temp_override(window=window, area=area):\n"
        "    print(bpy.context.area.type, type(bpy.context.temp_override(area=area)).__name__)\n"
        "print(bpy.context.area.type)\n"
        "with bpy.context.temp_override(active_object=bpy.data.objects['Light']):\n"
        "    print(bpy.context.active_object.name)\n"
        "bpy.context.temp_override(area=5)"
    )
    outcome = run("execute_code", code=code)
    assert "Printed before the error:\nOUTLINER _Bare\nVIEW_3D\nLight\n" in outcome.error
    assert "TypeError" in outcome.error
    assert "_Bare" not in type(bpy.context.temp_override()).__name__


def test_the_larger_of_two_viewports_is_taken(bpy: Any) -> None:
    areas = bpy.context.window_manager.windows[0].screen.areas
    others = [area for area in areas if area.type != "VIEW_3D"]
    largest = max(areas, key=lambda area: area.width * area.height)
    for area in others:
        area.type = "VIEW_3D"
    printed = run("execute_code", code="print(bpy.context.area.width, bpy.context.area.height)").result
    assert printed == f"{largest.width} {largest.height}\n"


@pytest.mark.parametrize(
    "code",
    [
        "bpy.ops.wm.read_homefile(use_empty=True)",
        "bpy.ops.wm.read_homefile()\nbpy.ops.mesh.primitive_cube_add()",
        "bpy.context.area.type = 'CONSOLE'",
        "bpy.context.window.workspace = bpy.data.workspaces['Scripting']",
        "bpy.ops.ed.undo_push()\nbpy.ops.ed.undo_push()\nbpy.ops.ed.undo()",
        "bpy.ops.screen.area_split(direction='VERTICAL')",
        "bpy.ops.scene.new(type='EMPTY')",
    ],
)
def test_code_that_takes_its_place_away_ends_well_and_so_does_the_next(bpy: Any, code: str) -> None:
    for text in (code, "print(bpy.context.scene.name is not None)"):
        outcome = run("execute_code", code=text)
        assert outcome.status == "completed", outcome.error
    assert run("get_scene_info").status == "completed"


def test_what_windows_show_is_not_removed_and_other_data_is(bpy: Any) -> None:
    count = len(bpy.data.workspaces)
    refused = run("execute_code", code="bpy.data.batch_remove([bpy.data.meshes['Cube'], *bpy.data.workspaces])")
    assert "bpy.ops.workspace.delete()" in refused.error
    assert (len(bpy.data.workspaces), "Cube" in bpy.data.meshes) == (count, True)
    for ids in ("{bpy.data.objects['Cube']}", "(mesh for mesh in bpy.data.meshes)"):
        assert run("execute_code", code=f"bpy.data.batch_remove({ids})").status == "completed"
    assert ("Cube" in bpy.data.objects, len(bpy.data.meshes)) == (False, 0)
    assert "built-in" in repr(bpy.data.batch_remove)


def test_the_last_window_is_not_closed_for_blender_quits_with_it(bpy: Any) -> None:
    refused = run("execute_code", code="bpy.ops.wm.window_close()")
    assert "last window" in refused.error and "bpy.ops.wm.quit_blender()" in refused.error
    assert len(bpy.context.window_manager.windows) == 1


def test_without_a_viewport_code_runs_and_viewport_operators_say_what_is_missing(bpy: Any) -> None:
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "VIEW_3D":
            area.type = "TEXT_EDITOR"
    assert run("execute_code", code="print(bpy.context.area)").result == "None\n"
    assert "no 3D viewport" in run("execute_code", code="bpy.ops.view3d.view_all()").error


def test_a_place_brings_no_dictionary_that_operators_would_look_into_without_the_lock(bpy: Any) -> None:
    from addon.commands.place import largest_viewport, override

    place = largest_viewport()
    light = bpy.data.objects["Light"]
    members = {"window": place.window, "area": place.area, "region": place.region, "active_object": light}
    with bpy.context.temp_override(**members):
        assert bpy.context.active_object is light
    with override(**members):
        assert (bpy.context.active_object.name, bpy.context.area.type) == ("Cube", "VIEW_3D")
        with bpy.context.temp_override(active_object=light):
            assert bpy.context.active_object is light
        assert bpy.context.active_object.name == "Cube"
    assert (bpy.context.active_object.name, bpy.context.area) == ("Cube", None)
    with pytest.raises(TypeError), override(window=5):
        pass
    assert (bpy.context.active_object.name, bpy.context.area) == ("Cube", None)


def test_operators_that_let_other_threads_run_meanwhile_break_no_memory(bpy: Any) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            [str(number) for number in range(50)]

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            assert run("execute_code", code="bpy.ops.ed.undo_push()\nbpy.ops.ed.undo_push()").status == "completed"
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# -- streams -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def bare_logging() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    # pytest has put its own there.
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def test_logging_is_shown_in_every_call(bpy: Any) -> None:
    code = "import logging\nlogging.basicConfig(level=logging.INFO)\nlogging.info('number %s', 7)"
    with bare_logging():
        told = [run("execute_code", code=code).extra.get("stderr") for _ in range(3)]
    assert told == ["INFO:root:number 7\n"] * 3


def test_logging_to_stdout_is_shown_in_every_call(bpy: Any) -> None:
    setup = "import logging, sys\nlogging.basicConfig(stream=sys.stdout, level=logging.INFO)\n"
    with bare_logging():
        told = [run("execute_code", code=setup + "logging.info('seen')").result for _ in range(3)]
    assert told == ["INFO:root:seen\n"] * 3


def test_logging_set_up_by_another_extension_is_shown_and_given_back(bpy: Any) -> None:
    handler = logging.StreamHandler(sys.stderr)
    stream = handler.stream
    with bare_logging():
        logging.getLogger().addHandler(handler)
        outcome = run("execute_code", code="import logging\nlogging.warning('heard')")
    assert "heard" in outcome.extra["stderr"]
    assert handler.stream is stream


def test_deprecation_warnings_do_not_spoil_the_result(bpy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest collects warnings by a function of its own: this is how Python shows them.
    spec = importlib.util.find_spec("warnings")
    assert spec is not None and spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    monkeypatch.setattr(warnings, "_showwarnmsg_impl", fresh._showwarnmsg_impl)
    code = "import warnings\nwarnings.simplefilter('always')\nwarnings.warn('old', DeprecationWarning)\nprint('{}')"
    outcome = run("execute_code", code=code)
    assert outcome.result == "{}\n"
    assert "DeprecationWarning: old" in outcome.extra["stderr"]


def test_a_failure_shows_stderr_too(bpy: Any) -> None:
    error = run("execute_code", code="import sys\nprint('a')\nprint('b', file=sys.stderr)\n1/0").error
    assert "Printed before the error:\na\n" in error
    assert "Written to stderr before the error:\nb\n" in error


def test_a_flood_on_stderr_is_cut_and_fails_nothing(bpy: Any) -> None:
    outcome = run("execute_code", code="import sys\nprint('x' * 3_000_000, file=sys.stderr)\nprint('done')")
    assert outcome.result == "done\n"
    assert len(outcome.extra["stderr"]) < 40_000
    assert "left out" in outcome.extra["stderr"]


def test_bytes_can_be_written_and_programs_can_be_given_the_stream(bpy: Any) -> None:
    code = (
        "import subprocess, sys\nsys.stdout.buffer.write('ü'.encode())\n"
        "print(subprocess.run([sys.executable, '-c', ''], stdout=sys.stderr).returncode)"
    )
    assert run("execute_code", code=code).result == "ü0\n"


@pytest.mark.parametrize(
    "code",
    [
        "import io, sys\nsys.stdout = io.StringIO()\nprint('lost')",
        "import sys\nsys.stdout.close()",
        "import sys\nsys.stdout = sys.stderr = None",
        "import sys\ndel sys.stdout",
    ],
)
def test_code_that_breaks_its_streams_breaks_no_others(bpy: Any, code: str) -> None:
    before = sys.stdout, sys.stderr
    run("execute_code", code=code)
    assert (sys.stdout, sys.stderr) == before
    assert run("execute_code", code="print('fine')").result == "fine\n"


def test_threads_that_go_on_do_not_print_into_later_jobs(bpy: Any) -> None:
    code = (
        "import threading, time\nstop = bpy.app.driver_namespace['stop'] = threading.Event()\n"
        "def chatter():\n    while not stop.wait(0.001): print('late')\n"
        "threading.Thread(target=chatter, daemon=True).start()\ntime.sleep(0.05)"
    )
    assert "late" in run("execute_code", code=code).result
    try:
        assert run("execute_code", code="import time\ntime.sleep(0.05)\nprint('own')").result == "own\n"
    finally:
        bpy.app.driver_namespace["stop"].set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_ends_with_the_code(bpy: Any) -> None:
    code = "import os\nchild = os.fork()\nif child: print(os.waitpid(child, 0)[1])\nelse: 1/0"
    assert run("execute_code", code=code).result == "0\n"


# -- what code may not do ----------------------------------------------------------------------------------------------


def test_factory_settings_empty_the_scene_and_keep_the_preferences(bpy: Any) -> None:
    view = bpy.context.preferences.view
    view.ui_scale = 1.25
    outcome = run("execute_code", code="bpy.ops.wm.read_factory_settings(use_empty=True)\nprint(len(bpy.data.objects))")
    assert outcome.status == "completed", outcome.error
    assert outcome.result.startswith("[Blender Bus] read_factory_settings loaded an empty scene; preferences")
    assert outcome.result.endswith("\n0\n")
    assert bpy.context.preferences.view.ui_scale == 1.25
    assert "factory scene" in run("execute_code", code="bpy.ops.wm.read_factory_settings()").result
    assert "Cube" in bpy.data.objects
    assert not isinstance(bpy.ops.wm, type(run)) and "guards" not in type(bpy.ops.wm).__module__


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("bpy.ops.preferences.addon_disable(module='addon')", "without it the connection ends"),
        ("bpy.ops.preferences.addon_remove(module='addon')", "without it the connection ends"),
        ("import addon_utils\naddon_utils.disable('addon')", "without it the connection ends"),
        ("bpy.ops.extensions.package_uninstall(repo_index=0, pkg_id='addon')", "without it the connection ends"),
        ("bpy.ops.wm.read_factory_userpref()", "read_homefile(use_empty=True)"),
        ("bpy.ops.wm.read_userpref()", "belong to the user"),
        ("bpy.ops.wm.quit_blender()", "whoever has started it must end it"),
    ],
)
def test_what_would_end_the_connection_is_refused_with_what_to_do(bpy: Any, code: str, told: str) -> None:
    outcome = run("execute_code", code=code)
    assert outcome.status == "failed"
    assert told in outcome.error
    assert run("execute_code", code="print('alive')").result == "alive\n"


def test_other_addons_can_be_switched_off_and_operators_look_as_ever(bpy: Any) -> None:
    code = (
        "import addon_utils\nbpy.ops.preferences.addon_disable(module='io_anim_bvh')\n"
        "print(addon_utils.check('io_anim_bvh')[1], bpy.ops.wm.quit_blender.idname(), bpy.ops.wm.quit_blender.poll(),\n"
        "      'read_factory_settings' in dir(bpy.ops.wm))"
    )
    assert run("execute_code", code=code).result == "False WM_OT_quit_blender True True\n"


# -- names -------------------------------------------------------------------------------------------------------------


def ran_as(client: str, code: str, **params: Any) -> tuple[str, str]:
    from addon.commands import registry

    answers: list[tuple[Any, ...]] = []
    queue = MainThreadQueue(registry.run, lambda *answer: answers.append(answer))
    job = Job("j-names", "execute_code", {"code": code, **params}, from_uuid=client, origin=Origin(f"bus:{client}"))
    queue.submit(job)
    queue.drain()
    return answers[0][2], answers[0][3]


def test_names_live_on_for_their_caller_when_asked(bpy: Any) -> None:
    ran_as("ann", "x = 1\nimport math\ndef f(): return x + 1", keep_names=True)
    assert ran_as("ann", "x += 1\nf()", keep_names=True)[0] == "3"
    assert ran_as("ann", "math.floor(2.5)", keep_names=True)[0] == "2"
    assert "NameError" in ran_as("bob", "x", keep_names=True)[1]
    assert "NameError" in ran_as("ann", "x")[1]
    assert ran_as("ann", "x", keep_names=True)[0] == "2"


def test_a_kept_result_is_not_answered_twice(bpy: Any) -> None:
    assert ran_as("ann", "result = {'a': 1}", keep_names=True)[0] == '{"a": 1}'
    assert ran_as("ann", "y = 2", keep_names=True)[0] == ""


def test_names_of_the_callers_that_wrote_long_ago_are_let_go(bpy: Any) -> None:
    ran_as("first", "x = 1", keep_names=True)
    for number in range(16):
        ran_as(f"other-{number}", "x = 1", keep_names=True)
    assert "NameError" in ran_as("first", "x", keep_names=True)[1]


def test_the_value_comes_apart_as_well(bpy: Any) -> None:
    outcome = run("execute_code", code="print('said')\n6 * 7")
    assert (outcome.result, outcome.extra["value"]) == ("said\n", "42")
    assert "value" not in run("execute_code", code="x = 1").extra


def test_threads_die_with_a_cancel_of_the_code_that_waits_for_them(bpy: Any) -> None:
    controls: list[JobControl] = []
    timer = threading.Timer(0.2, lambda: controls[0].cancelled.set())
    timer.start()
    began = time.monotonic()
    code = (
        "import threading, time\n"
        "thread = threading.Thread(target=time.sleep, args=(3,), daemon=True)\n"
        "thread.start()\nwhile thread.is_alive(): thread.join(0.1)"
    )
    assert start("execute_code", controls, code=code).status == "cancelled"
    assert time.monotonic() - began < 2.5


def test_a_function_that_exits_ends_its_job_and_later_nothing_else(bpy: Any) -> None:
    code = (
        'import sys\n\ndef stop(code):\n    """Stops."""\n    print(\'so far\')\n    sys.exit(code)\n\n'
        "def later(*_):\n    raise SystemExit\n"
        "bpy.app.handlers.frame_change_post.append(later)\n"
    )
    try:
        assert run("execute_code", code=code + "stop(0)").result == "so far\n"
        failed = run("execute_code", code=code + "stop(3)")
        assert "SystemExit: 3" in failed.error and "line 6, in stop" in failed.error, failed.error
        caught = run("execute_code", code=code + "try:\n    stop(4)\nexcept SystemExit as e:\n    print(e.code)")
        assert caught.result == "so far\n4\n"
        # Python would end this process here, and pytest with it.
        assert run("execute_code", code="bpy.context.scene.frame_set(3)\nprint('alive')").result == "alive\n"
        assert run("execute_code", code=code + "print(stop.__doc__)").result == "Stops.\n"
    finally:
        bpy.app.handlers.frame_change_post.clear()
