"""The picture of the README: a Blender with a window, and a client in a terminal that works in it by a real server.

    python3 tests/addon/window/picture.py --server http://localhost:8787 --token TOKEN --client PYTHON --output FILE.png

PYTHON has fastmcp. Beside what run.py needs there must be xterm and ImageMagick's `convert`.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from run import ROOT, Desk, screen

TERMINAL = (
    "xterm",
    "-geometry",
    "78x19+16+480",
    "-fa",
    "DejaVu Sans Mono",
    "-fs",
    "10",
    "-bg",
    "#1d1f21",
    "-fg",
    "#ddd",
)
LOOK = """
import bpy
bpy.ops.object.select_all(action="DESELECT")
bpy.data.objects["Enclosure"].display_type = "WIRE"
for window in bpy.context.window_manager.windows:
    for area in window.screen.areas:
        if area.type == "VIEW_3D":
            space = area.spaces.active
            space.shading.type, space.shading.color_type = "SOLID", "MATERIAL"
            space.shading.show_shadows = space.shading.show_cavity = True
            space.overlay.show_relationship_lines = False
            view = space.region_3d
            view.view_perspective = "PERSP"
            view.view_rotation, view.view_location = (0.8, 0.45, -0.2, -0.35), (-3, -6, -3)
            view.view_distance = 56
            area.tag_redraw()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the picture of the README.")
    for name in ("--server", "--token", "--client"):
        parser.add_argument(name, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with screen(), tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), SimpleNamespace(url=args.server), Path(folder), args.token)
        try:
            desk.act("bpy.ops.blender_bus.connect()")
            time.sleep(3.0)
            example = [args.client, str(ROOT / "examples" / "datacenter.py"), f"{args.server}/mcp"]
            command = " ".join(
                [
                    *example,
                    "--token",
                    args.token,
                    "--samples",
                    "4",
                    "--width",
                    "320",
                    "--output",
                    f"{folder}/datacenter.jpg",
                ]
            )
            look = f"{args.client} {Path(folder) / 'look.py'}"
            (Path(folder) / "look.py").write_text(
                "import asyncio\nfrom fastmcp import Client\n"
                f"async def main():\n    async with Client({args.server + '/mcp'!r}, auth={args.token!r}) as client:\n"
                f"        await client.call_tool('blender_execute_code', {{'code': {LOOK!r}}})\n"
                "asyncio.run(main())\n"
            )
            shown = "$ python examples/datacenter.py https://bus.example.com/mcp"
            script = f"echo '{shown}'; {command}; {look}; touch {folder}/done; sleep 600"
            terminal = subprocess.Popen([*TERMINAL, "-e", "sh", "-c", script], env=desk.env)
            desk.until((Path(folder) / "done").exists, "the client did not end", 240.0)
            desk.picture("whole")
            terminal.kill()
            subprocess.run(
                ["convert", f"{folder}/whole.png", "-resize", "1200x", "-colors", "64", str(args.output)], check=True
            )
        finally:
            desk.process.kill()
            desk.process.wait()


if __name__ == "__main__":
    main()
