"""The folder as an extension of Blender: enabled by Blender's own machinery, operated by its operators."""

from __future__ import annotations

from pathlib import Path

import pytest
from bus_double import TOKEN, BusDouble
from enabled import MODULE, blender
from test_credentials import HttpDouble

pytestmark = pytest.mark.bpy


def test_blender_unpacks_the_wheel_and_registers_everything(resources: Path) -> None:
    script = """
print(type(bpy.ops.blender_bus.connect).__name__, bpy.types.BLENDERBUS_PT_bus.bl_category)
print(bpy.ops.blender_bus.login.poll(), prefs.bl_rna.properties["token"].subtype)
import glob
print("unpacked:", len(glob.glob("extensions/.local/lib/python3.11/site-packages/websockets/__init__.py")))
leave()
"""
    with blender(resources, script) as program:
        assert program.ended(60) == 0, program.text
        assert "Bus\n" in program.text
        assert "True PASSWORD" in program.text
        assert "threads left: []" in program.text
        assert "Error" not in program.text
        assert "unpacked: 1" in program.text


def test_connect_runs_jobs_and_disabling_ends_the_thread(resources: Path, bus: BusDouble) -> None:
    script = """
bpy.context.preferences.system.use_online_access = True
prefs.server_url, prefs.token = sys.argv[1:]
print(bpy.ops.blender_bus.connect(), flush=True)
drain_until(lambda: session.peer.queue.finished)
print(session.status.message, session.peer.queue.finished[0].status, flush=True)
leave()
"""
    with blender(resources, script, bus.url, TOKEN) as program:
        uuid = bus.registered(60)["client_uuid"]
        assert uuid.startswith("blender-")
        assert bus.ask("execute_code", code="print(6 * 7)")["result"] == "42\n"
        assert program.ended(60) == 0, program.text
        assert "Connected completed" in program.text
        assert "threads left: []" in program.text


def test_job_that_takes_the_extension_apart_is_still_answered(resources: Path, bus: BusDouble) -> None:
    script = """
bpy.context.preferences.system.use_online_access = True
prefs.server_url, prefs.token = sys.argv[1:]
bpy.ops.blender_bus.connect()
queue = session.peer.queue
drain_until(lambda: queue.finished)
leave()
"""
    code = f"import sys; own = sys.modules[{MODULE!r}]; own.unregister(); own.__addon_enabled__ = False; print('off')"
    with blender(resources, script, bus.url, TOKEN) as program:
        bus.registered(60)
        job_id = bus.dispatch("execute_code", {"code": code})
        update = bus.updates.get(timeout=30)
        assert (update["job_id"], update["error"]) == (job_id, "The extension was switched off")
        assert program.ended(60) == 0, program.text
        assert "threads left: []" in program.text
        assert bus.updates.empty()


def test_job_that_disables_the_extension_is_refused_and_the_connection_stays(resources: Path, bus: BusDouble) -> None:
    script = """
bpy.context.preferences.system.use_online_access = True
prefs.server_url, prefs.token = sys.argv[1:]
bpy.ops.blender_bus.connect()
queue = session.peer.queue
drain_until(lambda: len(queue.finished) == 3)
leave()
"""
    with blender(resources, script, bus.url, TOKEN) as program:
        bus.registered(60)
        refused = bus.ask("execute_code", code=f"import addon_utils; addon_utils.disable({MODULE!r})")
        assert (refused["status"], "without it the connection ends" in refused["error"]) == ("failed", True)
        emptied = bus.ask("execute_code", code="bpy.ops.wm.read_factory_settings(use_empty=True)")
        assert "the connection were kept" in emptied["result"]
        assert bus.ask("execute_code", code="print(len(bpy.data.objects))")["result"] == "0\n"
        assert program.ended(60) == 0, program.text
        assert "threads left: []" in program.text


def test_reconnecting_delivers_what_was_not_confirmed(resources: Path, bus: BusDouble) -> None:
    script = """
bpy.context.preferences.system.use_online_access = True
prefs.server_url, prefs.token = sys.argv[1:]
bpy.ops.blender_bus.connect()
drain_until(lambda: session.peer.queue.finished)
time.sleep(0.3)
bpy.ops.blender_bus.disconnect()
bpy.ops.blender_bus.connect()
time.sleep(2.5)
leave()
"""
    bus.answer_updates = False
    with blender(resources, script, bus.url, TOKEN) as program:
        bus.registered(60)
        first = bus.ask("execute_code", code="print(1)")
        bus.answer_updates = True
        bus.registered(60)
        assert bus.updates.get(timeout=10) == first
        assert program.ended(60) == 0, program.text


def test_online_access_is_honoured_with_a_clear_message(resources: Path, bus: BusDouble) -> None:
    script = """
prefs.server_url, prefs.token = sys.argv[1:]
for operator in (bpy.ops.blender_bus.connect, bpy.ops.blender_bus.login):
    try:
        operator()
    except RuntimeError as error:
        print("refused:", error, flush=True)
bpy.context.preferences.system.use_online_access = True
bpy.ops.blender_bus.connect()
drain_until(lambda: session.status.message == "Connected")
bpy.context.preferences.system.use_online_access = False
drain_until(lambda: not session.active)
print("note:", session.note, flush=True)
leave()
"""
    with blender(resources, script, bus.url, TOKEN) as program:
        assert program.ended(60) == 0, program.text
        assert program.text.count("refused: Error: Blender's online access is switched off") == 2
        assert "note: Blender's online access is switched off" in program.text
        assert len(bus.requests) == 1


def test_connecting_without_a_login_says_what_to_do(resources: Path) -> None:
    script = """
bpy.context.preferences.system.use_online_access = True
try:
    bpy.ops.blender_bus.connect()
except RuntimeError as error:
    print(error, flush=True)
leave()
"""
    with blender(resources, script) as program:
        assert program.ended(60) == 0
        assert "Log in first, or paste a token" in program.text


def test_local_port_is_started_stopped_and_restarted_by_its_buttons(resources: Path) -> None:
    script = """
import json, socket
free = socket.socket(); free.bind(("127.0.0.1", 0)); number = free.getsockname()[1]; free.close()
prefs.local_port = number

def ask(command):
    with socket.create_connection(("127.0.0.1", number), 10) as client:
        client.sendall(json.dumps({"type": command}).encode())
        drain_until(lambda: session.queue.finished and session.queue.finished[-1].command == command)
        return json.loads(client.recv(65536))["status"]

print(bpy.ops.blender_bus.start_local(), session.local.port == number, ask("get_scene_info"), flush=True)
bpy.ops.wm.read_homefile(use_empty=True)
print("after load:", ask("ping"), bpy.ops.blender_bus.restart_local(), ask("get_addon_info"), flush=True)
blocker = socket.create_server(("127.0.0.1", 0))
prefs.local_port = blocker.getsockname()[1]
try:
    bpy.ops.blender_bus.restart_local()
except RuntimeError as error:
    print("refused:", error, session.serving, flush=True)
prefs.local_port = number
bpy.ops.blender_bus.start_local()
print(bpy.ops.blender_bus.stop_local(), session.serving, flush=True)
bpy.ops.blender_bus.start_local()
leave()
"""
    with blender(resources, script) as program:
        assert program.ended(60) == 0, program.text
        assert "{'FINISHED'} True success" in program.text
        assert "after load: success {'FINISHED'} success" in program.text
        assert "is taken: another Blender" in program.text
        assert "{'FINISHED'} False" in program.text
        assert "threads left: []" in program.text


def test_no_login_goes_over_plain_http_to_another_computer(resources: Path) -> None:
    script = """
bpy.context.preferences.system.use_online_access = True
prefs.token = "a-token"
prefs.server_url = "http://192.0.2.1:8787"
for operator in (bpy.ops.blender_bus.connect, bpy.ops.blender_bus.login):
    try:
        operator()
    except RuntimeError as error:
        print("told:", error, flush=True)
print("alive:", session.active, session.logging_in, flush=True)
prefs.server_url = "https://192.0.2.1:8787"
print(bpy.ops.blender_bus.connect(), session.active, flush=True)
leave()
"""
    with blender(resources, script) as program:
        assert program.ended(60) == 0, program.text
        assert program.text.count("told: Error: Use https: over plain http") == 2, program.text
        assert "alive: False False" in program.text
        assert "{'FINISHED'} True" in program.text, program.text


def test_two_blenders_with_the_same_preferences_have_different_names(resources: Path, bus: BusDouble) -> None:
    script = """
prefs.uuid = "blender-shared"
bpy.context.preferences.system.use_online_access = True
prefs.server_url, prefs.token = sys.argv[1:]
bpy.ops.blender_bus.connect()
drain_until(lambda: session.peer.queue.finished)
leave()
"""
    with blender(resources, script, bus.url, TOKEN) as first:
        assert bus.registered(60)["client_uuid"] == "blender-shared"
        with blender(resources, script, bus.url, TOKEN) as second:
            assert bus.registered(60)["client_uuid"] == "blender-shared-2"
            assert bus.ask("get_scene_info")["status"] == "completed"
            assert second.ended(60) == 0, second.text
        first.process.kill()


def test_new_file_name_and_policy_are_told_to_the_bus(resources: Path, bus: BusDouble) -> None:
    script = """
bpy.context.preferences.system.use_online_access = True
prefs.server_url, prefs.token = sys.argv[1:3]
bpy.ops.blender_bus.connect()
drain_until(lambda: session.status.message == "Connected")
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[3])
prefs.policy = "read-only"
drain_until(lambda: session.peer.queue.finished, 30)
leave()
"""
    with blender(resources, script, bus.url, TOKEN, str(resources / "lamp.blend")) as program:
        assert not any(item.startswith("file:") for item in bus.registered(60)["capabilities"])
        told = bus.registered(10)["capabilities"]
        assert {"file:lamp.blend", "policy:read-only"} <= set(told)
        update = bus.ask("execute_code", code="print(1)")
        assert (update["status"], "read-only by its user's choice" in update["error"]) == ("failed", True)
        assert program.ended(60) == 0, program.text


def test_switching_the_extension_off_ends_a_download(resources: Path, bus: BusDouble) -> None:
    script = f"""
import socket
from {MODULE}.fetch import http, polyhaven
silent = socket.create_server(("127.0.0.1", 0))
http.allow_plain_http = True
polyhaven.API = "http://127.0.0.1:%d" % silent.getsockname()[1]
bpy.context.preferences.system.use_online_access = True
prefs.use_polyhaven = True
prefs.server_url, prefs.token = sys.argv[1:]
bpy.ops.blender_bus.connect()
drain_until(lambda: session.queue.active)
accepted = silent.accept()
time.sleep(0.2)
leave()
"""
    with blender(resources, script, bus.url, TOKEN) as program:
        bus.registered(60)
        update = bus.ask("search_polyhaven_assets")
        assert (update["status"], update["error"]) == ("failed", "The extension was switched off")
        assert program.ended(60) == 0, program.text
        assert "threads left: []" in program.text


def test_connection_is_tested_without_attaching(resources: Path) -> None:
    script = """
bpy.context.preferences.system.use_online_access = True
prefs.server_url, prefs.token = sys.argv[1], "a-token"
for number in range(2):
    print(bpy.ops.blender_bus.test_connection(), session.testing, flush=True)
    drain_until(lambda: session.finding is not None)
    print("found:", session.finding.fine, session.finding.message, flush=True)
    prefs.server_url = "http://127.0.0.1:9"
leave()
"""
    http = HttpDouble()
    http.answers = {"/health": (200, {"status": "ok", "version": "1.2.3"}, {}), "/ws": (426, b"upgrade", {})}
    try:
        with blender(resources, script, http.url) as program:
            assert program.ended(60) == 0, program.text
            assert "found: True Fine: Blender Bus 1.2.3 answers in" in program.text
            assert "found: False Cannot reach 127.0.0.1:9" in program.text
            assert "threads left: []" in program.text
    finally:
        http.close()
