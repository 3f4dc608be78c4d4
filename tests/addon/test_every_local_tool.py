"""Every tool of every published local server, unmodified, against real Blender's local port under each policy.

Asset services are switched off here, so what belongs to them says so; the services have tests of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import Program
from test_local_port_bpy import port_of
from test_local_servers import talk_with

pytestmark = pytest.mark.bpy

Calls = list[tuple[str, dict[str, Any]]]
POLICIES = ("everything", "ask", "read-only")
NAME = "\u6905\u5b50\U0001fa91"
WORDS = {"user_prompt": f"describe the {NAME}"}
# The servers receive 8,192 bytes at a time: in two of three alignments a character of three bytes would be cut.
LONG = [{"code": f"print('{'a' * shift}' + '\u6905\U0001f600' * 3000)", **WORDS} for shift in range(3)]
RENAMED = {"code": f"import bpy; bpy.context.scene.objects['Cube'].name = '{NAME}'", **WORDS}
BACK = {"code": f"import bpy; bpy.context.scene.objects['{NAME}'].name = 'Cube'", **WORDS}
# What a user reads where a server finds that the add-on cannot do what it needs. A service that is off says so.
OFF = r"(?!.*(?:is switched off|Blender Bus has no integration of))"
WRONG = re.compile(rf"codec can't decode|too old|Unknown command type{OFF}|unexpected keyword", re.DOTALL)

FIRST: Calls = [
    *[("execute_blender_code", code) for code in LONG],
    ("execute_blender_code", RENAMED),
    ("get_scene_info", WORDS),
    ("get_object_info", {"object_name": NAME, **WORDS}),
    ("get_viewport_screenshot", {"max_size": 64}),
    ("execute_blender_code", BACK),
    ("get_polyhaven_status", {}),
    ("get_polyhaven_categories", {}),
    ("search_polyhaven_assets", {"categories": NAME}),
    ("download_polyhaven_asset", {"asset_id": NAME, "asset_type": "models"}),
    ("set_texture", {"object_name": NAME, "texture_id": "x"}),
    ("get_hyper3d_status", {}),
    ("get_sketchfab_status", {}),
    ("search_sketchfab_models", {"query": NAME}),
    ("get_sketchfab_model_preview", {"uid": "u"}),
    ("download_sketchfab_model", {"uid": "u", "target_size": 1.0}),
    ("generate_hyper3d_model_via_text", {"text_prompt": NAME}),
    ("generate_hyper3d_model_via_images", {"input_image_urls": ["https://example.com/x.png"]}),
    ("poll_rodin_job_status", {"subscription_key": "k"}),
    ("import_generated_asset", {"name": NAME, "task_uuid": "t"}),
    ("get_hunyuan3d_status", {}),
    ("generate_hunyuan3d_model", {"text_prompt": NAME}),
    ("poll_hunyuan_job_status", {"job_id": "job_1"}),
    ("import_generated_asset_hunyuan", {"name": NAME, "zip_file_url": "https://example.com/x.zip"}),
]
SECOND: Calls = [
    *FIRST,
    ("get_addon_status", {}),
    ("disable_telemetry", {}),
    ("describe_node_type", {"bl_idname": "ShaderNodeMix", "property_overrides": {"data_type": "RGBA"}}),
    ("bpy_api_lookup", {"query": "bpy.ops.mesh.primitive_cube_add"}),
    ("get_polypizza_status", {}),
    ("search_polypizza_models", {"query": NAME}),
    ("download_polypizza_model", {"model_id": "m"}),
    ("export_scene", {"filepath": f"{{folder}}/{NAME}.glb", "object_names": ["Cube"]}),
    ("record_trajectory_feedback", {"feedback": "good"}),
]
THIRD: Calls = [
    ("get_addon_status", {}),
    ("disable_telemetry", {}),
    *[("execute_blender_code", code) for code in LONG],
    ("execute_blender_code", RENAMED),
    ("get_scene_info", {"query": NAME, **WORDS}),
    ("look", {"max_size": 64}),
    ("look", {"mode": "angles", "target": [NAME], "max_size": 64}),
    ("search_mentions", {"query": NAME}),
    ("execute_blender_code", BACK),
    ("generate_3d", {"prompt": NAME}),
    ("search_assets", {"source": "polyhaven", "query": NAME, "previews": 2}),
    ("search_assets", {"source": "sketchfab", "query": NAME}),
    ("search_assets", {"source": "polypizza", "query": NAME}),
    ("import_asset", {"source": "polyhaven", "id": NAME, "asset_type": "models"}),
    ("record_trajectory_feedback", {"feedback": "good"}),
    ("open_viewport", {}),
    ("viewport_capture", {"max_size": 64}),
    ("viewport_latest", {}),
    ("viewport_pick", {"seq": 1, "x": 0.5, "y": 0.5}),
]
SERVERS: dict[str, tuple[tuple[str, ...], str, Calls]] = {
    "1.5.5": (("blender-mcp==1.5.5",), "blender_mcp.server", FIRST),
    "1.6.4": (("blender-mcp==1.6.4",), "blender_mcp.server", FIRST),
    "1.6.5": (("blender-mcp==1.6.5",), "blender_mcp.server", FIRST),
    "1.9.4": (("blender-mcp==1.9.4",), "blender_mcp.server", SECOND),
    "2.2.4": (("blender-mcp==2.0.0", "mcp-for-blender==2.2.4"), "blender_mcp_shim", THIRD),
}


@pytest.fixture(scope="module", params=POLICIES)
def policy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def port(policy: str) -> Iterator[int]:
    with Program("-m", "addon", "--local-port", "0", "--policy", policy) as program:
        yield port_of(program)


def filled(calls: Calls, folder: Path) -> Calls:
    """The calls with paths in `folder`."""
    return [
        (
            name,
            {
                key: value.replace("{folder}", str(folder)) if isinstance(value, str) else value
                for key, value in arguments.items()
            },
        )
        for name, arguments in calls
    ]


def text_of(answer: dict[str, Any]) -> str:
    return "\n".join(str(block.get("text", "")) for block in answer["content"])


@pytest.mark.parametrize("server", SERVERS)
def test_every_tool_is_answered(server: str, port: int, policy: str, tmp_path: Path) -> None:
    pins, module, calls = SERVERS[server]
    answered = talk_with(pins, module, filled(calls, tmp_path), port, tmp_path)
    assert set(answered["tools"]) <= {name for name, _ in calls}, "a tool that is not called here"
    told = list(zip(calls, answered["answers"], strict=True))
    wrong = [(name, text_of(answer)[:500]) for (name, _), answer in told if WRONG.search(text_of(answer))]
    assert wrong == []
    texts = {name: text_of(answer) for (name, _), answer in told}
    printed = [text_of(answer) for (name, arguments), answer in told if arguments in LONG]
    check_printed(printed, policy)
    pictures = [block for answer in answered["answers"] for block in answer["content"] if block["type"] == "image"]
    assert pictures, "looking is allowed under every policy"
    if policy == "everything":
        check_lookups(server, texts, answered["answers"], tmp_path)


def check_printed(printed: list[str], policy: str) -> None:
    for shift, text in enumerate(printed):
        if policy == "everything":
            assert "a" * shift + "\u6905\U0001f600" * 3000 in text
        else:
            assert "refused" in text, text[:300]


def check_lookups(server: str, texts: dict[str, str], answers: list[dict[str, Any]], folder: Path) -> None:
    escaped = json.dumps(NAME)[1:-1]
    assert any(name in texts["get_scene_info"] for name in (NAME, escaped)), texts["get_scene_info"]
    if server == "1.9.4":
        assert '"RGBA"' in texts["describe_node_type"] and "Factor" in texts["describe_node_type"]
        assert "bpy.ops.mesh.primitive_cube_add" in texts["bpy_api_lookup"] and '"size"' in texts["bpy_api_lookup"]
        assert (folder / f"{NAME}.glb").read_bytes()[:4] == b"glTF"
    if server == "2.2.4":
        assert '"up_to_date": true' in texts["get_addon_status"]
        mentioned = next(answer["structured"] for answer in answers if "items" in (answer["structured"] or {}))
        assert [item["name"] for item in mentioned["items"]] == [NAME]
