"""The scene and everything in the file: get_scene_info, get_object_info, browse_data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import bpy
from mathutils import Vector

from ..link.queue.control import JobControl
from ..link.records import MAX_RESULT_BYTES
from .named import find, namesakes
from .registry import Bounds, CommandError, Name, command
from .values import number, plain, vector

OBJECTS_SHOWN = 10
FULL_LIST_ITEMS = 32
SUGGESTIONS = 10
# The rest of a result is for the fields around the items.
MAX_PAGE_BYTES = MAX_RESULT_BYTES - 4096


@command("get_scene_info")
def get_scene_info(control: JobControl) -> dict[str, Any]:
    """Return the active scene's name, counts, its first ten objects, the mode and what is selected."""
    scene = bpy.context.scene
    objects = scene.objects
    active = bpy.context.view_layer.objects.active
    return {
        "name": scene.name,
        "object_count": len(objects),
        "objects": [
            {"name": item.name, "type": item.type, "location": vector(item.location)}
            for item in list(objects)[:OBJECTS_SHOWN]
        ],
        "materials_count": len(bpy.data.materials),
        # What is new would be added to the mesh that is being edited.
        "mode": bpy.context.mode,
        "active": None if active is None else active.name,
        "selected": [item.name for item in list(bpy.context.view_layer.objects.selected)[:OBJECTS_SHOWN]],
    }


@command("get_object_info")
def get_object_info(control: JobControl, *, name: Name) -> dict[str, Any]:
    """Return transform, materials, visibility and mesh size of one object."""
    item = find(bpy.data.objects, name)
    if item is None:
        raise CommandError(f"Object not found: {name}{_similar(name, bpy.data.objects)}")
    # Else a change made a moment ago would not show in the world matrix.
    bpy.context.view_layer.update()
    info: dict[str, Any] = {
        "name": item.name,
        "type": item.type,
        "location": vector(item.location),
        "rotation": vector(_euler(item)),
        "scale": vector(item.scale),
        "visible": _visible(item),
        "materials": [slot.material.name for slot in item.material_slots if slot.material is not None],
    }
    if item.library is not None:
        info["library"] = item.library.filepath
    if others := namesakes(bpy.data.objects, item):
        # They can be asked for by these names.
        info["same_name"] = others
    if item.type == "MESH":
        info["world_bounding_box"] = _world_bounding_box(item)
        if item.mode == "EDIT":
            # Else the counts are those from before the edit.
            item.update_from_editmode()
        mesh = item.data
        info["mesh"] = {"vertices": len(mesh.vertices), "edges": len(mesh.edges), "polygons": len(mesh.polygons)}
    return info


def _euler(item: Any) -> Any:
    if item.rotation_mode == "QUATERNION":
        return item.rotation_quaternion.to_euler()
    if item.rotation_mode == "AXIS_ANGLE":
        return item.matrix_basis.to_euler()
    return item.rotation_euler


def _visible(item: Any) -> bool:
    try:
        return bool(item.visible_get())
    except RuntimeError:
        # Not in the current view layer.
        return False


def _world_bounding_box(item: Any) -> list[list[float | None]]:
    corners = [item.matrix_world @ Vector(corner) for corner in item.bound_box]
    return [[number(pick(corner[axis] for corner in corners)) for axis in range(3)] for pick in (min, max)]


def _similar(name: str, items: Iterable[Any]) -> str:
    wanted = name.casefold()
    close = [item.name for item in items if wanted in item.name.casefold() or item.name.casefold() in wanted]
    return f". Similar names: {', '.join(close[:SUGGESTIONS])}" if close else ""


@command("browse_data")
def browse_data(
    control: JobControl,
    *,
    collection: str | None = None,
    item_name: str | None = None,
    page: Annotated[int, Bounds(1)] = 1,
    page_size: Annotated[int, Bounds(1, 500)] = 50,
    detail_level: Literal["summary", "full"] = "summary",
) -> dict[str, Any]:
    """Return the index of bpy.data, one page of a collection, or one item."""
    present = _collections()
    if collection is None:
        if item_name is not None:
            raise CommandError("browse_data: item_name needs collection, such as objects or materials")
        rows = [{"name": name, "count": len(items), "type": kind} for name, (kind, items) in present.items()]
        return {"success": True, "collections": rows, "total": len(rows)}
    if collection not in present:
        raise CommandError(f"browse_data: bpy.data has no collection {collection!r}; it has: {', '.join(present)}")
    items = present[collection][1]
    describe = _full if detail_level == "full" else _summary
    if item_name is not None:
        item = find(items, item_name)
        if item is None:
            raise CommandError(f"browse_data: no {item_name!r} in {collection}{_similar(item_name, items)}")
        return {"success": True, "item": describe(item), "collection": collection}
    total = len(items)
    first = (page - 1) * page_size
    shown = items[first : first + page_size] if first < total else []
    described = [describe(item) for item in shown]
    _refuse_too_long(described)
    return {
        "success": True,
        "collection": collection,
        "items": described,
        "page": page,
        "page_size": page_size,
        "total_pages": -(-total // page_size),
        "total_items": total,
    }


def _refuse_too_long(described: list[dict[str, Any]]) -> None:
    size = len(json.dumps(plain(described), ensure_ascii=False).encode())
    if size > MAX_PAGE_BYTES:
        fits = max(1, len(described) * MAX_PAGE_BYTES // size)
        raise CommandError(
            f"browse_data: these {len(described)} items take {size} bytes, more than the {MAX_PAGE_BYTES} that fit "
            f"into a result; page_size={fits} fits, and so may detail_level='summary'"
        )


def _collections() -> dict[str, tuple[str, Any]]:
    """Return name -> (type of its items, collection) for every collection this Blender version really has."""
    found = {}
    for prop in bpy.data.bl_rna.properties:
        items = getattr(bpy.data, prop.identifier, None) if prop.type == "COLLECTION" else None
        if items is not None:
            found[prop.identifier] = (prop.fixed_type.identifier, items)
    return dict(sorted(found.items()))


def _summary(item: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"name": item.name, "type": item.bl_rna.identifier, "users": item.users}
    if isinstance(item, bpy.types.Object):
        row["object_type"] = item.type
        row["location"] = vector(item.location)
    if item.library is not None:
        row["library"] = item.library.filepath
        # It can be asked for by this name, should others have the same.
        row["full_name"] = item.name_full
        if item.is_missing:
            # An empty stands in for an object whose library is not there.
            row["missing"] = True
    return row


def _full(item: Any) -> dict[str, Any]:
    return {**_summary(item), "properties": _properties(item)}


def _properties(item: Any) -> dict[str, Any]:
    """Return the item's own RNA values: numbers and text as they are, references by name, collections by size."""
    values = {}
    for prop in item.bl_rna.properties:
        if prop.identifier in ("rna_type", "name", "users", "library"):
            continue
        try:
            values[prop.identifier] = _property_value(getattr(item, prop.identifier), prop)
        except Exception as error:
            # Some properties raise when read in a state where they make no sense; the others are still of use.
            values[prop.identifier] = f"<cannot be read: {error}>"
    return values


def _property_value(value: Any, prop: Any) -> Any:
    if prop.type == "POINTER":
        return None if value is None else getattr(value, "name", "") or f"<{value.bl_rna.identifier}>"
    if prop.type == "COLLECTION":
        return f"<{len(value)} items>"
    if getattr(prop, "is_array", False):
        flat = plain(value)
        return flat if len(flat) <= FULL_LIST_ITEMS else [*flat[:FULL_LIST_ITEMS], f"<{len(flat)} values>"]
    return plain(value)
