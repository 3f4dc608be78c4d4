"""Did you mean: names near the one that code has asked for in vain."""

from __future__ import annotations

import ast
import difflib
import linecache
import re
from collections.abc import Iterable
from types import FrameType, TracebackType
from typing import Any

import bpy

MAX_NAMES = 2_000
SHOWN = 4
_OPERATOR = re.compile(r'Calling operator "bpy\.ops\.(\w+)\.(\w+)" error, could not be found')
_ENUM = re.compile(r'enum "([^"]*)" not found in \(([^)]*)\)')
_KEY = re.compile(r'key "([^"]*)" not found')
_NODE = re.compile(r"Node type (\w+) undefined")


def similar_names(raised: BaseException, trace: TracebackType | None) -> list[str]:
    """Return one line with names like the one that was not found, if there are any."""
    text = str(raised)
    asked, names = "", list[str]()
    if found := _OPERATOR.search(text):
        return _operators(*found.groups())
    if found := _ENUM.search(text):
        asked, names = found[1], [name.strip(" '\"") for name in found[2].split(",")]
    elif found := _NODE.search(text):
        asked, names = found[1], [name for name in dir(bpy.types) if "Node" in name]
    elif isinstance(raised, AttributeError) and raised.name and raised.obj is not None:
        asked, names = raised.name, _attributes(raised.obj)
    elif isinstance(raised, NameError) and raised.name and trace is not None:
        frame = _last(trace).tb_frame
        asked, names = raised.name, [*frame.f_locals, *frame.f_globals]
    elif isinstance(raised, KeyError) and trace is not None:
        asked, names = _keys(raised, trace)
    return _did_you_mean(asked, names)


def _did_you_mean(asked: str, names: Iterable[str]) -> list[str]:
    if not asked:
        return []
    by_fold = {name.casefold(): name for name in list(names)[:MAX_NAMES] if isinstance(name, str)}
    near = difflib.get_close_matches(asked.casefold(), by_fold, SHOWN, 0.6)
    inside = [name for name in by_fold if name not in near and len(asked) > 3 and asked.casefold() in name]
    found = [by_fold[name] for name in [*near, *inside][:SHOWN] if by_fold[name] != asked]
    return [f"did you mean {' or '.join(repr(name) for name in found)}?"] if found else []


def _attributes(owner: Any) -> list[str]:
    try:
        return [name for name in dir(owner) if not name.startswith("__")]
    except Exception:
        # dir() runs code of the object's class.
        return []


def _operators(family: str, name: str) -> list[str]:
    families = dir(bpy.ops)
    same = [f"{other}.{name}" for other in families if other != family and name in dir(getattr(bpy.ops, other))]
    near = [f"{family}.{other}" for other in difflib.get_close_matches(name, dir(getattr(bpy.ops, family)), SHOWN, 0.6)]
    found = [*same, *near][:SHOWN]
    return [f"did you mean {' or '.join(f'bpy.ops.{other}' for other in found)}?"] if found else []


def _last(trace: TracebackType) -> TracebackType:
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _keys(raised: KeyError, trace: TracebackType) -> tuple[str, list[str]]:
    """Return the key and the keys that are there, of the collection or dictionary in the line that failed."""
    found = _KEY.search(str(raised))
    asked = found[1] if found else raised.args[0] if raised.args and isinstance(raised.args[0], str) else ""
    last = _last(trace)
    line = linecache.getline(last.tb_frame.f_code.co_filename, last.tb_lineno).strip()
    for owner in _owners(line, asked, last.tb_frame):
        keys = getattr(owner, "keys", None)
        if callable(keys):
            return asked, [key for key in list(keys())[:MAX_NAMES] if isinstance(key, str)]
    return asked, []


def _owners(line: str, asked: str, frame: FrameType) -> Iterable[Any]:
    """Yield what the line looks `asked` up in, where that can be told without running anything of the code again."""
    try:
        tree = ast.parse(line.rstrip(":"))
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
            key = node.slice
            said = key.value if isinstance(key, ast.Constant) else _read(key, frame)
            owner = _read(node.value, frame) if said == asked else None
            if owner is not None:
                yield owner


def _read(node: ast.expr, frame: FrameType) -> Any:
    """Return the value of names, attributes and constant keys; None for anything that would call code of the caller."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute):
        owner = _read(node.value, frame)
        known = owner is bpy or isinstance(owner, bpy.types.bpy_struct) or type(owner).__name__ == "bpy_prop_collection"
        return getattr(owner, node.attr, None) if known else None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        owner = _read(node.value, frame)
        if isinstance(owner, dict) or type(owner).__name__ == "bpy_prop_collection":
            try:
                return owner[node.slice.value]
            except (KeyError, IndexError, TypeError):
                return None
    return None
