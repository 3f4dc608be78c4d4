"""`python -m addon`: real Blender without a window, attached over a real WebSocket."""

from __future__ import annotations

import json
import queue
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bus_double import TOKEN, BusDouble
from conftest import ROOT
from front import Front
from processes import Program
from test_credentials import HttpDouble, tokens_answer

pytestmark = pytest.mark.bpy


def headless(bus: BusDouble, *arguments: str) -> Program:
    return Program(
        "-m", "addon", "--server", bus.url, "--uuid", "blender-test", *arguments, env={"BLENDER_BUS_TOKEN": TOKEN}
    )


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[BusDouble, Program]]:
    with BusDouble() as bus, headless(bus, "--group", "farm") as peer:
        yield bus, peer


def test_peer_says_what_it_does(shared: tuple[BusDouble, Program]) -> None:
    bus, peer = shared
    peer.until("[peer] Connected as blender-test")
    peer.until("[peer] register_client ok")
    peer.until("[peer] waiting for jobs...")
    registration = bus.registered()
    assert registration["group_id"] == "farm"
    assert registration["capabilities"][:1] == ["job_ack"]
    assert re.search(r"\bblender:\d+\.\d+\.\d+\b", " ".join(registration["capabilities"]))
    assert "policy:everything" in registration["capabilities"]


def test_code_runs_and_its_output_is_the_result(shared: tuple[BusDouble, Program]) -> None:
    update = shared[0].ask("execute_code", code="import bpy; print(len(bpy.data.objects))")
    assert update.pop("extra")["changes"]["summary"] == "nothing changed"
    assert update == {"job_id": update["job_id"], "status": "completed", "result": "3\n", "error": ""}


def test_scene_is_told(shared: tuple[BusDouble, Program]) -> None:
    scene = json.loads(shared[0].ask("get_scene_info")["result"])
    assert {item["name"] for item in scene["objects"]} == {"Cube", "Light", "Camera"}


def test_raising_code_fails_with_its_traceback(shared: tuple[BusDouble, Program]) -> None:
    update = shared[0].ask("execute_code", code="print('so far')\nraise ValueError('wrong')")
    assert update["status"] == "failed"
    assert "line 2" in update["error"]
    assert "raise ValueError('wrong')" in update["error"]
    assert "so far" in update["error"]


def test_thirty_megabytes_of_output_fail_and_the_link_lives(shared: tuple[BusDouble, Program]) -> None:
    bus, peer = shared
    update = bus.ask("execute_code", code="print('x' * 30_000_000)")
    assert update["status"] == "failed"
    assert "1048576 bytes" in update["error"]
    assert bus.ask("execute_code", code="print(1)")["result"] == "1\n"
    assert len(bus.requests) == 1


def test_screenshot_travels_with_its_image(shared: tuple[BusDouble, Program]) -> None:
    document = json.loads(shared[0].ask("get_viewport_screenshot", max_size=64)["result"])
    assert document["image"]["mime_type"] == "image/png"


def test_exit_in_the_code_does_not_end_the_peer(shared: tuple[BusDouble, Program]) -> None:
    assert shared[0].ask("execute_code", code="import sys; sys.exit(1)")["status"] == "failed"
    assert shared[0].ask("execute_code", code="print(2)")["result"] == "2\n"


def test_printing_loop_is_stopped_by_a_cancel(shared: tuple[BusDouble, Program]) -> None:
    bus = shared[0]
    job_id = bus.dispatch("execute_code", {"code": "import time\nwhile True:\n    print(1); time.sleep(0.01)"})
    time.sleep(0.3)
    bus.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": job_id}}))
    assert bus.updates.get(timeout=10)["status"] == "cancelled"


def test_thousand_jobs_in_a_row_are_fast_and_memory_is_steady(shared: tuple[BusDouble, Program]) -> None:
    bus, peer = shared

    def resident_megabytes() -> float:
        status = Path(f"/proc/{peer.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    for _ in range(200):
        bus.ask("get_scene_info")
    before, started = resident_megabytes(), time.monotonic()
    for _ in range(1000):
        bus.ask("get_scene_info")
    assert (time.monotonic() - started) / 1000 < 0.02
    assert resident_megabytes() - before < 5


def test_cut_connection_comes_back(shared: tuple[BusDouble, Program]) -> None:
    bus, peer = shared
    bus.cut()
    peer.until("[peer] Connection lost")
    bus.registered()
    peer.until("[peer] waiting for jobs...")
    assert bus.ask("execute_code", code="print(3)")["result"] == "3\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_peer_cleanly(bus: BusDouble, number: int) -> None:
    with headless(bus) as peer:
        bus.registered(60)
        started = time.monotonic()
        peer.process.send_signal(number)
        assert peer.ended() == 0
        assert time.monotonic() - started < 3
        assert "[peer] stopped" in peer.text
        assert "Traceback" not in peer.text


def test_signal_ends_a_job_that_would_never_end_and_both_jobs_are_answered(bus: BusDouble) -> None:
    with headless(bus) as peer:
        bus.registered(60)
        running = bus.dispatch("execute_code", {"code": "while True: pass"})
        bus.progress.get(timeout=10)
        waiting = bus.dispatch("get_scene_info")
        bus.progress.get(timeout=10)
        time.sleep(0.2)
        peer.process.send_signal(signal.SIGTERM)
        assert peer.ended() == 0
        updates = {update["job_id"]: update for update in (bus.updates.get(timeout=1), bus.updates.get(timeout=1))}
        assert "shutting down" in updates[running]["error"]
        assert "shut down before" in updates[waiting]["error"]


def test_refused_token_ends_the_peer_with_status_1(bus: BusDouble) -> None:
    bus.tokens.clear()
    with headless(bus) as peer:
        assert peer.ended(60) == 1
        assert "Log in again" in peer.text


def test_replaced_peer_ends_with_status_1(bus: BusDouble) -> None:
    with headless(bus) as peer:
        bus.registered(60)
        bus.close(4409, "replaced")
        assert peer.ended() == 1
        assert "same UUID" in peer.text


def test_password_login_and_renewal_after_4401(bus: BusDouble) -> None:
    http = HttpDouble()
    http.answers["/auth/login"] = tokens_answer("first", "r1")
    http.answers["/auth/refresh"] = tokens_answer("second", "r2")
    bus.tokens = {"first"}
    try:
        with Front(bus.port, int(http.url.rsplit(":", 1)[1])) as front:
            arguments = ["-m", "addon", "--server", front.url, "--username", "demo"]
            with Program(*arguments, env={"BLENDER_BUS_PASSWORD": "secret"}) as peer:
                bus.registered(60)
                assert http.requests == [("/auth/login", {"username": "demo", "password": "secret"})]
                bus.tokens = {"second"}
                bus.close(4401, "expired")
                bus.registered(60)
                assert http.requests[1:] == [("/auth/refresh", {"refresh_token": "r1"})]
                assert bus.ask("execute_code", code="print(1)")["result"] == "1\n"
                assert "secret" not in peer.text
    finally:
        http.close()


def test_uuid_is_the_same_in_every_run_and_differs_by_file(bus: BusDouble, tmp_path: Path, bpy: Any) -> None:
    blend = tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), copy=True)
    uuids = []
    for arguments in ([], [], ["--file", str(blend)]):
        with Program("-m", "addon", "--server", bus.url, "--token", TOKEN, *arguments):
            registration = bus.registered(60)
            uuids.append(registration["client_uuid"])
    assert uuids[0] == uuids[1] != uuids[2]
    assert uuids[0].startswith("blender-")
    assert "file:shot.blend" in registration["capabilities"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--server or BLENDER_BUS_SERVER"),
        (["--server", "http://x"], "--token (BLENDER_BUS_TOKEN) or --username"),
        (["--server", "ftp://x", "--token", "t"], "not a server URL"),
        (["--server", "http://x", "--token", "t", "--uuid", "a b"], "a uuid has"),
        (["--server", "http://x", "--token", "t", "--file", "/no/such.blend"], "there is no /no/such.blend"),
    ],
)
def test_wrong_arguments_end_with_status_2_and_what_is_expected(arguments: list[str], told: str) -> None:
    with Program("-m", "addon", *arguments) as peer:
        assert peer.ended() == 2
        assert told in peer.text


def test_file_runs_as_a_script_with_its_arguments_after_two_dashes(bus: BusDouble) -> None:
    # As `blender -b --python addon/headless.py -- ...` runs it: no package, Blender's own arguments first.
    script = str(ROOT / "addon" / "headless.py")
    code = (
        "import sys, runpy, bpy; "
        f"sys.argv = ['blender', '-b', '--python', {script!r}, '--', *sys.argv[1:]]; "
        f"runpy.run_path({script!r}, run_name='__main__')"
    )
    with Program("-c", code, "--server", bus.url, "--token", TOKEN, "--uuid", "blender-script", cwd=Path("/")):
        assert bus.registered(60)["client_uuid"] == "blender-script"
        assert bus.ask("execute_code", code="print(1)")["result"] == "1\n"


def test_no_frame_is_left_when_nothing_happens(shared: tuple[BusDouble, Program]) -> None:
    with pytest.raises(queue.Empty):
        shared[0].updates.get(timeout=0.2)
