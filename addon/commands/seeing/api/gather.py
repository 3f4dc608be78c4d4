"""Gather what this Blender's API has, in small steps, from its RNA and from its Python modules."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import bpy

from .index import Entry

# Parts of the interface: panels, menus, headers, lists. Operators are found by bpy.ops.
_INTERFACE = re.compile(r"_(PT|MT|HT|OT|UL|AST|FH|GT|GGT|WT|KSI|RE|BT|TT)_|^(BUILTIN|ANIM)_KSI_|^bpy_")
_MODULES = (
    "bmesh",
    "bmesh.ops",
    "bpy.app.handlers",
    "bpy.app.timers",
    "bpy.path",
    "bpy.utils",
    "bpy_extras.anim_utils",
    "bpy_extras.image_utils",
    "bpy_extras.mesh_utils",
    "bpy_extras.object_utils",
    "bpy_extras.view3d_utils",
    "mathutils",
    "mathutils.bvhtree",
    "mathutils.geometry",
    "mathutils.kdtree",
    "mathutils.noise",
)
_CLASSES = {"mathutils": ("Vector", "Matrix", "Euler", "Quaternion", "Color"), "bmesh": ()}
# Types that most code is about.
# fmt: off
_COMMON = frozenset((
    "Object", "Mesh", "Scene", "Material", "Camera", "Light", "World", "Collection", "Image", "Action",
    "FCurve", "Keyframe", "Modifier", "Curve", "Armature", "PoseBone", "Bone", "RenderSettings",
    "CyclesRenderSettings", "View3DShading", "ViewLayer", "Depsgraph", "Node", "NodeTree", "NodeSocket",
    "ShaderNodeBsdfPrincipled", "SceneEEVEE", "ColorManagedViewSettings", "ImageFormatSettings",
    "UnitSettings", "TextCurve",
))
# fmt: on
_TREES = {
    "ShaderNode": "ShaderNodeTree",
    "GeometryNode": "GeometryNodeTree",
    "FunctionNode": "GeometryNodeTree",
    "CompositorNode": "CompositorNodeTree",
    "TextureNode": "TextureNodeTree",
}
# Bases, parts of nodes, nodes that only the tree of a scene can have, and one that brings a font into the file.
_NO_NODES = re.compile(r"(Tree|Group|Slots|RLayers|Cryptomatte|CryptomatteV2|StringToCurves)$")
# Textures as they were before nodes.
_RARE = re.compile(r"Texture$")


def gather() -> Iterator[Entry | None]:
    """Yield every entry; None where nothing was found, so that the caller can pause."""
    for name in dir(bpy.types):
        if not _INTERFACE.search(name):
            yield from _of_type(name)
    for family in dir(bpy.ops):
        yield from _of_operators(family)
    yield from _of_data()
    for name in _MODULES:
        yield from _of_module(name)
    for name in dir(bpy.types):
        tree = tree_of(name)
        if tree is not None:
            yield from _of_sockets(name, tree)


def _of_type(name: str) -> Iterator[Entry | None]:
    cls = getattr(bpy.types, name, None)
    rna = getattr(cls, "bl_rna", None)
    if rna is None:
        return
    is_node = tree_of(name) is not None
    prior = 1.25 if name in _COMMON else 0.7 if _RARE.search(name) else 1.0
    label = rna.name if rna.name != name else ""
    yield Entry(f"bpy.types.{name}", "node" if is_node else "type", name, label, rna.description, "", prior)
    inherited = set(rna.base.properties.keys()) if rna.base is not None else set()
    about = f"{name} {label}"
    for prop in rna.properties:
        if prop.identifier not in inherited and prop.identifier != "rna_type":
            path = f"bpy.types.{name}.{prop.identifier}"
            yield Entry(path, "property", prop.identifier, prop.name, prop.description, about, prior)
    inherited = set(rna.base.functions.keys()) if rna.base is not None else set()
    for function in rna.functions:
        if function.identifier not in inherited:
            path = f"bpy.types.{name}.{function.identifier}"
            yield Entry(path, "function", function.identifier, "", function.description, about, prior)
    for own, value in vars(cls).items():
        if own.startswith(("_", "bl_")):
            continue
        if isinstance(value, property):
            yield Entry(f"bpy.types.{name}.{own}", "property", own, "", inspect.getdoc(value) or "", about, prior)
        elif inspect.isfunction(value) or isinstance(value, classmethod | staticmethod):
            yield Entry(f"bpy.types.{name}.{own}", "function", own, "", inspect.getdoc(value) or "", about, prior)


def _of_operators(family: str) -> Iterator[Entry | None]:
    operators = getattr(bpy.ops, family)
    for name in dir(operators):
        try:
            rna = getattr(operators, name).get_rna_type()
        except (KeyError, AttributeError, RuntimeError):
            yield None
            continue
        yield Entry(f"bpy.ops.{family}.{name}", "operator", name, rna.name, rna.description, family)


def _of_data() -> Iterator[Entry | None]:
    """Yield the functions of bpy.data's collections by the path they are called by."""
    for prop in bpy.data.bl_rna.properties:
        srna = prop.srna if prop.type == "COLLECTION" else None
        if srna is None:
            continue
        for function in srna.functions:
            if function.identifier in ("new", "remove", "load"):
                path = f"bpy.data.{prop.identifier}.{function.identifier}"
                also = "create add make" if function.identifier == "new" else ""
                yield Entry(path, "function", function.identifier, also, function.description, prop.identifier, 1.1)


def _of_module(module: str) -> Iterator[Entry | None]:
    try:
        found = importlib.import_module(module) if module != "bmesh.ops" else importlib.import_module("bmesh").ops
    except ImportError:
        return
    for name in dir(found):
        value = getattr(found, name, None)
        if name.startswith("_") or inspect.ismodule(value):
            continue
        text = (inspect.getdoc(value) or "") if callable(value) else ""
        if callable(value) or module == "bpy.app.handlers":
            kind = "type" if inspect.isclass(value) else "function"
            yield Entry(f"{module}.{name}", kind, name, "", text, module.rpartition(".")[2])
        if name in _CLASSES.get(module, ()):
            for member in dir(value):
                if not member.startswith("_"):
                    text = inspect.getdoc(getattr(value, member, None)) or ""
                    kind = "function" if callable(getattr(value, member, None)) else "property"
                    yield Entry(f"{module}.{name}.{member}", kind, member, "", text, name)


def _of_sockets(name: str, tree_type: str) -> Iterator[Entry | None]:
    """Yield the sockets of a node. They are known only of a node that is there: one is made, and taken away at once."""
    sockets = sockets_of(name, tree_type)
    label = getattr(bpy.types, name).bl_rna.name
    seen = set()
    for direction, row in sockets:
        if (direction, row["name"]) not in seen:
            seen.add((direction, row["name"]))
            path = f'bpy.types.{name}.{direction}["{row["name"]}"]'
            prior = 1.15 if name in _COMMON else 0.9 if direction == "inputs" else 0.75
            yield Entry(path, "node", row["name"], "", "", f"{name} {label}", prior)
    if not sockets:
        yield None


def tree_of(name: str) -> str | None:
    """Return the type of the trees that a type of node can be in; None for any other type."""
    if name in _TREES or _NO_NODES.search(name):
        return None
    return next((kind for prefix, kind in _TREES.items() if name.startswith(prefix)), None)


def sockets_of(name: str, tree_type: str) -> list[tuple[str, dict[str, Any]]]:
    """Return what the sockets of a new node are: ("inputs" or "outputs", name, type, default value)."""
    with bpy.data.temp_data() as data:
        # Nothing of it may be held any more when it is freed: that ends Blender 4.5.
        return _read_sockets(data, name, tree_type)


def _read_sockets(data: Any, name: str, tree_type: str) -> list[tuple[str, dict[str, Any]]]:
    tree = data.node_groups.new("blender-bus-api", tree_type)
    try:
        node = tree.nodes.new(name)
    except (RuntimeError, TypeError):
        # A base class, or a node of another kind of tree.
        return []
    rows = [("inputs", socket) for socket in node.inputs] + [("outputs", socket) for socket in node.outputs]
    return [
        (
            direction,
            {"name": item.name, "type": item.bl_idname, "default": _default(item), "enabled": item.enabled},
        )
        for direction, item in rows
    ]


def _default(socket: Any) -> Any:
    value = getattr(socket, "default_value", None)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return list(value) if hasattr(value, "__len__") else None
