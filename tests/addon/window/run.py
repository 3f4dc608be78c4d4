"""The extension in a Blender with a window: connected, pictures taken to be looked at, its ticks measured.

    python3 tests/addon/window/run.py --pictures FOLDER [--jobs 1000]

Run by hand, for it needs a Blender of 4.2 or newer, Xvfb, xdotool and ImageMagick's `import` on the PATH (on Debian:
`apt-get install blender xvfb xdotool imagemagick`, in a container or a chroot). The bus is a double on loopback. What
its buttons do is done by their operators, for their places change with each version; person.py tries the questions.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(next((ROOT / "addon" / "wheels").glob("websockets-*.whl"))), str(HERE.parent)]

from bus_double import TOKEN, BusDouble, http_answer  # noqa: E402 (the wheel comes first)
from local_client import LocalClient  # noqa: E402

DISPLAY = os.environ.get("WINDOW_TEST_DISPLAY", ":77")
MODULE = "bl_ext.user_default.blender_bus"
LOCAL_PORT = 19876
QUIT_SECONDS = 10.0
TICK_LIMIT_MS = 50.0
IN_FLIGHT = 8
# What Blender may take to draw by software on a busy machine.
SETTLE_SECONDS = 4.0
STEADY_MB = 20.0
# What a person does with the mouse and keys, done by the operators behind them: in a timer, so that no job does it.
DO = """
import bpy, os, traceback
def act():
    try:
        do()
    except Exception:
        traceback.print_exc()
    open(os.path.join(os.environ['HOME'], 'acted'), 'w').close()
def do():
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == 'VIEW_3D')
    region = next(region for region in area.regions if region.type == 'WINDOW')
    with bpy.context.temp_override(window=window, area=area, region=region):
        {}
bpy.app.timers.register(act, first_interval={})
"""


class Desk:
    """A screen with a Blender on it, and the bus it belongs to."""

    # Of its window. A smaller one is drawn faster by software.
    size = ("1600", "900")

    def __init__(self, pictures: Path, bus: BusDouble, folder: Path, token: str = TOKEN) -> None:
        self.pictures, self.bus, self.folder, self.log = pictures, bus, folder, folder / "blender.log"
        extensions = folder / "extensions" / "user_default"
        extensions.mkdir(parents=True)
        (extensions / "blender_bus").symlink_to(ROOT / "addon")
        own = {"DISPLAY": DISPLAY, "HOME": str(folder), "BLENDER_USER_RESOURCES": str(folder)}
        self.env = {**os.environ, **own, "LIBGL_ALWAYS_SOFTWARE": "1", "BUS_URL": bus.url, "BUS_TOKEN": token}
        command = ["blender", "--window-geometry", "0", "0", *self.size, "--python", str(HERE / "inside.py")]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(command, env=self.env, stdout=output, stderr=output)
        self.until(lambda: "READY" in self.log.read_text(), "Blender did not start")
        time.sleep(2.0)

    def until(self, true: Any, otherwise: str, seconds: float = 300.0) -> None:
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end or self.process.poll() is not None:
                self.process.kill()
                sys.exit(f"{otherwise}:\n{self.log.read_text()}")
            time.sleep(0.1)

    def tool(self, *arguments: str) -> None:
        subprocess.run(arguments, env=self.env, check=True)

    def act(self, line: str, seconds: float = 0.5) -> None:
        """Let the person do something, and wait until they have: on a busy machine that takes some seconds."""
        (self.folder / "acted").unlink(missing_ok=True)
        (self.folder / "act").write_text(DO.format(line, 0.1))
        self.until((self.folder / "acted").exists, f"Blender did not act: {line}", 60.0)
        time.sleep(seconds)

    def key(self, name: str) -> None:
        self.tool("xdotool", "key", name)
        time.sleep(0.7)

    def picture(self, name: str) -> None:
        time.sleep(SETTLE_SECONDS)
        self.tool("import", "-window", "root", str(self.pictures / f"{name}.png"))

    def run(self, code: str) -> str:
        """What code prints that is run as a job."""
        update = self.bus.ask("execute_code", code=code)
        assert update["status"] == "completed", update["error"]
        return str(update["result"])

    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextlib.contextmanager
def screen() -> Iterator[None]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(["Xvfb", DISPLAY, "-screen", "0", "1600x900x24", "+extension", "GLX"], **quiet)
    time.sleep(1.0)
    try:
        yield
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def slow_service() -> Iterator[str]:
    """Poly Haven with one HDRI that takes some seconds to come."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = f"http://127.0.0.1:{self.server.server_address[1]}"
            about = {"url": f"{url}/sky.hdr", "size": 4_000_000, "md5": "0" * 32}
            slow = self.path == "/sky.hdr"
            body = b"x" * 4_000_000 if slow else json.dumps({"hdri": {"1k": {"hdr": about}}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for start in range(0, len(body), 200_000):
                self.wfile.write(body[start : start + 200_000])
                time.sleep(0.3 if slow else 0.0)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def connect_and_start_local(desk: Desk) -> None:
    desk.picture("1-before")
    desk.act("bpy.ops.blender_bus.connect()")
    desk.bus.registered(20)
    desk.act("bpy.ops.blender_bus.start_local()")
    with LocalClient(LOCAL_PORT) as client:
        assert client.ask("ping")["result"] == {"pong": True}
        for _ in range(3):
            desk.bus.ask("get_scene_info")
        assert desk.bus.ask("execute_code", code="1/0")["status"] == "failed"
        desk.picture("2-connected")


def show_progress(desk: Desk) -> None:
    with slow_service() as url:
        prefs = f"bpy.context.preferences.addons[{MODULE!r}].preferences"
        desk.run(
            f"from {MODULE}.fetch import http, polyhaven\n"
            f"http.allow_plain_http, polyhaven.API = True, {url!r}\n{prefs}.use_polyhaven = True"
        )
        desk.bus.dispatch("download_polyhaven_asset", {"asset_id": "sky", "asset_type": "hdris"})
        time.sleep(2.0)
        desk.picture("3-progress")
        update = desk.bus.updates.get(timeout=30)
        assert "is damaged" in update["error"], update


def take_viewport(desk: Desk) -> None:
    desk.run("import bpy\nbpy.ops.mesh.primitive_monkey_add(location=(3, 0, 1))")
    image = json.loads(desk.bus.ask("get_viewport_screenshot", max_size=640)["result"])["image"]
    (desk.pictures / "4-viewport.png").write_bytes(base64.b64decode(image["data"]))


def quit_during_a_job(desk: Desk) -> None:
    """Closing Blender while the link, the local port and a job are at work ends it at once."""
    desk.bus.dispatch("execute_code", {"code": "import bpy\nbpy.ops.wm.quit_blender()"})
    started = time.monotonic()
    status = desk.process.wait(QUIT_SECONDS)
    print(f"Blender ended with {status} after {time.monotonic() - started:.1f} s")
    assert status == 0


def show_preferences(desk: Desk) -> None:
    answers = {"/health": http_answer(HTTPStatus.OK, b'{"status": "ok", "version": "0.1.0"}')}
    desk.bus.refusal = lambda request: answers.get(request.path)
    desk.run(
        "import bpy\nbpy.ops.screen.userpref_show('INVOKE_DEFAULT')\n"
        "bpy.context.preferences.active_section = 'ADDONS'\n"
        "bpy.context.window_manager.addon_search = 'Blender Bus'\n"
        f"bpy.ops.preferences.addon_expand(module={MODULE!r})\nbpy.ops.blender_bus.test_connection()"
    )
    desk.picture("5-preferences")
    desk.run(
        "import bpy\nfor window in bpy.context.window_manager.windows[1:]:\n"
        "    with bpy.context.temp_override(window=window):\n        bpy.ops.wm.window_close()"
    )


def work_while_the_view_turns(desk: Desk, count: int) -> None:
    shared = "import bpy, json\nshared = bpy.app.driver_namespace\n"
    desk.run(shared + "shared['ticks'].clear()\nshared['frames'], shared['orbiting'] = 0, True")
    run_jobs(desk, count // 5)
    before, started = desk.resident_mb(), time.monotonic()
    run_jobs(desk, count)
    seconds, after = time.monotonic() - started, desk.resident_mb()
    told = desk.run(shared + "shared['orbiting'] = False\nprint(json.dumps([shared['ticks'], shared['frames']]))")
    ticks, frames = json.loads(told)
    print(f"{count} jobs in {seconds:.1f} s while the view turned, {frames} times")
    for name, spent in zip(("clock", "processor"), zip(*ticks, strict=True), strict=True):
        ranked = sorted(spent)
        middle, most, longest = (ranked[int((len(ranked) - 1) * part)] for part in (0.5, 0.99, 1.0))
        print(f"{len(ranked)} ticks without their jobs, ms by the {name}: ", end="")
        print(f"half under {middle:.2f}, 99 % under {most:.2f}, longest {longest:.2f}")
    print(f"resident memory {before:.1f} -> {after:.1f} MB")
    assert longest < TICK_LIMIT_MS
    assert after - before < STEADY_MB


def run_jobs(desk: Desk, count: int) -> None:
    """So many jobs, some of them always on their way."""
    for number in range(count + IN_FLIGHT):
        if number < count:
            desk.bus.dispatch("get_scene_info")
        if number >= IN_FLIGHT:
            assert desk.bus.updates.get(timeout=60)["status"] == "completed"


def main() -> None:
    parser = argparse.ArgumentParser(description="Drive the extension in a Blender with a window.")
    parser.add_argument("--pictures", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--jobs", type=int, default=1000, help="jobs to run while the view turns")
    args = parser.parse_args()
    missing = [name for name in ("blender", "Xvfb", "xdotool", "import") if shutil.which(name) is None]
    if missing:
        sys.exit(f"not on the PATH: {', '.join(missing)}")
    args.pictures.mkdir(parents=True, exist_ok=True)
    with screen(), BusDouble() as bus, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        desk = Desk(args.pictures, bus, Path(folder))
        try:
            connect_and_start_local(desk)
            show_progress(desk)
            take_viewport(desk)
            work_while_the_view_turns(desk, args.jobs)
            show_preferences(desk)
            quit_during_a_job(desk)
        finally:
            desk.process.kill()
            desk.process.wait()
    print("done: now look at the pictures")


if __name__ == "__main__":
    main()
