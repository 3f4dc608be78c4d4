"""The servers of the field, as published on PyPI and unmodified, against real Blender's local port."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import local_servers
import pytest
from processes import Program
from test_local_port_bpy import port_of

pytestmark = pytest.mark.bpy

WORDS = {"user_prompt": "show me the scene"}
# What is installed, the module that holds main(), and how each release spells the four calls.
CLASSIC: list[Any] = [
    ["get_scene_info", WORDS],
    ["get_object_info", {"object_name": "Cube", **WORDS}],
    ["execute_blender_code", {"code": "print(6 * 7)", **WORDS}],
    ["get_viewport_screenshot", {"max_size": 64}],
]
NEW: list[Any] = [
    ["get_scene_info", {"root": "Cube", **WORDS}],
    ["get_scene_info", {"query": "Cube", **WORDS}],
    ["execute_blender_code", {"code": "print(6 * 7)", **WORDS}],
    ["look", {"max_size": 64}],
]
RELEASES = {
    "1.6.5": (("blender-mcp==1.6.5",), "blender_mcp.server", CLASSIC),
    "1.9.4": (("blender-mcp==1.9.4",), "blender_mcp.server", CLASSIC),
    "2.0.0": (("blender-mcp==2.0.0", "mcp-for-blender==2.2.4"), "blender_mcp_shim", NEW),
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Program("-m", "addon", "--local-port", "0") as program:
        yield port_of(program)


def talk(pins: tuple[str, ...], module: str, calls: list[Any], port: int, home: Path) -> list[dict[str, Any]]:
    """Call the tools of a server and return what they answered."""
    return list(talk_with(pins, module, calls, port, home)["answers"])


def talk_with(pins: tuple[str, ...], module: str, calls: list[Any], port: int, home: Path) -> dict[str, Any]:
    """Call the tools of a server; return `tools`, the names it lists, and `answers`."""
    env = {
        **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        "HOME": str(home),
        "BLENDER_HOST": "127.0.0.1",
        "BLENDER_PORT": str(port),
        "BLENDER_MCP_HOST": "127.0.0.1",
        "BLENDER_MCP_PORT": str(port),
        "BLENDER_MCP_TOKEN": "none is asked for",
        # These servers report to their makers; a test must not.
        "DISABLE_TELEMETRY": "true",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    script = Path(__file__).with_name("talk_to_server.py")
    folder = local_servers.server(*pins)
    command = [str(local_servers.interpreter()), str(script), str(folder), module, json.dumps(calls)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("release", RELEASES)
def test_published_server_works_unmodified(release: str, port: int, tmp_path: Path) -> None:
    pins, module, calls = RELEASES[release]
    scene, thing, code, picture = talk(pins, module, calls, port, tmp_path)
    assert not any(answer["error"] for answer in (scene, thing, code, picture)), (scene, thing, code, picture)
    assert "Cube" in scene["content"][0]["text"]
    assert "Error" not in scene["content"][0]["text"]
    assert "MESH" in thing["content"][0]["text"].upper()
    assert code["content"][0]["text"] == "Code executed successfully: 42\n"
    [image] = [block for block in picture["content"] if block["type"] == "image"]
    assert base64.b64decode(image["data"])[:8] == b"\x89PNG\r\n\x1a\n"


def test_error_of_the_code_reaches_the_model(port: int, tmp_path: Path) -> None:
    pins, module, _ = RELEASES["1.6.5"]
    calls: list[Any] = [["execute_blender_code", {"code": "raise ValueError('wrong')"}], CLASSIC[2]]
    failed, after = talk(pins, module, calls, port, tmp_path)
    assert "ValueError: wrong" in failed["content"][0]["text"]
    assert "42" in after["content"][0]["text"]
