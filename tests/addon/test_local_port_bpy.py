"""The local port with real Blender behind it, headless."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bus_double import TOKEN, BusDouble
from local_client import LocalClient, execute
from processes import Program

pytestmark = pytest.mark.bpy


def port_of(program: Program) -> int:
    return int(program.until("[peer] local port: Running on").rsplit(" ", 1)[1])


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Program("-m", "addon", "--local-port", "0") as program:
        yield port_of(program)


def test_scene_and_object_are_told(port: int) -> None:
    with LocalClient(port) as client:
        assert client.ask("get_scene_info")["result"]["object_count"] == 3
        assert client.ask("get_object_info", name="Cube", user_prompt="?")["result"]["type"] == "MESH"
        assert client.ask("get_object_info", name="Nope")["message"].startswith("Object not found: Nope")


def test_code_has_the_shape_of_the_field_and_its_output_is_whole(port: int) -> None:
    with LocalClient(port) as client:
        assert client.ask("execute_code", code="print(6 * 7)")["result"] == {"executed": True, "result": "42\n"}
        reply = client.ask("execute_code", code="print('x' * 3_000_000)")
        assert len(reply["result"]["result"]) == 3_000_001
        assert "line 1" in client.ask("execute_code", code="1/0")["message"]
        assert "code must be a string" in client.ask("execute_code", code=5)["message"]


def test_screenshot_is_written_where_it_was_asked_for(port: int, tmp_path: Path) -> None:
    path = tmp_path / "view.png"
    with LocalClient(port) as client:
        result = client.ask("get_viewport_screenshot", max_size=64, filepath=str(path), format="png")["result"]
    assert (result["success"], result["filepath"], "image" in result) == (True, str(path), False)
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_extra_commands_of_the_field(port: int) -> None:
    with LocalClient(port) as client:
        assert client.ask("ping")["result"] == {"pong": True}
        assert client.ask("get_telemetry_consent")["result"] == {"consent": False}
        assert client.ask("get_hunyuan3d_status")["result"]["enabled"] is False
        info = client.ask("get_addon_info")["result"]
        assert (info["name"], info["addon_version"], info["protocol_version"]) == ("Blender Bus", [0, 1, 0], 15)
        assert "execute_code" in info["capabilities"]
        assert re.match(r"\d+\.\d+\.\d+", info["blender_version"])
        assert client.ask("make_coffee")["message"] == "Unknown command type: make_coffee"


def test_answers_to_newer_servers(port: int) -> None:
    with LocalClient(port) as client:
        for name in ("polypizza", "meshy", "tripo"):
            assert client.ask(f"get_{name}_status")["result"]["enabled"] is False
        assert client.ask("set_telemetry_consent", consent=True)["result"]["consent"] is False
        items = client.ask("list_scene_items", query="cam", limit=5)["result"]
        assert items == {"items": [{"kind": "object", "name": "Camera", "detail": "Camera object"}], "total": 1}
        kinds = {item["kind"] for item in client.ask("list_scene_items")["result"]["items"]}
        assert kinds == {"object", "material", "collection"}
        told = client.ask("get_object_info", name="Cube", depth=3)["message"]
        assert told == "get_object_info() got an unexpected keyword argument 'depth'"
        assert client.ask("get_object_info", name="Cube", depth=None)["status"] == "success"
        info = client.ask("get_addon_info")["result"]
        assert "get_scene_info" in info["capabilities"]
        assert "search_sketchfab_models" not in info["capabilities"]
        assert info["policy"] == "everything"


def test_answers_are_ascii(port: int) -> None:
    with LocalClient(port) as client:
        client.send({"type": "execute_code", "params": {"code": "print('a' + '\u6905\U0001f600' * 3000)"}})
        raw = b""
        while not raw.endswith(b"}}"):
            raw += client.socket.recv(8192)
            raw.decode("ascii")
        assert json.loads(raw)["result"]["result"] == "a" + "\u6905\U0001f600" * 3000 + "\n"


def test_a_server_that_frames_by_lines_is_served(port: int) -> None:
    with LocalClient(port) as client:
        stream = client.socket.makefile("rb")

        def ask(command: str, **params: object) -> dict[str, object]:
            client.send(json.dumps({"id": command, "command": command, "params": params}).encode() + b"\n")
            return dict(json.loads(stream.readline()))

        assert ask("scene.get_info")["success"] is True
        assert ask("scene.list_objects", type="MESH")["result"]["objects"][0]["name"] == "Cube"  # type: ignore[index]
        assert "42\n" in ask("python.execute", code="print(6 * 7)")["result"].values()  # type: ignore[attr-defined]
        assert "Unknown command type" in str(ask("history.forget")["error"])


def test_result_is_preset_and_printed_text_is_apart(port: int) -> None:
    assert execute(port, "print('hi')") == {"status": "ok", "result": {}, "stdout": "hi\n"}
    assert execute(port, "result['n'] = len(bpy.data.objects)", True)["result"] == {"n": 3}
    assert execute(port, "result = [1, None, 'é']", True)["result"] == [1, None, "é"]


def test_values_json_cannot_hold_are_their_repr_or_an_error(port: int) -> None:
    code = "result = {'o': bpy.data.objects['Cube'], 1: float('inf'), (2,): {3}, 'n': [1.5]}"
    reply = execute(port, code)
    assert reply["result"] == {"o": "bpy.data.objects['Cube']", "1": "inf", "(2,)": "{3}", "n": [1.5]}
    strict = execute(port, code, True)
    assert strict["status"] == "error"
    assert "strict_json" in strict["message"]


def test_error_is_the_traceback(port: int) -> None:
    reply = execute(port, "def f():\n    raise KeyError('gone')\nf()")
    assert reply["status"] == "error"
    assert reply["message"].startswith("Traceback")
    assert "line 2, in f" in reply["message"]
    assert execute(port, "import sys; sys.exit(3)")["status"] == "error"


def test_check_is_finished_is_polled_on_the_main_thread_until_it_returns_a_dict(port: int) -> None:
    code = (
        "import threading, time\nseen = []\nuntil = time.monotonic() + 1.0\n"
        "def check_is_finished():\n"
        "    seen.append(threading.current_thread() is threading.main_thread())\n"
        "    print('.', end='')\n"
        "    return {'main': all(seen), 'polls': len(seen)} if time.monotonic() > until else None\n"
        "print('begun')"
    )
    replies: list[dict[str, object]] = []
    waiting = threading.Thread(target=lambda: replies.append(execute(port, code)))
    waiting.start()
    with LocalClient(port) as client:
        # Blender works for others meanwhile.
        assert client.ask("get_scene_info")["status"] == "success"
        assert waiting.is_alive()
    waiting.join(30)
    [reply] = replies
    assert reply["status"] == "ok"
    assert reply["result"]["main"] is True  # type: ignore[index]
    assert reply["result"]["polls"] > 3  # type: ignore[index]
    assert str(reply["stdout"]).startswith("begun\n...")


def test_raising_check_is_an_error(port: int) -> None:
    reply = execute(port, "def check_is_finished():\n    raise ValueError('late')")
    assert "ValueError: late" in reply["message"]


def test_port_is_free_after_a_crash_and_survives_loading_a_file() -> None:
    with Program("-m", "addon", "--local-port", "0") as program:
        port = port_of(program)
        with LocalClient(port) as client:
            # What it has changed is kept in a checkpoint before another file is loaded.
            assert client.ask("execute_code", code="bpy.ops.mesh.primitive_cube_add()")["status"] == "success"
            assert client.ask("execute_code", code="bpy.ops.wm.read_homefile(use_empty=True)")["status"] == "success"
            assert client.ask("get_scene_info")["result"]["object_count"] == 0
            os.kill(program.process.pid, signal.SIGKILL)
            program.ended()
            with Program("-m", "addon", "--local-port", str(port)) as successor:
                assert port_of(successor) == port
                with Program("-m", "addon", "--local-port", str(port)) as third:
                    assert third.ended(60) == 1
                    assert f"Port {port} is taken" in third.text
                successor.process.send_signal(signal.SIGTERM)
                assert successor.ended() == 0, successor.text


def test_bus_and_local_port_at_the_same_time(bus: BusDouble) -> None:
    arguments = ("-m", "addon", "--server", bus.url, "--local-port", "0", "--uuid", "blender-test")
    with Program(*arguments, env={"BLENDER_BUS_TOKEN": TOKEN}) as program:
        port = port_of(program)
        bus.registered(60)
        with LocalClient(port) as client:
            assert client.ask("execute_code", code="bpy.app.driver_namespace['n'] = 5")["status"] == "success"
            assert bus.ask("execute_code", code="print(bpy.app.driver_namespace['n'])")["result"] == "5\n"
