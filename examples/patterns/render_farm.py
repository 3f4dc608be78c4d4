"""A render farm: every Blender of a group renders frames, and the frames come home into one contact sheet.

Each node gets the next frame as soon as it has rendered one, so a fast node renders more. What a node fails to deliver
another one renders. Start nodes with `python -m addon --server URL --group farm --uuid node-1 ...`.

    pip install fastmcp pillow
    python render_farm.py --frames 12                    # the local server; a browser opens, sign in as demo / demo
    python render_farm.py https://bus.example.com/mcp --token TOKEN --group farm --output sheet.png
"""

import argparse
import asyncio
import base64
import io
from pathlib import Path

from fastmcp import Client
from PIL import Image, ImageDraw

WIDTH, HEIGHT, COLUMNS = 240, 136, 4
ATTEMPTS = 3

# A complete job: the scene is built from nothing wherever it runs, and the picture returns in the answer.
FRAME = """
import base64, math, os, tempfile
import bpy
scene = bpy.data.scenes.get("Farm")
if scene is None:
    scene = bpy.data.scenes.new("Farm")
    bpy.context.window.scene = scene
    bpy.ops.mesh.primitive_plane_add(size=30)
    bpy.ops.mesh.primitive_monkey_add(size=2.4, location=(0, 0, 1.1), rotation=(-0.6, 0, 0))
    scene["turned"] = bpy.context.object.name
    bpy.context.object.modifiers.new("Smooth", "SUBSURF").render_levels = 2
    bpy.ops.object.shade_smooth()
    paint = bpy.data.materials.new("Farm")
    paint.use_nodes = True
    paint.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.8, 0.25, 0.05, 1)
    bpy.context.object.data.materials.append(paint)
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.2, 0.5))
    bpy.context.object.data.energy = 3
    bpy.ops.object.camera_add(location=(0, -7, 2.6), rotation=(math.radians(78), 0, 0))
    scene.camera = bpy.context.object
bpy.context.window.scene = scene
bpy.data.objects[scene["turned"]].rotation_euler.z = 2 * math.pi * {frame} / {frames}
scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 8, True
scene.render.resolution_x, scene.render.resolution_y = {width}, {height}
with tempfile.TemporaryDirectory() as folder:
    scene.render.filepath = os.path.join(folder, "frame.png")
    bpy.ops.render.render(write_still=True)
    with open(scene.render.filepath, "rb") as file:
        print(base64.b64encode(file.read()).decode())
"""


async def nodes_of(client: Client, group: str) -> list[str]:
    """Return the uuids of the group's connected Blenders."""
    listed = (await client.call_tool("blender_list_available_clients")).structured_content
    known = listed["persistent"] + listed["ephemeral"]
    return [one["uuid"] for one in known if one["group_id"] == group and one["connected"]]


class Frames:
    """The frames to do, those being done and those that are there."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.open = asyncio.Queue[int]()
        for frame in range(count):
            self.open.put_nowait(frame)
        self.attempts = dict.fromkeys(range(count), 0)
        self.done: dict[int, tuple[str, Image.Image]] = {}
        self.complete = asyncio.Event()

    def failed(self, frame: int, why: str) -> None:
        self.attempts[frame] += 1
        if self.attempts[frame] == ATTEMPTS:
            raise RuntimeError(f"frame {frame} failed {ATTEMPTS} times, at last with: {why}")
        self.open.put_nowait(frame)

    def rendered(self, frame: int, node: str, png: bytes) -> None:
        self.done[frame] = node, Image.open(io.BytesIO(png)).convert("RGB")
        if len(self.done) == self.count:
            self.complete.set()


async def work(client: Client, node: str, frames: Frames) -> None:
    """Keep one node busy until every frame is there, or the node is gone."""
    while True:
        frame = await frames.open.get()
        code = FRAME.format(frame=frame, frames=frames.count, width=WIDTH, height=HEIGHT)
        arguments = {"code": code, "target_uuid": node, "timeout_seconds": 300}
        answer = (await client.call_tool("blender_execute_code", arguments)).structured_content
        if answer["status"] == "completed":
            frames.rendered(frame, node, base64.b64decode(answer["result"]))
            print(f"frame {frame} by {node}", flush=True)
            continue
        print(f"frame {frame}: {node}: {answer['status']}", flush=True)
        frames.failed(frame, answer["error"] or answer["status"])
        if answer["status"] in ("disconnected", "unknown_target", "timeout"):
            return


async def render(client: Client, nodes: list[str], frames: Frames) -> None:
    workers = [asyncio.create_task(work(client, node, frames)) for node in nodes]
    complete = asyncio.create_task(frames.complete.wait())
    waiting = {complete, *workers}
    try:
        while not complete.done():
            ended, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()  # raises what a worker raised
            if waiting == {complete}:
                raise RuntimeError(f"no node is left; {frames.count - len(frames.done)} frames are missing")
    finally:
        for task in waiting:
            task.cancel()


def contact_sheet(frames: Frames) -> Image.Image:
    rows = -(-frames.count // COLUMNS)
    sheet = Image.new("RGB", (min(COLUMNS, frames.count) * WIDTH, rows * HEIGHT))
    for frame, (node, picture) in frames.done.items():
        ImageDraw.Draw(picture).text((6, 4), f"{frame}  {node}", fill="white")
        sheet.paste(picture, (frame % COLUMNS * WIDTH, frame // COLUMNS * HEIGHT))
    return sheet


async def main(url: str, token: str | None, group: str, frames: int, output: Path) -> None:
    async with Client(url, auth=token or "oauth") as client:
        nodes = await nodes_of(client, group)
        if not nodes:
            raise SystemExit(f"No Blender of the group {group!r} is connected.")
        print(f"{len(nodes)} nodes: {', '.join(nodes)}")
        work_list = Frames(frames)
        await render(client, nodes, work_list)
        contact_sheet(work_list).save(output)
        print(f"The contact sheet is {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Render frames on every Blender of a group.")
    parser.add_argument("url", nargs="?", default="http://localhost:8787/mcp", help="MCP endpoint of the server")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    parser.add_argument("--group", default="farm")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--output", type=Path, default=Path("contact_sheet.png"))
    try:
        asyncio.run(main(**vars(parser.parse_args())))
    except RuntimeError as problem:
        raise SystemExit(f"The sheet is not complete: {problem}") from None
