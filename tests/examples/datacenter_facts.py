"""What must stand in Blender once the datacenter is built, asked through the bus and told by Blender itself."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

from harness.mcp import ModernClient
from PIL import Image, ImageStat

# Evaluated, so with modifiers: boxes of the corners in world space, and what made them.
ASK = """
import json, bpy
from mathutils import Vector
view = bpy.context.evaluated_depsgraph_get()
def told(name):
    thing = bpy.data.objects[name]
    mesh = thing.evaluated_get(view).to_mesh()
    corners = [thing.matrix_world @ vertex.co for vertex in mesh.vertices]
    faces = mesh.polygons
    shader = thing.material_slots[0].material.node_tree.nodes["Principled BSDF"].inputs
    return {
        "location": list(thing.location),
        "low": [min(corner[axis] for corner in corners) for axis in range(3)],
        "high": [max(corner[axis] for corner in corners) for axis in range(3)],
        "faces": len(faces),
        "normals": sorted([round(axis) for axis in face.normal] for face in faces),
        "modifiers": {one.type: one.count if one.type == "ARRAY" else one.thickness for one in thing.modifiers},
        "colour": list(shader["Base Color"].default_value)[:3],
        "roughness": shader["Roughness"].default_value,
    }
scene = bpy.context.scene
camera = scene.camera
print(json.dumps({
    "objects": {name: told(name) for name in ("Floor", "Racks West", "Racks East", "Enclosure")},
    "suns": [thing.name for thing in scene.objects if thing.type == "LIGHT" and thing.data.type == "SUN"],
    "camera": list(camera.matrix_world.translation),
    "sight": list(camera.matrix_world.to_quaternion() @ Vector((0, 0, -1))),
}))
"""


def near(found: list[float], wanted: tuple[float, ...]) -> bool:
    return len(found) == len(wanted) and all(abs(a - b) < 1e-4 for a, b in zip(found, wanted, strict=True))


async def check_the_scene(client: ModernClient) -> None:
    """Compares the scene with the order, in metres."""
    answer = (await client.call("blender_execute_code", code=ASK)).document
    assert answer["status"] == "completed", answer["error"]
    scene = json.loads(answer["result"])
    things: dict[str, Any] = scene["objects"]

    floor = things["Floor"]
    assert near(floor["low"], (-10, -15, -0.2)) and near(floor["high"], (10, 15, 0)), floor
    assert abs(floor["modifiers"]["SOLIDIFY"] - 0.2) < 1e-6
    for name, x in (("Racks West", -8), ("Racks East", 8)):
        row = things[name]
        assert near(row["location"], (x, -10, 1)), row
        assert row["modifiers"] == {"ARRAY": 10}
        assert row["faces"] == 60
        assert near([row["low"][0], row["high"][0]], (x - 0.5, x + 0.5))  # along Y alone
        assert near([row["low"][1], row["low"][2], row["high"][2]], (-10.6, 0, 2))
        assert 1.3 < row["high"][1] <= 15, "ten racks of 1.2 m, within the room"
    enclosure = things["Enclosure"]
    size = [high - low for low, high in zip(enclosure["low"], enclosure["high"], strict=True)]
    assert near(size, (20, 30, 4)), enclosure
    assert enclosure["normals"] == sorted([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 0, -1], [0, 0, 1]])

    assert len(scene["suns"]) == 1
    assert near(scene["camera"], (0, -20, 8))
    length = (20**2 + 8**2) ** 0.5
    assert near(scene["sight"], (0, 20 / length, -8 / length)), "the camera looks at the origin"

    dark, white = floor["colour"], enclosure["colour"]
    assert abs(floor["roughness"] - 0.2) < 1e-6
    assert max(dark) < 0.15 and max(dark) - min(dark) < 0.02, "dark grey"
    assert min(white) > 0.7 and min(white) < 1, "off-white"
    for name in ("Racks West", "Racks East"):
        assert max(things[name]["colour"]) < 0.02, "black"
        assert things[name]["roughness"] <= 0.2


async def check_by_looking(client: ModernClient, folder: Path) -> None:
    """Compares the scene with the order as a model can that writes no code: by `measure` and `render_views` alone."""
    answer = (await client.call("blender_measure")).document
    assert answer["status"] == "completed", answer["error"]
    told = json.loads(answer["result"])
    things: dict[str, Any] = told["objects"]
    assert things["Floor"]["size"]["dimensions"] == [20.0, 30.0, 0.2]
    assert things["Floor"]["size"]["high"] == [10.0, 15.0, 0.0]
    assert things["Enclosure"]["size"]["dimensions"] == [20.0, 30.0, 4.0]
    for name, x in (("Racks West", -8), ("Racks East", 8)):
        size, support = things[name]["size"], things[name]["support"]
        assert (size["low"][0], size["high"][0]) == (x - 0.5, x + 0.5)
        assert size["low"][1] == -10.6 and 1.3 < size["high"][1] <= 15
        assert size["dimensions"][2] == 2.0
        assert (support["stands_on"], support["gap"]) == ("Floor", 0.0)
    pairs = {(pair["a"], pair["b"]): pair for pair in told["pairs"]}
    aisle = pairs["Racks West", "Racks East"]
    assert (aisle["relation"], aisle["distance"]) == ("apart", 15.0)
    for name in ("Racks West", "Racks East"):
        assert pairs[name, "Enclosure"]["relation"] == "inside"
    assert told["camera"]["location"] == [0.0, -20.0, 8.0]

    # Rendered: the walls let through what looks at their backs, which no other shading shows.
    shown = await client.call("blender_render_views", views=["camera"], shading="rendered", max_size=320)
    [view] = json.loads(shown.document["result"])["views"]
    [image] = [block["data"] for block in shown.result["content"] if block["type"] == "image"]
    left, top, width, height = view["box"]
    picture = Image.open(io.BytesIO(base64.b64decode(image))).crop((left, top, left + width, top + height))
    picture.save(folder / "seen.png")
    check_the_picture(folder / "seen.png", width)


def check_the_picture(path: Path, width: int) -> None:
    """A picture of the room: sky above, a darker floor below, white walls and black racks on both sides."""
    picture = Image.open(path).convert("L")
    assert picture.size == (width, width * 9 // 16)
    assert ImageStat.Stat(picture).stddev[0] > 30, "blank"
    across, down = picture.size

    def mean(left: float, top: float, right: float, bottom: float) -> float:
        part = picture.crop((round(left * across), round(top * down), round(right * across), round(bottom * down)))
        return float(ImageStat.Stat(part).mean[0])

    sky, floor = mean(0.35, 0.05, 0.65, 0.25), mean(0.35, 0.5, 0.65, 0.9)
    wall, rack = mean(0.01, 0.5, 0.04, 0.65), mean(0.12, 0.62, 0.165, 0.72)
    assert rack + 20 < floor < sky - 40, (rack, floor, sky)
    assert wall > floor + 60, (wall, floor)
