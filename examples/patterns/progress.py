"""Follow a long job as it runs, and stop it with Ctrl-C.

Code in Blender calls `progress(percent, message)`, which the extension puts into its reach. The bus passes every report
on to the caller as MCP progress. When the call is given up the job is cancelled, and the next `progress` ends the code.

    pip install fastmcp
    python progress.py                                   # the local server; a browser opens, sign in as demo / demo
    python progress.py https://bus.example.com/mcp --token TOKEN --turns 24
"""

import argparse
import asyncio

from fastmcp import Client

# A turntable of whatever is in the scene, rendered small.
CODE = """
import math, os, tempfile
import bpy
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 4
scene.render.resolution_x, scene.render.resolution_y = 160, 90
turned = [thing for thing in scene.objects if thing.parent is None and thing.type == "MESH"]
with tempfile.TemporaryDirectory() as folder:
    for turn in range({turns}):
        progress(100 * turn / {turns}, f"frame {{turn + 1}} of {turns}")
        for thing in turned:
            thing.rotation_euler.z += 2 * math.pi / {turns}
        scene.render.filepath = os.path.join(folder, f"{{turn:03}}.png")
        bpy.ops.render.render(write_still=True)
    print(len(os.listdir(folder)), "frames")
"""


async def show(done: float, total: float | None, message: str | None) -> None:
    share = done / (total or 100)
    print(f"[{'#' * round(30 * share):30}] {100 * share:3.0f} %  {message or ''}", flush=True)


async def main(url: str, token: str | None, target: str | None, turns: int) -> None:
    async with Client(url, auth=token or "oauth") as client:
        arguments = {"code": CODE.format(turns=turns), "target_uuid": target, "timeout_seconds": 3600}
        called = await client.call_tool("blender_execute_code", arguments, progress_handler=show)
        answer = called.structured_content
        print(f"{answer['status']}: {answer['result'].strip() or answer['error'] or answer.get('hint')}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Follow a long job as it runs.")
    parser.add_argument("url", nargs="?", default="http://localhost:8787/mcp", help="MCP endpoint of the server")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    parser.add_argument("--target", help="uuid of the Blender, if several are connected")
    parser.add_argument("--turns", type=int, default=12, help="frames of the turntable")
    options = parser.parse_args()
    try:
        asyncio.run(main(**vars(options)))
    except KeyboardInterrupt:
        raise SystemExit("Stopped; the job in Blender is cancelled.") from None
