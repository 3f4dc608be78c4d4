"""Code that works in Blender's Text Editor works here: its classes, its streams, its own name."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy


def output(code: str) -> str:
    outcome = run("execute_code", code=code)
    assert outcome.status == "completed", outcome.error
    return outcome.result


def test_annotations_that_are_text_become_properties(bpy: Any) -> None:
    code = """
from __future__ import annotations
import bpy
class Settings(bpy.types.PropertyGroup):
    count: bpy.props.IntProperty(default=3)
bpy.utils.register_class(Settings)
bpy.types.Scene.of_a_test = bpy.props.PointerProperty(type=Settings)
print(bpy.context.scene.of_a_test.count)
del bpy.types.Scene.of_a_test
bpy.utils.unregister_class(Settings)
"""
    assert output(code) == "3\n"


def test_dataclasses_typing_and_pickle_find_the_classes_of_the_code(bpy: Any) -> None:
    code = """
from __future__ import annotations
import dataclasses, pickle, typing
@dataclasses.dataclass
class Part:
    made: typing.ClassVar[int] = 2
    size: int = 1
print([field.name for field in dataclasses.fields(Part)], typing.get_type_hints(Part)["size"])
print(pickle.loads(pickle.dumps(Part(5))).size)
"""
    assert output(code) == "['size'] <class 'int'>\n5\n"


def test_the_module_is_given_back_whatever_the_code_does(bpy: Any) -> None:
    before = sys.modules["__main__"]
    run("execute_code", code="import sys; del sys.modules['__main__']; 1/0")
    assert sys.modules["__main__"] is before
    assert pickle.dumps(1)


def test_names_that_are_kept_are_those_of_the_module(bpy: Any) -> None:
    first = "def add():\n    global n\n    n += 1\nn = 1"
    run("execute_code", code=first, keep_names=True)
    second = "import sys\nadd()\nprint(n, sys.modules['__main__'].n)"
    assert run("execute_code", code=second, keep_names=True).result == "2 2\n"


def test_a_new_process_does_not_look_for_the_file_of_the_code(bpy: Any) -> None:
    code = """
import multiprocessing.spawn
print(multiprocessing.spawn.get_preparation_data('x').get('init_main_from_path'))
"""
    assert output(code) == "None\n"


@pytest.mark.parametrize(
    "before",
    [
        "import sys\nsys.stdout.reconfigure(encoding='utf-8', errors='replace')",
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')",
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding='utf-8', line_buffering=True)",
        "import codecs, sys\nsys.stdout = codecs.getwriter('utf-8')(sys.stdout.detach())",
    ],
    ids=["reconfigure", "buffer", "detach", "codecs"],
)
def test_scripts_that_set_up_their_output_print_what_they_print(bpy: Any, before: str) -> None:
    assert output(f"{before}\nprint('\u00e9\u65e5\u672c' * 5000)") == "\u00e9\u65e5\u672c" * 5000 + "\n"
    assert (
        "unexpected keyword argument 'colour'"
        in run("execute_code", code="__import__('sys').stdout.reconfigure(colour=1)").error
    )


def test_code_has_a_file_beside_the_open_one(bpy: Any, tmp_path: Any) -> None:
    assert output("print(__file__)") == "execute_code.py\n"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    assert output("import os; print(os.path.dirname(__file__))") == f"{tmp_path / 'a.blend'}\n"
