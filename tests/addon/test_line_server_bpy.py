"""The published server that frames by lines, unmodified: every tool it has, against real Blender, under each policy."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_client import LineClient
from processes import Program
from test_every_local_tool import LONG, NAME, POLICIES, Calls, filled, text_of
from test_local_port_bpy import port_of
from test_local_servers import talk_with

pytestmark = pytest.mark.bpy

PINS = ("blender-mcp-server==0.2.0",)
CODE = "print(args['word'])\n__result__ = {'seven': 7}"
CALLS: Calls = [
    ("blender_scene_get_info", {}),
    ("blender_scene_list_objects", {"type": "mesh"}),
    ("blender_object_get_transform", {"name": "Cube"}),
    ("blender_object_get_hierarchy", {}),
    ("blender_material_list", {}),
    ("blender_object_create", {"mesh_type": "torus", "name": NAME, "location": [1, 2, 3], "size": 2.0}),
    ("blender_object_translate", {"name": NAME, "offset": [0, 0, 1]}),
    ("blender_object_rotate", {"name": NAME, "rotation": [0, 0, 90]}),
    ("blender_object_scale", {"name": NAME, "scale": [2, 2, 2]}),
    ("blender_object_duplicate", {"name": NAME, "new_name": "Copy"}),
    ("blender_material_create", {"name": f"m{NAME}", "color": [1, 0, 0]}),
    ("blender_material_assign", {"object": NAME, "material": f"m{NAME}"}),
    ("blender_material_set_color", {"name": f"m{NAME}", "color": [0, 1, 0, 0.5]}),
    ("blender_render_still", {"output_path": "{folder}/still.png", "resolution_x": 32, "resolution_y": 16,
                              "engine": "BLENDER_WORKBENCH"}),
    ("blender_material_set_texture", {"name": f"m{NAME}", "filepath": "{folder}/still.png"}),
    ("blender_render_animation", {"output_path": "{folder}/film_", "frame_start": 1, "frame_end": 2,
                                  "engine": "BLENDER_WORKBENCH"}),
    ("blender_export_gltf", {"filepath": "{folder}/a"}),
    ("blender_export_obj", {"filepath": "{folder}/a"}),
    ("blender_export_fbx", {"filepath": "{folder}/a"}),
    ("blender_object_delete", {"name": "Copy"}),
    ("blender_history_undo", {}),
    ("blender_history_redo", {}),
    ("blender_python_exec", {"code": LONG[1]["code"]}),
    ("blender_python_exec", {"code": CODE, "args": {"word": NAME}}),
    ("blender_python_exec", {"code": "1/0"}),
    ("blender_python_exec", {"script_path": "{folder}/script.py"}),
    ("blender_python_exec_async", {"code": CODE, "args": {"word": NAME}}),
    ("blender_job_list", {}),
    # A call of the main thread comes after the job that was queued before it.
    ("blender_scene_get_info", {}),
    ("blender_job_status", {"job_id": "{job_id}"}),
    ("blender_job_cancel", {"job_id": "{job_id}"}),
    ("blender_job_status", {"job_id": "job-0"}),
]  # fmt: skip
READS = CALLS[:5]


@pytest.fixture(scope="module", params=POLICIES)
def policy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def port(policy: str) -> Iterator[int]:
    # Fewer samples than a render takes by itself: nobody looks at it.
    with Program("-m", "addon", "--local-port", "0", "--policy", policy) as program:
        yield port_of(program)


def body(answer: dict[str, Any]) -> Any:
    assert not answer["error"], answer
    return json.loads(text_of(answer))


@pytest.mark.timeout(300)
def test_every_tool_is_answered(port: int, policy: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("__result__ = args.get('word', 'from a file')\n")
    calls = filled(CALLS, tmp_path)
    answered = talk_with(PINS, "blender_mcp_server.server", calls, port, tmp_path)
    assert set(answered["tools"]) == {name for name, _ in calls}, "every tool is called"
    answers = answered["answers"]
    for (name, _), answer in zip(calls, answers, strict=True):
        assert "Unknown command" not in text_of(answer), (name, text_of(answer))
    told = dict(zip((name for name, _ in calls), answers, strict=True))
    check_reads(answers)
    if policy == "everything":
        check_changes(told, answers[5:], tmp_path)
        return
    refused = [name for (name, _), answer in zip(calls, answers, strict=True) if "refused" in text_of(answer)]
    assert {"blender_object_delete", "blender_history_undo", "blender_python_exec"} <= set(refused)
    assert ("blender_object_create" in refused) == (policy == "read-only")
    assert ("blender_export_obj" in refused) == (policy == "read-only")
    assert body(answers[29])["status"] == "failed" and "refused" in body(answers[29])["error"]


def check_reads(answers: list[dict[str, Any]]) -> None:
    info, objects, transform, tree, materials = (body(answer) for answer in answers[:5])
    assert (info["name"], info["object_count"], info["frame_start"]) == ("Scene", 3, 1)
    assert [item["name"] for item in objects["objects"]] == ["Cube"]
    assert transform == {"name": "Cube", "location": [0, 0, 0], "rotation_euler": [0, 0, 0], "scale": [1, 1, 1]}
    assert {root["name"] for root in tree["roots"]} == {"Cube", "Camera", "Light"}
    assert "Material" in [one["name"] for one in materials["materials"]]


def check_changes(told: dict[str, Any], answers: list[dict[str, Any]], folder: Path) -> None:
    assert body(told["blender_object_create"]) == {"name": NAME, "type": "MESH", "location": [1, 2, 3]}
    assert body(told["blender_object_translate"])["location"] == [1, 2, 4]
    assert body(told["blender_object_rotate"])["rotation_euler"] == [0, 0, 1.570796]
    assert body(told["blender_object_scale"])["scale"] == [2, 2, 2]
    assert body(told["blender_object_duplicate"]) == {"name": "Copy", "original": NAME, "location": [1, 2, 4]}
    assert body(told["blender_material_assign"]) == {"object": NAME, "material": f"m{NAME}"}
    assert body(told["blender_material_set_color"])["color"] == [0, 1, 0, 0.5]
    still = body(told["blender_render_still"])
    assert still == {"output_path": f"{folder}/still.png", "engine": "BLENDER_WORKBENCH", "resolution": [32, 16]}
    assert (folder / "still.png").read_bytes()[:4] == b"\x89PNG"
    assert body(told["blender_render_animation"])["frame_range"] == [1, 2]
    assert [(folder / f"film_000{frame}.png").is_file() for frame in (1, 2)] == [True, True]
    assert body(told["blender_material_set_texture"])["name"] == f"m{NAME}"
    assert (folder / "a.glb").read_bytes()[:4] == b"glTF"
    assert "o Cube" in (folder / "a.obj").read_text() and (folder / "a.fbx").read_bytes()[:5] == b"Kayda"
    assert body(told["blender_object_delete"]) == {"deleted": "Copy"}
    assert "without a window keeps no steps" in text_of(told["blender_history_undo"])
    long, code, failed, script = (body(answer) for answer in answers[17:21])
    assert long["stdout"] == "a" + "\u6905\U0001f600" * 3000 + "\n"
    assert (code["result"], code["stdout"], code["error"]) == ({"seven": 7}, f"{NAME}\n", None)
    assert "ZeroDivisionError" in failed["error"] and failed["result"] is None
    assert script["result"] == "from a file"
    status = body(answers[24])
    assert (status["status"], status["result"], status["stdout"]) == ("succeeded", {"seven": 7}, f"{NAME}\n")
    assert body(answers[25])["status"] == "succeeded", "a job that has ended cannot be cancelled"
    assert "Unknown job: job-0" in text_of(answers[26])


def test_a_job_that_keeps_blender_is_told_of_and_cancelled(port: int, policy: str) -> None:
    if policy != "everything":
        pytest.skip("code is refused")
    with LineClient(port) as client:
        endless = client.ask("python.execute_async", code="import time\nwhile True: time.sleep(0.01)")["job_id"]
        waiting = client.ask("python.execute_async", code="1")["job_id"]
        asking = "while not __cancel_event__.is_set(): pass\nprint('stopped by itself')"
        until(lambda: client.ask("job.status", job_id=endless)["status"] == "running")
        assert client.ask("job.status", job_id=waiting)["status"] == "queued"
        assert client.ask("job.cancel", job_id=waiting)["cancellation_requested"] is True
        until(lambda: client.ask("job.status", job_id=waiting)["status"] == "cancelled")
        client.ask("job.cancel", job_id=endless)
        until(lambda: client.ask("job.status", job_id=endless)["status"] == "cancelled")
        timed = client.ask("python.execute", code="while True: pass", timeout_seconds=1)
        assert timed["timed_out"] and not timed["cancelled"], timed
        polite = client.ask("python.execute_async", code=asking)["job_id"]
        until(lambda: client.ask("job.status", job_id=polite)["status"] == "running")
        client.ask("job.cancel", job_id=polite)
        until(lambda: client.ask("job.status", job_id=polite)["status"] == "cancelled")
        assert client.ask("scene.get_info")["name"] == "Scene"


@pytest.mark.parametrize(
    ("command", "params", "words"),
    [
        ("object.create_mesh", {"type": "teapot"}, "type must be one of cube, plane"),
        ("object.create_mesh", {"location": [1, 2]}, "location must be a list of 3 finite numbers"),
        ("object.create_mesh", {"location": [1, 2, "x"]}, "location must be a list of 3 finite numbers"),
        ("object.translate", {"name": "Cube", "location": [0, 0, 0], "offset": [0, 0, 0]}, "not both"),
        ("object.scale", {"name": "Nobody", "scale": [1, 1, 1]}, "Object 'Nobody' not found"),
        ("material.assign", {"object": "Camera", "material": "Material"}, "takes no material"),
        ("material.set_color", {"name": "Material", "color": [1]}, "3 or 4 numbers"),
        ("material.set_texture", {"name": "Material", "filepath": "/no/such.png"}, "there is no file"),
        ("render.still", {"engine": "NO_SUCH"}, "engine must be one of"),
        ("export.obj", {"filepath": "a"}, "filepath must be absolute"),
        ("python.execute", {}, "give code or script_path"),
        ("python.execute", {"script_path": "/no/such.py"}, "must be a .py file that exists"),
        ("job.status", {}, "Unknown job"),
    ],
)
def test_what_is_wrong_is_named(port: int, policy: str, command: str, params: dict[str, Any], words: str) -> None:
    if policy != "everything":
        pytest.skip("the same under every policy, or refused")
    with LineClient(port) as client:
        assert words in client.refused(command, **params)


def until(is_so: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)
