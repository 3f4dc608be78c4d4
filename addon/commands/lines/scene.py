"""Scene, objects and materials, as servers that frame by lines ask for them."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import bpy
from mathutils import Euler

from ...link.queue.control import JobControl
from ..compat import principled_input
from ..registry import Bounds, CommandError, Name
from ..values import vector
from .shapes import SHAPES, make

MAX_LISTED = 1_000
# A chain of parents can be longer than what JSON readers take.
MAX_LEVELS = 20
Numbers = list[Any]
Size = Annotated[float, Bounds(1e-6, 1e6)]


def get_info(control: JobControl) -> dict[str, Any]:
    """Return what the scene is: frames, engine, resolution in pixels, number of objects."""
    scene = bpy.context.scene
    return {
        "name": scene.name,
        "frame_current": scene.frame_current,
        "frame_start": scene.frame_start,
        "frame_end": scene.frame_end,
        "render_engine": scene.render.engine,
        "resolution_x": scene.render.resolution_x,
        "resolution_y": scene.render.resolution_y,
        "object_count": len(scene.objects),
    }


def list_objects(control: JobControl, *, type: str | None = None) -> dict[str, Any]:
    """Return `{objects: [...]}`, of one type if given, and how many more there are."""
    found = [item for item in bpy.context.scene.objects if type is None or item.type == type.upper()]
    rows = [
        {"name": item.name, "type": item.type, "location": vector(item.location), "visible": item.visible_get()}
        for item in found[:MAX_LISTED]
    ]
    return {"objects": rows} | ({"left_out": len(found) - len(rows)} if len(found) > len(rows) else {})


def get_transform(control: JobControl, *, name: Name) -> dict[str, Any]:
    """Return location, rotation (radians) and scale of an object."""
    item = _object(control, name)
    turned = vector(_euler(item))
    return {
        "name": item.name,
        "location": vector(item.location),
        "rotation_euler": turned,
        "scale": vector(item.scale),
    }


def get_hierarchy(control: JobControl, *, name: Name | None = None) -> dict[str, Any]:
    """Return an object with its children and theirs; without a name `{roots: [...]}`."""
    children: dict[Any, list[Any]] = defaultdict(list)
    items = list(bpy.context.scene.objects)
    for item in items:
        children[item.parent].append(item)
    room = [MAX_LISTED]

    def tree(item: Any, level: int) -> dict[str, Any]:
        room[0] -= 1
        below = children[item] if level < MAX_LEVELS else []
        told = [tree(child, level + 1) for child in below if room[0] > 0]
        missing = len(children[item]) - len(told)
        node = {"name": item.name, "type": item.type, "children": told}
        return node | ({"left_out": missing} if missing else {})

    if name is not None:
        return tree(_object(control, name), 0)
    here = set(items)
    roots = [item for item in items if item.parent not in here]
    shown = [tree(item, 0) for item in roots if room[0] > 0]
    return {"roots": shown} | ({"left_out": len(roots) - len(shown)} if len(roots) > len(shown) else {})


def list_materials(control: JobControl) -> dict[str, Any]:
    """Return `{materials: [...]}`."""
    rows = [{"name": one.name, "use_nodes": one.use_nodes, "user_count": one.users} for one in bpy.data.materials]
    return {"materials": rows[:MAX_LISTED]} | ({"left_out": len(rows) - MAX_LISTED} if len(rows) > MAX_LISTED else {})


def create_mesh(
    control: JobControl,
    *,
    type: Annotated[str, Bounds(1, 64)] = "cube",
    name: Name | None = None,
    location: Numbers | None = None,
    size: Size = 2.0,
) -> dict[str, Any]:
    """Add a mesh of one of the known shapes."""
    if type.lower() not in SHAPES:
        raise CommandError(f"{control.job.command}: type must be one of {', '.join(SHAPES)}, got {type!r}")
    place = _numbers(control, "location", location or [0, 0, 0])
    item = make(type.lower(), name, place, size)
    return {"name": item.name, "type": item.type, "location": vector(item.location)}


def delete(control: JobControl, *, name: Name) -> dict[str, Any]:
    """Remove an object."""
    bpy.data.objects.remove(_object(control, name), do_unlink=True)
    return {"deleted": name}


def translate(
    control: JobControl, *, name: Name, location: Numbers | None = None, offset: Numbers | None = None
) -> dict[str, Any]:
    """Move an object to `location` or by `offset`."""
    item = _object(control, name)
    if location is not None and offset is not None:
        raise CommandError(f"{control.job.command}: give location or offset, not both")
    if location is not None:
        item.location = _numbers(control, "location", location)
    elif offset is not None:
        by = _numbers(control, "offset", offset)
        item.location = [have + more for have, more in zip(item.location, by, strict=True)]
    return {"name": item.name, "location": vector(item.location)}


def rotate(control: JobControl, *, name: Name, rotation: Numbers, degrees: bool = True) -> dict[str, Any]:
    """Set the rotation of an object, whichever way it keeps it."""
    item = _object(control, name)
    angles = _numbers(control, "rotation", rotation)
    turned = Euler([math.radians(angle) for angle in angles] if degrees else angles)
    if item.rotation_mode == "QUATERNION":
        item.rotation_quaternion = turned.to_quaternion()
    elif item.rotation_mode == "AXIS_ANGLE":
        axis, angle = turned.to_quaternion().to_axis_angle()
        item.rotation_axis_angle = (angle, *axis)
    else:
        item.rotation_euler = turned[:]
    return {"name": item.name, "rotation_euler": vector(turned)}


def scale(control: JobControl, *, name: Name, scale: Numbers) -> dict[str, Any]:
    """Set the scale of an object."""
    item = _object(control, name)
    item.scale = _numbers(control, "scale", scale)
    return {"name": item.name, "scale": vector(item.scale)}


def duplicate(control: JobControl, *, name: Name, new_name: Name | None = None) -> dict[str, Any]:
    """Copy an object with its data, into the collections it is in."""
    item = _object(control, name)
    copy = item.copy()
    if item.data is not None:
        copy.data = item.data.copy()
    if new_name:
        copy.name = new_name
    for collection in item.users_collection or (bpy.context.scene.collection,):
        collection.objects.link(copy)
    return {"name": copy.name, "original": item.name, "location": vector(copy.location)}


def create_material(control: JobControl, *, name: Name = "Material", color: Numbers | None = None) -> dict[str, Any]:
    """Add a material, of a colour if given."""
    rgba = None if color is None else _color(control, color)
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    # Nobody uses it yet, and it must not be lost when the file is saved.
    material.use_fake_user = True
    if rgba is not None:
        _base_color(control, material).default_value = rgba
    return {"name": material.name, "use_nodes": material.use_nodes}


def assign_material(control: JobControl, *, object: Name, material: Name) -> dict[str, Any]:
    """Put a material into the first slot of an object."""
    item, chosen = _object(control, object), _material(control, material)
    slots = getattr(item.data, "materials", None)
    if slots is None:
        raise CommandError(f"{control.job.command}: {item.name!r} is of type {item.type} and takes no material")
    if slots:
        slots[0] = chosen
    else:
        slots.append(chosen)
    return {"object": item.name, "material": chosen.name}


def set_color(control: JobControl, *, name: Name, color: Numbers) -> dict[str, Any]:
    """Set the base colour of a material."""
    rgba, material = _color(control, color), _material(control, name)
    socket = _base_color(control, material)
    for link in list(socket.links):
        # A texture would hide the colour.
        material.node_tree.links.remove(link)
    socket.default_value = rgba
    return {"name": material.name, "color": rgba}


def set_texture(control: JobControl, *, name: Name, filepath: Name) -> dict[str, Any]:
    """Use an image file as the base colour of a material."""
    material = _material(control, name)
    socket = _base_color(control, material)
    path = Path(bpy.path.abspath(filepath)).expanduser()
    if not path.is_file():
        raise CommandError(f"{control.job.command}: there is no file {str(path)[:500]!r}")
    try:
        image = bpy.data.images.load(str(path), check_existing=True)
    except RuntimeError as error:
        raise CommandError(f"{control.job.command}: {error}") from None
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    node.location = (socket.node.location.x - 320, socket.node.location.y)
    material.node_tree.links.new(node.outputs["Color"], socket)
    return {"name": material.name, "texture": filepath}


def _object(control: JobControl, name: str) -> Any:
    found = bpy.context.scene.objects.get(name) or bpy.data.objects.get(name)
    if found is None:
        raise CommandError(f"{control.job.command}: Object '{name[:200]}' not found")
    return found


def _material(control: JobControl, name: str) -> Any:
    found = bpy.data.materials.get(name)
    if found is None:
        raise CommandError(f"{control.job.command}: Material '{name[:200]}' not found")
    return found


def _base_color(control: JobControl, material: Any) -> Any:
    if not material.use_nodes or material.node_tree is None:
        material.use_nodes = True
    node = next((one for one in material.node_tree.nodes if one.type == "BSDF_PRINCIPLED"), None)
    if node is None:
        raise CommandError(f"{control.job.command}: Material '{material.name}' has no Principled BSDF node")
    return principled_input(node, "Base Color")


def _color(control: JobControl, value: Numbers) -> list[float]:
    if len(value) not in (3, 4):
        raise CommandError(f"{control.job.command}: color must be 3 or 4 numbers from 0 to 1, got {len(value)}")
    return [*_numbers(control, "color", value, len(value)), *([1.0] if len(value) == 3 else [])]


def _numbers(control: JobControl, word: str, value: Numbers, count: int = 3) -> list[float]:
    fit = all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in value)
    if len(value) != count or not fit:
        raise CommandError(f"{control.job.command}: {word} must be a list of {count} finite numbers")
    return [float(one) for one in value]


def _euler(item: Any) -> Any:
    if item.rotation_mode == "QUATERNION":
        return item.rotation_quaternion.to_euler()
    if item.rotation_mode == "AXIS_ANGLE":
        return item.matrix_basis.to_euler()
    return item.rotation_euler
