"""From a path, such as `bpy.types.BevelModifier.width` or `bpy.data.objects.new`, to what is there now."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import Any

import bpy

_SOCKET = re.compile(r"""^(?:bpy\.types\.)?(\w+)\.(inputs|outputs)\[["'](.+)["']\]$""")
_STEP = re.compile(r"(\w+)((?:\[[^\]]*\])*)(?:\(\))?")
_PYTHON = ("mathutils", "bmesh", "bpy_extras", "bpy.utils", "bpy.path", "bpy.app")


@dataclass(frozen=True, slots=True)
class Found:
    """What a path leads to. `thing` is RNA, the name of a socket, or a Python value."""

    path: str
    kind: str
    thing: Any
    # The type that it belongs to.
    owner: str = ""
    member: str = ""


def resolve(path: str) -> Found | None:
    """Return what a path leads to; `bpy.types` and `bpy.ops` may be left out."""
    path = path.strip().removesuffix("()")
    socket = _SOCKET.match(path)
    if socket:
        known = hasattr(bpy.types, socket[1])
        return Found(path, "socket", socket[3], socket[1], socket[2]) if known else None
    if path.startswith("bpy.ops."):
        return _operator(path.removeprefix("bpy.ops."))
    if path.startswith("bpy.types."):
        return _of_type(path.removeprefix("bpy.types."))
    if path.startswith(("bpy.data", "bpy.context")):
        return _walked(path)
    if any(path == module or path.startswith(f"{module}.") for module in _PYTHON):
        return _python(path)
    return _of_type(path) or _operator(path)


def _operator(path: str) -> Found | None:
    family, _, name = path.partition(".")
    if not name or "." in name or family not in dir(bpy.ops) or name not in dir(getattr(bpy.ops, family)):
        return None
    rna = getattr(getattr(bpy.ops, family), name).get_rna_type()
    return Found(f"bpy.ops.{family}.{name}", "operator", rna)


def _of_type(path: str) -> Found | None:
    name, _, rest = path.partition(".")
    rna = getattr(getattr(bpy.types, name, None), "bl_rna", None) if name.isidentifier() else None
    if rna is None:
        return None
    return _below(rna, rest) if rest else Found(f"bpy.types.{name}", "type", rna, name)


def _walked(path: str) -> Found | None:
    head, _, rest = path.removeprefix("bpy.").partition(".")
    rna = (bpy.types.BlendData if head == "data" else bpy.types.Context).bl_rna
    return _below(rna, rest) if rest and head in ("data", "context") else None


def _below(rna: Any, path: str) -> Found | None:
    """Follow properties from a type on, to a property, function or Python member."""
    steps = _STEP.findall(path)
    if ".".join(name + index for name, index in steps) != path.replace("()", ""):
        return None
    for position, (name, index) in enumerate(steps):
        is_last = position == len(steps) - 1
        found = _member(rna, name)
        if found is None or is_last:
            return found
        prop = found.thing
        if found.kind != "property" or not hasattr(prop, "fixed_type"):
            return None
        rna = prop.srna if prop.type == "COLLECTION" and not index and prop.srna else prop.fixed_type
        # A reference may be to any ID, as an object's data is.
        rna = getattr(bpy.types, rna.identifier).bl_rna if hasattr(bpy.types, rna.identifier) else rna
    return None


def _member(rna: Any, name: str) -> Found | None:
    path = f"bpy.types.{rna.identifier}.{name}"
    if name in rna.properties:
        return Found(path, "property", rna.properties[name], rna.identifier, name)
    if name in rna.functions:
        return Found(path, "function", rna.functions[name], rna.identifier, name)
    value = getattr(getattr(bpy.types, rna.identifier, None), name, None)
    return None if value is None else Found(path, "python", value, rna.identifier, name)


def _python(path: str) -> Found | None:
    parts = path.split(".")
    value: Any = importlib.import_module(parts[0])
    for count, name in enumerate(parts[1:], 2):
        if not hasattr(value, name):
            try:
                importlib.import_module(".".join(parts[:count]))
            except ImportError:
                return None
        value = getattr(value, name, None)
        if value is None:
            return None
    return Found(path, "python", value, parts[-2] if len(parts) > 1 else "", parts[-1])
