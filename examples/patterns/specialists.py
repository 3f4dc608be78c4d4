"""Several specialised clients on one scene: layout, material and lighting, each a client of its own.

None of them knows the others. Each registers with its trade as its client type, waits in its inbox for the message
that its part can begin, does it in Blender, and tells the next trade what there is now.

    pip install fastmcp
    python specialists.py                                # the local server; a browser opens, sign in as demo / demo
    python specialists.py https://bus.example.com/mcp --token TOKEN --output still_life.png
"""

import argparse
import asyncio
import base64
import json
import uuid
from pathlib import Path
from typing import Any

from fastmcp import Client

LAYOUT = """
import json, bpy
scene = bpy.data.scenes.get("Still Life") or bpy.data.scenes.new("Still Life")
bpy.context.window.scene = scene
for thing in list(scene.collection.objects):  # of an earlier run
    bpy.data.objects.remove(thing)
def added(name):
    bpy.context.object.name = name
    return bpy.context.object.name
bpy.ops.mesh.primitive_plane_add(size=14)
names = {"table": [added("Table")], "things": []}
bpy.ops.mesh.primitive_uv_sphere_add(radius=1, location=(0, 0, 1), segments=64, ring_count=32)
bpy.ops.object.shade_smooth()
names["things"].append(added("Ball"))
bpy.ops.mesh.primitive_cube_add(size=1.4, location=(-2.2, 0.6, 0.7), rotation=(0, 0, 0.5))
names["things"].append(added("Block"))
bpy.ops.mesh.primitive_cone_add(radius1=0.9, depth=2, location=(2.2, 0.5, 1), vertices=64)
names["things"].append(added("Cone"))
print(json.dumps(names))
"""

MATERIAL = """
import json, bpy
names = json.loads({brief!r})
colours = [(0.8, 0.12, 0.06), (0.04, 0.22, 0.6), (0.9, 0.6, 0.08)]
for number, name in enumerate(names["things"] + names["table"]):
    material = bpy.data.materials.new("Still Life " + name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    colour = colours[number] if number < len(colours) else (0.6, 0.57, 0.52)
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = 0.3
    bpy.data.objects[name].data.materials.append(material)
print(json.dumps(names))
"""

LIGHTING = """
import json, math, bpy
from mathutils import Vector
scene = bpy.context.scene
names = json.loads({brief!r})
middle = sum((bpy.data.objects[name].location for name in names["things"]), Vector()) / len(names["things"])
def placed(name, data, at):
    thing = bpy.data.objects.new(name, data)
    thing.location = at
    thing.rotation_euler = (middle - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(thing)
    return thing
for name, at, energy, size in (("Key", (4, -4, 6), 700, 3), ("Fill", (-5, -3, 3), 150, 5), ("Rim", (0, 5, 4), 400, 2)):
    lamp = bpy.data.lights.new(name, "AREA")
    lamp.energy, lamp.size = energy, size
    placed(name, lamp, at)
scene.camera = placed("Still Life Camera", bpy.data.cameras.new("Still Life Camera"), (0, -9, 3.2))
print(json.dumps(names))
"""

TRADES = {"layout": LAYOUT, "material": MATERIAL, "lighting": LIGHTING}
NEXT = {"layout": "material", "material": "lighting", "lighting": "customer"}


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = (await client.call_tool(tool, arguments)).structured_content
    if answer.get("status") not in (None, "ok", "completed"):
        raise RuntimeError(f"{tool}: {answer['status']}: {answer.get('error') or answer.get('hint')}")
    return answer


async def message(client: Client, me: str) -> Any:
    """Wait for the first message in this client's inbox and return its payload."""
    while True:
        page = await call(client, "blender_receive_messages", client_uuid=me, wait_seconds=50)
        if page["messages"]:
            return page["messages"][0]["payload"]


async def specialist(url: str, token: str | None, trade: str, target: str | None, ready: asyncio.Barrier) -> None:
    """One client: wait for the brief, do this trade's part, hand on."""
    async with Client(url, auth=token or "oauth") as client:
        me = f"{trade}-{uuid.uuid4().hex[:8]}"
        await call(client, "blender_register_client", client_uuid=me, client_type=trade)
        await ready.wait()
        try:
            payload = await message(client, me)
            code = TRADES[trade].format(brief=payload["brief"]) if payload["brief"] else TRADES[trade]
            done = await call(client, "blender_execute_code", code=code, target_uuid=target)
            print(f"{trade}: done, over to {NEXT[trade]}")
            handover = {"brief": done["result"].strip()}
            await call(client, "blender_send_message", payload=handover, client_type=NEXT[trade], from_uuid=me)
        finally:
            await call(client, "blender_unregister_client", client_uuid=me)


async def customer(url: str, token: str | None, target: str | None, output: Path, ready: asyncio.Barrier) -> None:
    """The client that wants the scene: starts the first trade, waits for the last, and takes a picture."""
    async with Client(url, auth=token or "oauth") as client:
        me = f"customer-{uuid.uuid4().hex[:8]}"
        await call(client, "blender_register_client", client_uuid=me, client_type="customer")
        await ready.wait()
        try:
            await call(client, "blender_send_message", payload={"brief": ""}, client_type="layout", from_uuid=me)
            names = json.loads((await message(client, me))["brief"])
        finally:
            await call(client, "blender_unregister_client", client_uuid=me)
        answer = await client.call_tool("blender_execute_code", {"code": PICTURE, "target_uuid": target})
        output.write_bytes(base64.b64decode(answer.structured_content["result"]))
        print(f"customer: {', '.join(names['things'])} in {output}")


PICTURE = """
import base64, os, tempfile, bpy
scene = bpy.context.scene
scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 16, True
scene.render.resolution_x, scene.render.resolution_y = 480, 270
with tempfile.TemporaryDirectory() as folder:
    scene.render.filepath = os.path.join(folder, "picture.png")
    bpy.ops.render.render(write_still=True)
    with open(scene.render.filepath, "rb") as file:
        print(base64.b64encode(file.read()).decode())
"""


async def main(url: str, token: str | None, target: str | None, output: Path) -> None:
    ready = asyncio.Barrier(len(TRADES) + 1)
    async with asyncio.timeout(600), asyncio.TaskGroup() as group:
        for trade in TRADES:
            group.create_task(specialist(url, token, trade, target, ready))
        group.create_task(customer(url, token, target, output, ready))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Several specialised clients on one scene.")
    parser.add_argument("url", nargs="?", default="http://localhost:8787/mcp", help="MCP endpoint of the server")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    parser.add_argument("--target", help="uuid of the Blender, if several are connected")
    parser.add_argument("--output", type=Path, default=Path("still_life.png"))
    try:
        asyncio.run(main(**vars(parser.parse_args())))
    except* RuntimeError as problems:
        raise SystemExit("; ".join(str(problem) for problem in problems.exceptions)) from None
