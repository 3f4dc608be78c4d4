"""What the extension keeps in and beside the preferences: the login, the uuid, the server, keys of services."""

from __future__ import annotations

from pathlib import Path

import pytest
from bus_double import TOKEN, BusDouble
from enabled import blender

pytestmark = pytest.mark.bpy


def test_uuid_is_kept_in_the_preferences_and_the_token_in_a_file_of_its_own(resources: Path, bus: BusDouble) -> None:
    script = """
bpy.context.preferences.system.use_online_access = True
prefs.server_url, prefs.token = sys.argv[1:3]
bpy.ops.blender_bus.connect()
drain_until(lambda: session.status.message == "Connected")
print("field:", repr(prefs.token), prefs.credentials().access_token == sys.argv[2], flush=True)
bpy.ops.wm.save_userpref()
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[3], compress=False)
leave()
"""
    blend = resources / "saved.blend"
    with blender(resources, script, bus.url, TOKEN, str(blend)) as program:
        uuid = bus.registered(60)["client_uuid"]
        assert program.ended(60) == 0, program.text
        assert "field: '' True" in program.text
    login = resources / "config" / "blender_bus" / "login.json"
    assert TOKEN in login.read_text()
    assert login.stat().st_mode & 0o777 == 0o600
    kept = (resources / "config" / "userpref.blend").read_bytes()
    assert TOKEN.encode() not in kept
    assert uuid.encode() in kept
    saved = blend.read_bytes()
    assert TOKEN.encode() not in saved
    assert uuid.encode() not in saved


def test_log_out_forgets_the_token_and_an_earlier_login_is_moved(resources: Path) -> None:
    script = """
from importlib import import_module
Credentials = import_module(type(session).__module__.removesuffix(".session") + ".link.credentials").Credentials
prefs.login = Credentials("access", "refresh", client_id="c").to_json()
prefs.settle()
print("moved:", repr(prefs.login), prefs.credentials().refresh_token, flush=True)
print(bpy.ops.blender_bus.logout(), prefs.credentials(), os.listdir(sys.argv[1]), flush=True)
print("may connect:", bpy.ops.blender_bus.connect.poll(), flush=True)
leave()
"""
    folder = resources / "config" / "blender_bus"
    with blender(resources, script, str(folder)) as program:
        assert program.ended(60) == 0, program.text
        assert "moved: '' refresh" in program.text
        assert "{'FINISHED'} None []" in program.text
        assert "may connect: False" in program.text


def test_server_of_the_own_repository_is_filled_in_once(resources: Path) -> None:
    script = """
[repo] = [item for item in bpy.context.preferences.extensions.repos if item.module == "user_default"]
print("before:", prefs.server_url, flush=True)
repo.use_remote_url, repo.remote_url = True, "http://localhost:8793/extensions/index.json"
prefs.settle()
print("after:", prefs.server_url, flush=True)
prefs.server_url = "https://bus.example.com"
prefs.settle()
print("then:", prefs.server_url, flush=True)
leave()
"""
    with blender(resources, script) as program:
        assert program.ended(60) == 0, program.text
        assert "before: http://localhost:8787" in program.text
        assert "after: http://localhost:8793" in program.text
        assert "then: https://bus.example.com" in program.text


def test_blender_s_file_of_keys_is_closed_to_others_and_it_is_said_if_not(resources: Path) -> None:
    script = """
path = os.path.join(bpy.utils.user_resource("CONFIG"), "userpref.blend")
os.umask(0o022)
prefs.sketchfab_key = "key"
bpy.ops.wm.save_userpref()
print("saved: %o" % (os.stat(path).st_mode & 0o777), flush=True)

class Layout:
    def column(self, **_): return self
    def label(self, text="", **_): print("told:", text, flush=True)

type(prefs)._draw_place(prefs, Layout())
prefs.settle()
print("settled: %o" % (os.stat(path).st_mode & 0o777), flush=True)
type(prefs)._draw_place(prefs, Layout())
leave()
"""
    with blender(resources, script) as program:
        assert program.ended(60) == 0, program.text
        assert "saved: 644" in program.text
        assert "settled: 600" in program.text
        assert program.text.count("told: Other users of this computer") == 1


def test_keys_stay_in_the_preferences(resources: Path) -> None:
    script = """
prefs.sketchfab_key, prefs.hyper3d_key = "key-of-sketchfab", "key-of-rodin"
bpy.ops.wm.save_userpref()
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1], compress=False)
leave()
"""
    with blender(resources, script, str(resources / "saved.blend")) as program:
        assert program.ended(60) == 0, program.text
    assert b"key-of-sketchfab" in (resources / "config" / "userpref.blend").read_bytes()
    assert b"key-of-" not in (resources / "saved.blend").read_bytes()
