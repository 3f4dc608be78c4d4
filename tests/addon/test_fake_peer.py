"""The example peer without Blender."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus

import pytest
from bus_double import TOKEN, BusDouble, http_answer, record
from catalog_names import COMMANDS
from front import Front
from processes import Program
from test_credentials import HttpDouble, tokens_answer

SCRIPT = "examples/fake_blender_peer.py"

PARAMS = {
    "get_object_info": {"name": "Cube"},
    "browse_data": {"collection": "objects"},
    "execute_code": {"code": "print(1)"},
    "set_texture": {"object_name": "Cube", "texture_id": "wood"},
    "export_file": {"format": "glb"},
    "import_file": {"file_id": "f-0123456789abcdefghijkl"},
}
# This bus takes no files, which they say; tests/examples has one that does.
FILES = ("export_file", "import_file")


def fake(bus: BusDouble, *arguments: str) -> Program:
    return Program(SCRIPT, "--server", bus.url, "--uuid", "blender-demo01", *arguments)


def test_it_prints_three_lines_and_answers_all_commands(bus: BusDouble) -> None:
    with fake(bus, "--token", TOKEN) as peer:
        assert bus.registered()["client_uuid"] == "blender-demo01"
        for line in ("[peer] Connected as blender-demo01", "[peer] register_client ok", "[peer] waiting for jobs..."):
            assert peer.lines.get(timeout=10) == line
        for command in COMMANDS:
            update = bus.ask(command, **PARAMS.get(command, {}))
            if command in FILES:
                assert update["status"] == "failed" and "the server's files: HTTP" in update["error"], update
            else:
                assert (update["status"], update["error"]) == ("completed", ""), command
            assert bus.progress.get(timeout=5)["progressToken"] == update["job_id"]


def test_scene_has_cube_light_and_camera_and_the_screenshot_is_a_picture(bus: BusDouble) -> None:
    with fake(bus, "--token", TOKEN):
        bus.registered()
        scene = json.loads(bus.ask("get_scene_info")["result"])
        assert [item["name"] for item in scene["objects"]] == ["Cube", "Light", "Camera"]
        image = json.loads(bus.ask("get_viewport_screenshot")["result"])["image"]
        assert base64.b64decode(image["data"])[:8] == b"\x89PNG\r\n\x1a\n"


def test_unknown_things_fail_and_garbage_is_passed_over(bus: BusDouble) -> None:
    bus.after_registration = ["nonsense", "[]", '{"jsonrpc":"2.0","method":"x"}', record({"kind": "other"})]
    with fake(bus, "--token", TOKEN):
        bus.registered()
        assert bus.ask("make_coffee")["error"] == "Unknown command type: make_coffee"
        assert bus.ask("get_object_info", name="Nope")["status"] == "failed"
        assert bus.ask("browse_data", collection="objects", page="x")["status"] == "failed"
        assert bus.ask("get_scene_info")["status"] == "completed"


def test_it_reconnects_and_sends_again_what_was_not_confirmed(bus: BusDouble) -> None:
    bus.answer_updates = False
    with fake(bus, "--token", TOKEN):
        bus.registered()
        first = bus.ask("get_scene_info")
        bus.answer_updates = True
        bus.cut()
        bus.registered()
        assert bus.updates.get(timeout=5) == first


def test_without_a_token_it_logs_in_as_demo(bus: BusDouble) -> None:
    http = HttpDouble()
    http.answers["/auth/login"] = tokens_answer("fresh")
    bus.tokens = {"fresh"}
    try:
        with Front(bus.port, int(http.url.rsplit(":", 1)[1])) as front, Program(SCRIPT, "--server", front.url):
            assert bus.registered()["client_uuid"] == "blender-demo01"
            assert http.requests == [("/auth/login", {"username": "demo", "password": "demo"})]
            bus.close(4401, "expired")
            bus.registered()
            assert len(http.requests) == 2
    finally:
        http.close()


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN])
def test_refused_token_ends_it(bus: BusDouble, status: HTTPStatus) -> None:
    bus.refusal = lambda request: http_answer(status)
    with fake(bus, "--token", "bad") as peer:
        assert peer.ended() == 1
        assert f"HTTP {status.value}" in peer.text


def test_replaced_peer_ends(bus: BusDouble) -> None:
    with fake(bus, "--token", TOKEN) as peer:
        bus.registered()
        bus.close(4409, "newer")
        assert peer.ended() == 1
