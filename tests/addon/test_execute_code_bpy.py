"""execute_code on real Blender."""

from __future__ import annotations

import linecache
import logging
import sys
import threading
from typing import Any

import pytest
from running import run, start

from addon.link.queue.control import JobControl

pytestmark = pytest.mark.bpy


def test_result_is_the_output_itself(bpy: Any) -> None:
    outcome = run("execute_code", code="import bpy; print(len(bpy.data.objects))")
    assert (outcome.status, outcome.result, outcome.error) == ("completed", "3\n", "")


def test_blender_modules_are_in_scope(bpy: Any) -> None:
    code = "print(bpy.context.scene.name, bmesh.new().is_valid, mathutils.Vector((3, 4)).length, __name__)"
    assert run("execute_code", code=code).result == "Scene True 5.0 __main__\n"


def test_code_changes_the_scene(bpy: Any) -> None:
    run("execute_code", code="bpy.ops.mesh.primitive_uv_sphere_add(location=(1, 2, 3))")
    assert "Sphere" in bpy.data.objects


def test_each_call_starts_with_fresh_names(bpy: Any) -> None:
    run("execute_code", code="leftover = 1")
    assert "NameError" in run("execute_code", code="print(leftover)").error


def test_stderr_comes_apart(bpy: Any) -> None:
    outcome = run("execute_code", code="import sys\nprint(1)\nprint(2, file=sys.stderr)\nprint(3)")
    assert (outcome.result, outcome.extra["stderr"]) == ("1\n3\n", "2\n")
    assert "stderr" not in run("execute_code", code="print(1)").extra


def test_error_is_the_traceback_with_the_failing_line_of_the_code(bpy: Any) -> None:
    outcome = run("execute_code", code="def divide(a):\n    return a / 0\n\nprint('before')\ndivide(7)\n")
    assert outcome.status == "failed"
    assert outcome.error.startswith("Traceback (most recent call last):\n")
    assert "line 5, in <module>\n    divide(7)" in outcome.error
    assert "line 2, in divide\n    return a / 0" in outcome.error
    assert "ZeroDivisionError: division by zero" in outcome.error
    assert outcome.error.endswith("Printed before the error:\nbefore\n")
    assert "commands/code.py" not in outcome.error
    assert not [name for name in linecache.cache if name.startswith("<code of")]


def test_syntax_error_shows_the_line(bpy: Any) -> None:
    error = run("execute_code", code="x = 1\ny = (2").error
    assert "line 2" in error
    assert "y = (2" in error
    assert "SyntaxError" in error


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("exit('bye')", "SystemExit: bye"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise BaseException('bare')", "BaseException: bare"),
        ("input('name? ')", "EOFError"),
        ("def f(): f()\nf()", "RecursionError"),
        ("print(1)\0", "null bytes"),
        ("x = '\udc80'", "Error"),
        ("bpy.ops.mesh.nothing()", "AttributeError"),
        ("bpy.ops.object.mode_set(mode='NOPE')", "TypeError"),
    ],
    ids=range(10),
)
def test_whatever_the_code_does_blender_lives_on(bpy: Any, code: str, told: str) -> None:
    outcome = run("execute_code", code=code)
    assert outcome.status == "failed"
    assert told in outcome.error
    assert run("execute_code", code="print('alive')").result == "alive\n"


def test_output_over_one_mebibyte_is_refused_with_size_limit_and_its_beginning(bpy: Any) -> None:
    outcome = run("execute_code", code="print('x' * 30_000_000)")
    assert outcome.status == "failed"
    assert "30000001 characters" in outcome.error
    assert "1048576 bytes" in outcome.error
    assert "xxx" in outcome.error
    assert len(outcome.error) < 5_000


def test_output_of_exactly_one_mebibyte_passes(bpy: Any) -> None:
    outcome = run("execute_code", code="print('x' * (1_048_576 - 1))")
    assert (outcome.status, len(outcome.result)) == ("completed", 1_048_576)


def test_loop_that_prints_for_ever_is_stopped_by_a_cancel_and_fills_no_memory(bpy: Any) -> None:
    controls: list[JobControl] = []
    timer = threading.Timer(0.3, lambda: controls[0].cancelled.set())
    timer.start()
    outcome = start("execute_code", controls, code="while True:\n    print('x' * 1000)")
    assert (outcome.status, outcome.result) == ("cancelled", "")


def test_code_cannot_swallow_the_cancel_by_accident(bpy: Any) -> None:
    controls: list[JobControl] = []
    timer = threading.Timer(0.2, lambda: controls[0].cancelled.set())
    timer.start()
    code = "while True:\n    try:\n        print(1)\n    except Exception:\n        pass"
    assert start("execute_code", controls, code=code).status == "cancelled"


def test_code_tells_its_progress(bpy: Any) -> None:
    controls: list[JobControl] = []
    outcome = start("execute_code", controls, code="progress(40, 'nearly half')\nprint('done')")
    assert (outcome.status, outcome.result) == ("completed", "done\n")
    assert (controls[0].percent, controls[0].message) == (40.0, "nearly half")


def test_code_that_tells_its_progress_is_stopped_by_a_cancel(bpy: Any) -> None:
    controls: list[JobControl] = []
    timer = threading.Timer(0.2, lambda: controls[0].cancelled.set())
    timer.start()
    assert start("execute_code", controls, code="while True:\n    progress(1)").status == "cancelled"


def test_streams_are_given_back_even_to_code_that_kept_them(bpy: Any, capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdin, sys.stdout, sys.stderr
    code = "import logging, sys; logging.getLogger('kept').addHandler(logging.StreamHandler(sys.stdout))"
    run("execute_code", code=code)
    assert (sys.stdin, sys.stdout, sys.stderr) == before
    logging.getLogger("kept").error("later")
    assert "later" in capsys.readouterr().out


def test_output_of_threads_the_code_starts_belongs_to_the_job_and_that_of_others_does_not(
    bpy: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = threading.Event()

    def chatter() -> None:
        while not stop.wait(0.001):
            print("other thread")

    other = threading.Thread(target=chatter)
    other.start()
    code = (
        "import threading, time\n"
        "t = threading.Thread(target=print, args=('inner',))\n"
        "t.start(); t.join(); time.sleep(0.05)"
    )
    outcome = run("execute_code", code=code)
    stop.set()
    other.join()
    assert outcome.result == "inner\n"
    assert "other thread" in capsys.readouterr().out


@pytest.mark.parametrize("code", [5, None, ["print(1)"], "x" * (8 * 1_048_576 + 1)])
def test_code_that_is_no_text_or_too_long_is_refused(bpy: Any, code: Any) -> None:
    outcome = run("execute_code", code=code)
    assert outcome.status == "failed"
    assert "code must be a string" in outcome.error
    assert len(outcome.error) < 500


def test_empty_code_prints_nothing(bpy: Any) -> None:
    assert run("execute_code", code="").result == ""


def test_loading_a_file_in_the_code_leaves_the_queue_working(bpy: Any) -> None:
    assert run("execute_code", code="bpy.ops.wm.read_homefile(use_empty=True); print('empty')").result == "empty\n"
    assert run("get_scene_info").document["object_count"] == 0


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("\ufeffprint(1)", "1\n"),
        ("```python\nprint(1)\n```", "1\n"),
        ("```\nprint(1)\n```\n", "1\n"),
        ("    x = 1\n    print(x)", "1\n"),
        ("\n  if True:\n    print(1)", "1\n"),
        ("text = '''\n  kept'''\nprint(text)", "\n  kept\n"),
        ("1 + 1", "2"),
        ("x = 5\n[x, x]", "[5, 5]"),
        ("print(1)\n2", "1\n"),
        ("None", ""),
        ("result = {'a': [1, 2]}", '{"a": [1, 2]}'),
        ("result = {'a': 1}\nprint(2)", "2\n"),
        ("from __future__ import annotations\nx = 1\nx", "1"),
        ("import sys; print(1); sys.exit(0)", "1\n"),
        ("import sys; sys.exit()", ""),
    ],
)
def test_habits_of_models_are_understood(bpy: Any, code: str, result: str) -> None:
    outcome = run("execute_code", code=code)
    assert (outcome.status, outcome.result, outcome.error) == ("completed", result, "")


def test_value_that_breaks_repr_is_an_error(bpy: Any) -> None:
    outcome = run("execute_code", code="class Odd:\n    def __repr__(self): return 1 / 0\nOdd()")
    assert "ZeroDivisionError" in outcome.error
