"""What published local servers ask beyond the commands of the bus: looking things up, previews, picking, exporting.

Names, parameters and answers are theirs. What cannot be found is an answer with `error` and what may have been meant
(`did_you_mean`): these servers hand it to their model.
"""

from __future__ import annotations

import base64
import difflib
import functools
from pathlib import Path
from typing import Annotated, Any, Literal

import bpy
from mathutils import Matrix, Vector

from ..fetch import polyhaven, sketchfab
from ..fetch.http import Fetcher
from ..link.queue.control import JobControl
from .allowed.policy import Effect, change_effect, read_effect
from .allowed.settings import POLYHAVEN, SKETCHFAB, settings
from .background import Steps, fetcher, off_main, picture
from .registry import Bounds, Command, CommandError, Name, described
from .running.modes import UsersMode

MAX_ITEMS = 200
MAX_CANDIDATES = 15
TREES = ("ShaderNodeTree", "GeometryNodeTree", "CompositorNodeTree", "TextureNodeTree")
Word = Annotated[str, Bounds(0, 200)]
Number = int | float


def list_scene_items(
    control: JobControl, *, query: Word = "", limit: Annotated[int, Bounds(1, MAX_ITEMS)] = 30
) -> dict[str, Any]:
    """Return `{items: [{kind, name, detail}], total}`: objects, materials and collections whose name has `query`."""
    scene, needle = bpy.context.scene, query.strip().casefold()
    found = [("object", item.name, f"{item.type.title()} object") for item in scene.objects]
    found += [("material", item.name, "Material") for item in bpy.data.materials]
    found += [("collection", item.name, "Collection") for item in scene.collection.children_recursive]
    hits = [one for one in found if needle in one[1].casefold()]
    hits.sort(key=lambda one: not one[1].casefold().startswith(needle))
    items = [{"kind": kind, "name": name, "detail": detail} for kind, name, detail in hits[:limit]]
    return {"items": items, "total": len(hits)}


def describe_node_type(
    control: JobControl, *, bl_idname: Name, property_overrides: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the properties and sockets of a kind of node, made in a tree of its own that is then removed."""
    kind = getattr(bpy.types, bl_idname, None)
    if not (isinstance(kind, type) and issubclass(kind, bpy.types.Node)):
        nodes = [name for name in dir(bpy.types) if "Node" in name]
        return {"error": f"Unknown node type: {bl_idname}", "did_you_mean": _close(bl_idname, nodes)}
    refusals = []
    for tree_type in TREES:
        tree = bpy.data.node_groups.new(".blender_bus_scratch", tree_type)
        try:
            node = tree.nodes.new(bl_idname)
        except RuntimeError as error:
            refusals.append(f"{tree_type}: {error}".strip())
        else:
            return {"bl_idname": bl_idname, "tree": tree_type, **_node(node, property_overrides or {})}
        finally:
            bpy.data.node_groups.remove(tree)
    return {"error": f"Could not make a node {bl_idname!r} in any tree", "attempts": refusals}


def _node(node: bpy.types.Node, overrides: dict[str, Any]) -> dict[str, Any]:
    refused = {}
    for name, value in overrides.items():
        rna = node.bl_rna.properties.get(name)
        if rna is None or rna.type not in ("BOOLEAN", "INT", "FLOAT", "ENUM"):
            refused[name] = "no switch, number or choice of this node"  # a path would be read or written
            continue
        try:
            setattr(node, name, value)
        except (AttributeError, TypeError, ValueError) as error:
            refused[name] = str(error)
    own = [rna for rna in node.bl_rna.properties if rna.identifier not in bpy.types.Node.bl_rna.properties]
    return {
        "label": node.bl_label,
        "properties": [{**_property(rna), "value": _value(getattr(node, rna.identifier))} for rna in own],
        "inputs": [_socket(index, socket) for index, socket in enumerate(node.inputs)],
        "outputs": [_socket(index, socket) for index, socket in enumerate(node.outputs)],
        **({"refused_overrides": refused} if refused else {}),
    }


def _socket(index: int, socket: bpy.types.NodeSocket) -> dict[str, Any]:
    return {
        "index": index,
        "name": socket.name,
        "identifier": socket.identifier,
        "type": socket.type,
        "enabled": socket.enabled,
        "default": _value(getattr(socket, "default_value", None)),
    }


def _value(value: Any) -> Any:
    """A value of RNA as JSON: vectors and colours are lists, data blocks their names."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, bpy.types.ID):
        return value.name
    try:
        return [_value(item) for item in value][:64]
    except TypeError:
        return str(value)


def _property(rna: bpy.types.Property) -> dict[str, Any]:
    told: dict[str, Any] = {"name": rna.identifier, "type": rna.type, "description": rna.description}
    if rna.is_readonly:
        told["readonly"] = True
    if rna.type == "ENUM":
        told["items"] = [item.identifier for item in rna.enum_items]
        told["default"] = sorted(rna.default_flag) if rna.is_enum_flag else rna.default
    elif rna.type in ("INT", "FLOAT"):
        told |= {"min": rna.hard_min, "max": rna.hard_max}
        told["default"] = list(rna.default_array) if rna.array_length else rna.default
    elif rna.type in ("BOOLEAN", "STRING"):
        told["default"] = rna.default
    elif rna.type in ("POINTER", "COLLECTION") and rna.fixed_type is not None:
        told["of"] = rna.fixed_type.identifier
    return told


def _parameter(rna: bpy.types.Property) -> dict[str, Any]:
    return {**_property(rna), "required": rna.is_required}


def bpy_api_lookup(control: JobControl, *, query: Name) -> dict[str, Any]:
    """Return what Blender's API says of `Type`, `Type.member` or `bpy.ops.module.operator`."""
    path = query.strip().removeprefix("bpy.").removeprefix("types.").removesuffix("()")
    if path.startswith("ops."):
        return _operator(path.removeprefix("ops."))
    name, _, member = path.partition(".")
    kind = getattr(bpy.types, name, None)
    rna = getattr(kind, "bl_rna", None)
    if rna is None:
        return {"error": f"Unknown type: {name}", "did_you_mean": _close(name, dir(bpy.types))}
    functions = {function.identifier: function for function in rna.functions}
    if not member:
        return {
            "kind": "type",
            "name": rna.identifier,
            "description": rna.description,
            "base": rna.base.identifier if rna.base else None,
            "properties": [_property(one) for one in rna.properties if one.identifier != "rna_type"],
            "functions": [_function(one) for one in functions.values()],
        }
    if member in rna.properties:
        return {"kind": "property", "owner": rna.identifier, **_property(rna.properties[member])}
    if member in functions:
        return {"kind": "function", "owner": rna.identifier, **_function(functions[member])}
    known = [*rna.properties.keys(), *functions]
    return {"error": f"{name} has no member {member!r}", "did_you_mean": _close(member, known)}


def _function(function: bpy.types.Function) -> dict[str, Any]:
    parameters = [one for one in function.parameters if not one.is_output]
    return {
        "name": function.identifier,
        "description": function.description,
        "parameters": [_parameter(one) for one in parameters],
        "returns": [_property(one) for one in function.parameters if one.is_output],
    }


def _operator(path: str) -> dict[str, Any]:
    module, _, name = path.partition(".")
    operators = dir(getattr(bpy.ops, module)) if module in dir(bpy.ops) else []
    if name not in operators:
        meant = [f"bpy.ops.{module}.{one}" for one in _close(name, operators)]
        return {"error": f"Unknown operator: bpy.ops.{path}", "did_you_mean": meant or _close(module, dir(bpy.ops))}
    rna = getattr(getattr(bpy.ops, module), name).get_rna_type()
    return {
        "kind": "operator",
        "idname": f"bpy.ops.{path}",
        "label": rna.name,
        "description": rna.description,
        "parameters": [_parameter(one) for one in rna.properties if one.identifier != "rna_type"],
    }


def _close(name: str, known: list[str]) -> list[str]:
    needle = name.casefold()
    inside = [one for one in known if needle and needle in one.casefold()]
    return list(dict.fromkeys([*difflib.get_close_matches(name, known, 5, 0.5), *inside]))[:MAX_CANDIDATES]


def pick_viewport_object(
    control: JobControl,
    *,
    view_matrix: list[Any],
    window_matrix: list[Any],
    width: Number,
    height: Number,
    x: Number,
    y: Number,
    file: str | None = None,
    scene: str | None = None,
) -> dict[str, Any]:
    """Return the object under a point of an earlier picture: `x` and `y` from 0 to 1, from its top left corner."""
    if file is not None and file != bpy.data.filepath:
        return {"object": None, "mismatch": "file", "current": bpy.data.filepath}
    if scene is not None and scene != bpy.context.scene.name:
        return {"object": None, "mismatch": "scene", "current": bpy.context.scene.name}
    try:
        back = (Matrix(window_matrix) @ Matrix(view_matrix)).inverted()
        near, far = (back @ Vector((2 * x - 1, 1 - 2 * y, depth, 1)) for depth in (-1, 1))
        start, end = near.xyz / near.w, far.xyz / far.w
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise CommandError(f"pick_viewport_object: the matrices are no view of a picture: {error}") from None
    depsgraph, ray = bpy.context.evaluated_depsgraph_get(), end - start
    hit, *_, item, _matrix = bpy.context.scene.ray_cast(depsgraph, start, ray.normalized(), distance=ray.length)
    if not hit:
        return {"object": None}
    location = list(item.matrix_world.translation)
    detail = f"{item.type.title()} object"
    return {"object": {"name": item.name, "type": item.type, "detail": detail, "location": location}}


def export_effect(params: dict[str, Any]) -> Effect:
    """Of export_scene: a new file adds, one that exists is replaced."""
    path = _target(str(params.get("filepath")), str(params.get("format", "glb")))
    return Effect.DANGER if path.exists() or path.is_symlink() else change_effect(params)


def _target(filepath: str, format: str) -> Path:
    """Return the file that is written: the exporters add the ending where it is missing."""
    path = Path(bpy.path.abspath(filepath)).expanduser()
    return path if path.suffix.lower() == f".{format}" else path.with_name(f"{path.name}.{format}")


def export_scene(
    control: JobControl,
    *,
    filepath: Name,
    format: Literal["glb", "fbx"] = "glb",
    object_names: list[str] | None = None,
    selection_only: bool = False,
    apply_modifiers: bool = True,
) -> dict[str, Any]:
    """Write the scene, the selection or named objects with their children to a file; the selection stays as it was."""
    path, layer = _target(filepath, format), bpy.context.view_layer
    if not path.is_absolute():
        raise CommandError(f"export_scene: filepath must be absolute, got {filepath[:200]!r}")
    if missing := [name for name in object_names or [] if name not in layer.objects]:
        return {"error": f"Objects not found in Blender: {', '.join(map(str, missing))}"}
    before, users = [item for item in layer.objects if item.select_get()], UsersMode("")
    wanted = before if selection_only else list(layer.objects)
    if object_names:
        named = [layer.objects[name] for name in object_names]
        # Those of an excluded collection cannot be selected, and so not be exported.
        family = [item for one in named for item in (one, *one.children_recursive)]
        wanted = [item for item in family if item.name in layer.objects]
    if not wanted:
        return {"error": "Nothing is selected in Blender and no object_names were given"}
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _select(layer, wanted)
        _write(path, format, apply_modifiers)
    except RuntimeError as error:
        raise CommandError(f"export_scene: {error}") from None
    finally:
        _select(layer, before)
        # Exporters leave edit mode, whoever has entered it.
        users.restore()
    names = sorted({item.name for item in wanted})
    return {"path": str(path), "bytes": path.stat().st_size, "selection_only": selection_only, "objects": names}


def _select(layer: bpy.types.ViewLayer, items: list[bpy.types.Object]) -> None:
    for item in layer.objects:
        item.select_set(item in items)


def _write(path: Path, format: str, apply_modifiers: bool) -> None:
    if format == "glb":
        options = {"export_format": "GLB", "use_selection": True, "export_apply": apply_modifiers}
        bpy.ops.export_scene.gltf(filepath=str(path), **options)
    else:
        bpy.ops.export_scene.fbx(filepath=str(path), use_selection=True, use_mesh_modifiers=apply_modifiers)


def get_sketchfab_model_preview(control: JobControl, *, uid: Annotated[str, Bounds(1, 128)]) -> Steps[dict[str, Any]]:
    """Return a model's picture as base64, with its name and author."""
    key, source = settings().sketchfab_key, fetcher(control, SKETCHFAB.label)
    about = yield from off_main(control, lambda: sketchfab.preview(source, key, uid))
    return (yield from _picture(control, source, about))


def get_polyhaven_asset_preview(
    control: JobControl, *, asset_id: Annotated[str, Bounds(1, 200)]
) -> Steps[dict[str, Any]]:
    """Return an asset's picture as base64, with its name and authors."""
    source = fetcher(control, POLYHAVEN.label)
    about = yield from off_main(control, lambda: polyhaven.preview(source, asset_id))
    return (yield from _picture(control, source, about))


def _picture(control: JobControl, source: Fetcher, about: dict[str, Any]) -> Steps[dict[str, Any]]:
    """The answer with the picture at `about["picture"]` in it."""
    kind, data = yield from picture(control, source, about.pop("picture"))
    return {"success": True, "image_data": base64.b64encode(data).decode("ascii"), "format": kind, **about}


@functools.cache
def commands() -> dict[str, Command]:
    """The table: each is checked, refused by the policy and switched off as the commands of the bus are."""
    reads = (list_scene_items, describe_node_type, bpy_api_lookup, pick_viewport_object)
    table = [described(handler.__name__, handler, read_effect, None) for handler in reads]
    table += [
        described("export_scene", export_scene, export_effect, None),
        described("get_sketchfab_model_preview", get_sketchfab_model_preview, read_effect, "sketchfab"),
        described("get_polyhaven_asset_preview", get_polyhaven_asset_preview, read_effect, "polyhaven"),
    ]
    return {entry.name: entry for entry in table}
