"""What published servers and this one tell a model of the same six scenes: the table of docs/reference/side-by-side.md.

python bench/side_by_side.py        with the Python of the extension's tests; -v shows the answers

Each scene has one question. Every server is asked with the call of its own that fits best, and no code is written for
it. Whether the answer is in the text is decided by a pattern for each server, since each says it in its own way.
"""

from __future__ import annotations

import importlib.util
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "addon")]

import local_servers  # noqa: E402
from local_client import LocalClient  # noqa: E402
from processes import Program  # noqa: E402
from running import run  # noqa: E402
from test_local_port_bpy import port_of  # noqa: E402
from test_local_servers import RELEASES, talk  # noqa: E402

RUNS = 5
# An estimate, the same for all.
BYTES_PER_TOKEN = 4
PROLOGUE = """
import bpy
for item in list(bpy.data.objects): bpy.data.objects.remove(item)
def cube(name, at, size=1.0):
    bpy.ops.mesh.primitive_cube_add(size=size, location=at)
    bpy.context.object.name = name
    return bpy.context.object
"""


@dataclass(frozen=True)
class Asked:
    """A call, and the pattern of an answer to the question."""

    tool: str
    arguments: dict[str, Any]
    pattern: str


@dataclass(frozen=True)
class Scene:
    name: str
    code: str
    question: str
    ours: Asked
    # By the add-on of blender-mcp 1.9.4, and by the server of mcp-for-blender 2.2.4.
    classic: Asked
    new: Asked


ALL: dict[str, Any] = {}
GROUND = {"fields": ["location", "size", "ground"]}
SCENES = [
    Scene(
        "one cube",
        "cube('Crate', (1, 2, 0.5))",
        "Where is Crate?",
        Asked("get_object_info", {"name": "Crate"}, r'"location": \[1.0, 2.0, 0.5\]'),
        Asked("get_object_info", {"name": "Crate"}, r'"location": \[\s*1.0,\s*2.0,\s*0.5\s*\]'),
        Asked("get_scene_info", {"query": "Crate"}, r"Crate .*at \(1.0, 2.0, 0.5\)"),
    ),
    Scene(
        "a car of parts",
        "car = cube('Car', (0, 0, 1))\nfor n in range(4): cube(f'Wheel{n}', (n, 0, 0), 0.3).parent = car",
        "Which parts belong to Car?",
        Asked("get_scene_tree", ALL, r'"Wheel3"[^{}]*"parent": "Car"'),
        Asked("get_object_info", {"name": "Car"}, r"Wheel3"),
        Asked("get_scene_info", {"root": "Car"}, r"Wheel3"),
    ),
    Scene(
        "a floating chair",
        "cube('Floor', (0, 0, -0.05)).scale = (9, 9, 0.1)\ncube('Chair', (0, 0, 0.8))",
        "Does Chair stand on something?",
        Asked("measure", {"checks": ["support"]}, r'"Chair"[^{}]*{[^{}]*{[^{}]*"gap": 0.3, "below": "Floor"'),
        Asked("get_scene_info", ALL, r"(?i)float|gap|ground"),
        Asked("get_scene_info", GROUND, r"Chair .*floating 0.3"),
    ),
    Scene(
        "two that overlap",
        "cube('Left', (0, 0, 0.5))\ncube('Right', (0.6, 0, 0.5))",
        "Do Left and Right run into each other?",
        Asked("measure", {"checks": ["overlap"]}, r'"a": "Left", "b": "Right", "relation": "overlapping"'),
        Asked("get_scene_info", ALL, r"(?i)overlap|intersect"),
        Asked("get_scene_info", GROUND, r"(?i)overlap|intersect"),
    ),
    Scene(
        "one behind the camera",
        "bpy.ops.object.camera_add(location=(0, -10, 1), rotation=(1.5708, 0, 0))\n"
        "bpy.context.scene.camera = bpy.context.object\ncube('Seen', (0, 0, 1))\ncube('Bench', (0, -20, 1))",
        "Does the camera see Bench?",
        Asked("measure", {"checks": ["camera"]}, r'"Bench"[^{}]*{[^{}]*{"visible": false'),
        Asked("get_scene_info", ALL, r"(?i)behind|in view|out of|sees"),
        Asked("get_scene_info", {"fields": ["location", "size", "settings"]}, r"(?i)behind|in view|out of|sees"),
    ),
    Scene(
        "300 objects",
        "for n in range(300): cube(f'Lamp{n:03d}', (n % 20, n // 20, 0))",
        "Where is Lamp277?",
        Asked("get_object_info", {"name": "Lamp277"}, r'"location": \[17.0, 13.0, 0.0\]'),
        Asked("get_object_info", {"name": "Lamp277"}, r'"location": \[\s*17.0,\s*13.0,\s*0.0\s*\]'),
        Asked("get_scene_info", {"query": "Lamp277"}, r"Lamp277 .*at \(17.0, 13.0, 0.0\)"),
    ),
]


def make(scene: Scene) -> None:
    """Put the scene into this process's Blender."""
    exec(PROLOGUE + scene.code, {})


def ours(asked: Asked) -> str:
    return run(asked.tool, **asked.arguments).result


def classic() -> Callable[[Asked], str]:
    """The add-on that blender-mcp 1.9.4 ships; its server hands on what that returns as such a text."""
    path = local_servers.server(*RELEASES["1.9.4"][0]) / "blender_mcp" / "bundled" / "addon.py"
    spec = importlib.util.spec_from_file_location("their_addon", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    addon = module.BlenderMCPServer()
    return lambda asked: json.dumps(getattr(addon, asked.tool)(**asked.arguments), indent=2)


def timed(ask: Callable[[Asked], str], asked: Asked) -> tuple[str, float]:
    """The last answer, and the median of the seconds."""
    took, answer = [], ""
    for _ in range(RUNS):
        started = time.perf_counter()
        answer = ask(asked)
        took.append(time.perf_counter() - started)
    return answer, statistics.median(took)


def new(scene: Scene, home: Path) -> tuple[str, float]:
    """The server of mcp-for-blender over stdio, whose own scripts look at the scene, by the extension's local port."""
    pins, module, _ = RELEASES["2.0.0"]
    with Program("-m", "addon", "--local-port", "0") as program:
        port = port_of(program)
        with LocalClient(port) as client:
            told = client.ask("execute_code", code=PROLOGUE + scene.code)
            assert told["status"] == "success", told
        calls: list[Any] = [[scene.new.tool, {"user_prompt": scene.question, **scene.new.arguments}]] * RUNS
        answers = talk(pins, module, calls, port, home)
    assert not any(answer["error"] for answer in answers), answers[-1]
    return answers[-1]["content"][0]["text"], statistics.median(answer["seconds"] for answer in answers)


def cells(asked: Asked, told: tuple[str, float]) -> str:
    text, seconds = told
    if "-v" in sys.argv:
        print(asked, text[:2000], sep="\n", file=sys.stderr)
    found = "yes" if re.search(asked.pattern, text) else "no"
    return f"{found}, {len(text.encode()) // BYTES_PER_TOKEN:,} tokens, {max(seconds * 1000, 0.1):.1f} ms"


def main() -> None:
    ask_classic = classic()
    print("| scene | question | Blender Bus | `blender-mcp` 1.9.4 | `mcp-for-blender` 2.2.4 |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        for scene in SCENES:
            make(scene)
            row = (
                cells(scene.ours, timed(ours, scene.ours)),
                cells(scene.classic, timed(ask_classic, scene.classic)),
                cells(scene.new, new(scene, Path(home))),
            )
            print("|", " | ".join((scene.name, scene.question, *row)), "|", flush=True)


if __name__ == "__main__":
    main()
