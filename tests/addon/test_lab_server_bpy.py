"""Blender Lab's server, against real Blender: the tools of it that speak to an add-on, under each policy.

It is not on a registry. `blender-mcp-connect` is, which keeps its tools and its framing (NUL, one request a connection)
and finds Blenders by files of its own unless it is told a port, as here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import Program
from test_every_local_tool import NAME, POLICIES, Calls, text_of
from test_local_port_bpy import port_of
from test_local_servers import talk_with

pytestmark = pytest.mark.bpy

PINS = ("blender-mcp-connect==0.1.0",)
PRINTS = f"import bpy\nprint('{NAME}' * 3000)\nresult = {{'name': bpy.context.scene.name, 'odd': bpy.context.scene}}"
LATER = """
import time
until = time.monotonic() + 1
def check_is_finished():
    return {"waited": True} if time.monotonic() > until else None
"""
CALLS: Calls = [
    ("execute_blender_code", {"code": PRINTS}),
    ("execute_blender_code", {"code": LATER}),
    ("execute_blender_code", {"code": "1/0"}),
    ("get_objects_summary", {}),
    ("get_object_detail_summary", {"name": "Cube"}),
    ("get_blendfile_summary_datablocks", {}),
    ("get_blendfile_summary_missing_files", {}),
    ("get_blendfile_summary_of_linked_libraries", {}),
    ("get_blendfile_summary_path_info", {}),
    ("get_blendfile_summary_usage_guess", {}),
    ("render_viewport_to_path", {"output_path": "picture.png"}),
    ("render_thumbnail_to_path", {"output_path": "small.png"}),
    ("get_screenshot_of_area_as_image", {"area_ui_type": "VIEW_3D"}),
    ("get_screenshot_of_window_as_image", {}),
    ("get_screenshot_of_window_as_json", {}),
    ("jump_to_tab_by_name", {"name": "Layout"}),
    ("jump_to_tab_by_space_type", {"space_type": "VIEW_3D"}),
    ("jump_to_view3d_object_by_name", {"name": "Cube"}),
    ("jump_to_view3d_object_data_by_name", {"name": "Cube"}),
]
# Those that look at the scene need no window, and say so in the form the server expects.
LOOKS = [name for name, _ in CALLS[3:10]]


@pytest.fixture(scope="module", params=POLICIES)
def policy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def port(policy: str) -> Iterator[int]:
    with Program("-m", "addon", "--local-port", "0", "--policy", policy) as program:
        yield port_of(program)


@pytest.mark.timeout(200)
def test_every_tool_is_answered(port: int, policy: str, tmp_path: Path) -> None:
    answered = talk_with(PINS, "blmcp", CALLS, port, tmp_path)
    missing = {name for name in answered["tools"] if not name.endswith("_for_cli")} - {name for name, _ in CALLS}
    assert missing <= {"get_python_api_docs", "search_api_docs", "search_manual_docs"}, "these ask no Blender"
    told = [(name, text_of(answer)) for (name, _), answer in zip(CALLS, answered["answers"], strict=True)]
    for name, text in told:
        assert "Socket error" not in text and "invalid response" not in text and "refused connection" not in text, name
    if policy != "everything":
        assert all("refused" in text for _, text in told), [name for name, text in told if "refused" not in text]
        return
    printed, later, failed = (answer for answer in answered["answers"][:3])
    check_code(body(printed), body(later), body(failed))
    for name, text in told:
        if name in LOOKS:
            assert '"status": "ok"' in text, (name, text[:500])
    detail = dict(told)["get_object_detail_summary"]
    assert '"MESH"' in detail and "Cube" in detail


def check_code(printed: dict[str, Any], later: dict[str, Any], failed: dict[str, Any]) -> None:
    assert (printed["status"], printed["result"]["name"]) == ("ok", "Scene")
    assert printed["stdout"] == NAME * 3000 + "\n" and "Scene" in printed["result"]["odd"]
    assert later == {"status": "ok", "result": {"waited": True}, "stdout": ""}
    assert failed["status"] == "error" and "ZeroDivisionError" in failed["message"]


def body(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(text_of(answer)))
