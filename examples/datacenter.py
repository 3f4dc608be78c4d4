"""Build a small datacenter in Blender, one step after another, and bring home a picture of it.

Every step is a call of `blender_execute_code`; the scene is a new one, so whatever is open in Blender stays as it is.
Metres throughout. The room is seen cut open, as architects do it: its walls are solid from inside, clear from outside.

    pip install fastmcp
    python datacenter.py                                 # the local server; a browser opens, sign in as demo / demo
    python datacenter.py https://bus.example.com/mcp --token TOKEN --output datacenter.jpg
"""

import argparse
import asyncio
import base64
import json
from pathlib import Path
from typing import Any

from fastmcp import Client

STEPS = {
    "a new scene": """
import bpy
if old := bpy.data.scenes.get("Datacenter"):  # of an earlier run
    for thing in list(old.collection.objects):
        bpy.data.objects.remove(thing)
    for material in [m for m in bpy.data.materials if m.name.startswith("Datacenter ")]:
        bpy.data.materials.remove(material)
scene = old or bpy.data.scenes.new("Datacenter")
bpy.context.window.scene = scene
print("Scene", bpy.context.scene.name)
""",
    "a floor of 20 x 30 m": """
import bpy
bpy.ops.mesh.primitive_plane_add(size=1)
floor = bpy.context.object
floor.name = "Floor"
floor.scale = (20, 30, 1)
bpy.ops.object.transform_apply(location=False, rotation=False)
print(floor.name, floor.dimensions[:])
""",
    "a rack of 1 x 1.2 x 2 m": """
import bpy
bpy.ops.mesh.primitive_cube_add(size=1, location=(-8, -10, 1))
rack = bpy.context.object
rack.name = "Racks West"
rack.scale = (1, 1.2, 2)
bpy.ops.object.transform_apply(location=False, rotation=False)
print(rack.name, rack.dimensions[:])
""",
    "ten of them in a row along Y": """
import bpy
row = bpy.data.objects["Racks West"].modifiers.new("Row", "ARRAY")
row.count = 10
row.use_relative_offset = False
row.use_constant_offset = True
row.constant_offset_displace = (0, 2.2, 0)  # a metre between two racks
bpy.context.view_layer.update()
print(bpy.data.objects["Racks West"].dimensions[:])
""",
    "a second row at x = 8": """
import bpy
east = bpy.data.objects["Racks West"].copy()  # with the modifier, on the same mesh
east.name = "Racks East"
east.location.x = 8
bpy.context.collection.objects.link(east)
print(east.name, east.location[:])
""",
    "a sun": """
import bpy, math
sun = bpy.data.objects.new("Datacenter Sun", bpy.data.lights.new("Datacenter Sun", "SUN"))
sun.data.energy = 7
sun.data.angle = math.radians(2)
sun.location = (9, -9, 10)
sun.rotation_euler = sun.location.to_track_quat("Z", "Y").to_euler()  # it shines along its -Z
bpy.context.collection.objects.link(sun)
world = bpy.data.worlds.get("Datacenter World") or bpy.data.worlds.new("Datacenter World")
if bpy.app.version < (5, 0):
    world.use_nodes = True
world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.6, 0.72, 0.9, 1)
world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.9
bpy.context.scene.world = world
""",
    "a camera aimed at the origin": """
import bpy
camera = bpy.data.objects.new("Datacenter Camera", bpy.data.cameras.new("Datacenter Camera"))
camera.location = (0, -20, 8)
camera.rotation_euler = (-camera.location).to_track_quat("-Z", "Y").to_euler()
camera.data.lens = 22  # wide enough for both rows
bpy.context.collection.objects.link(camera)
bpy.context.scene.camera = camera
""",
    "a floor of 0.2 m thickness": """
import bpy
solid = bpy.data.objects["Floor"].modifiers.new("Slab", "SOLIDIFY")
solid.thickness = 0.2  # downwards: the racks stand on z = 0
""",
    "an enclosure of 20 x 30 x 4 m, open at +Y": """
import bpy, bmesh
bpy.ops.mesh.primitive_cube_add(size=1, location=(0, 0, 1.8))  # its bottom is the underside of the floor
enclosure = bpy.context.object
enclosure.name = "Enclosure"
enclosure.scale = (20, 30, 4)
bpy.ops.object.transform_apply(location=False, rotation=False)
mesh = bmesh.new()
mesh.from_mesh(enclosure.data)
bmesh.ops.delete(mesh, geom=[face for face in mesh.faces if face.normal.y > 0.9], context="FACES_ONLY")
mesh.to_mesh(enclosure.data)
mesh.free()
print(enclosure.name, enclosure.dimensions[:], len(enclosure.data.polygons), "faces")
""",
    "materials": """
import bpy
def painted(name, colour, roughness, *objects):
    material = bpy.data.materials.new("Datacenter " + name)
    if bpy.app.version < (5, 0):
        material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    for thing in objects:
        thing.data.materials.clear()
        thing.data.materials.append(material)
    return material.node_tree, shader
things = bpy.data.objects
painted("Dark Grey", (0.09, 0.09, 0.095), 0.2, things["Floor"])
painted("Black", (0.005, 0.005, 0.006), 0.15, things["Racks West"], things["Racks East"])
tree, white = painted("Off-White", (0.85, 0.83, 0.78), 0.6, things["Enclosure"])
# The cut: from outside the walls are clear, and they keep no light out.
clear, mix, facing = (tree.nodes.new("ShaderNode" + kind) for kind in ("BsdfTransparent", "MixShader", "NewGeometry"))
tree.links.new(facing.outputs["Backfacing"], mix.inputs[0])
tree.links.new(clear.outputs[0], mix.inputs[1])
tree.links.new(white.outputs[0], mix.inputs[2])
tree.links.new(mix.outputs[0], tree.nodes["Material Output"].inputs["Surface"])
things["Enclosure"].visible_shadow = False
""",
}

RENDER = """
import base64, os, tempfile
import bpy
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.device = "CPU"
scene.cycles.samples = {samples}
scene.cycles.use_denoising = True
scene.view_settings.view_transform = "AgX"
scene.view_settings.look = "AgX - Medium High Contrast"
scene.render.resolution_x, scene.render.resolution_y = {width}, {height}
scene.render.resolution_percentage = 100
scene.render.image_settings.file_format = "JPEG"
scene.render.image_settings.quality = 92
with tempfile.TemporaryDirectory() as folder:
    scene.render.filepath = os.path.join(folder, "picture.jpg")
    bpy.ops.render.render(write_still=True)
    with open(scene.render.filepath, "rb") as file:
        print(base64.b64encode(file.read()).decode())
"""


async def run(client: Client, code: str, **arguments: Any) -> str:
    """Run code in Blender and return what it printed."""
    answer = (await client.call_tool("blender_execute_code", {"code": code, **arguments})).structured_content
    if answer["status"] != "completed":
        raise SystemExit(f"{answer['status']}: {answer['error'] or answer.get('hint')}")
    return answer["result"].strip()


async def main(url: str, token: str | None, target: str | None, output: Path, width: int, samples: int) -> None:
    async with Client(url, auth=token or "oauth") as client:
        for title, code in STEPS.items():
            printed = await run(client, code, target_uuid=target)
            print(f"- {title}" + (f": {printed}" if printed else ""))
        answer = (await client.call_tool("blender_get_scene_info", {"target_uuid": target})).structured_content
        scene = json.loads(answer["result"])
        print(f"The scene {scene['name']!r} has {scene['object_count']} objects. Rendering ...")
        code = RENDER.format(width=width, height=width * 9 // 16, samples=samples)
        output.write_bytes(base64.b64decode(await run(client, code, target_uuid=target, timeout_seconds=600)))
        print(f"The picture is {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build and render a datacenter through the bus.")
    parser.add_argument("url", nargs="?", default="http://localhost:8787/mcp", help="MCP endpoint of the server")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    parser.add_argument("--target", help="uuid of the Blender, if several are connected")
    parser.add_argument("--output", type=Path, default=Path("datacenter.jpg"))
    parser.add_argument("--width", type=int, default=960, help="pixels; the height is 9/16 of it")
    parser.add_argument("--samples", type=int, default=32)
    options = parser.parse_args()
    asyncio.run(main(**vars(options)))
