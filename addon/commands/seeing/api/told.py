"""What is told of one thing: signature, description, default, range, choices."""

from __future__ import annotations

import inspect
from typing import Any

from ...values import number, plain
from .gather import sockets_of, tree_of
from .resolve import Found

MAX_DESCRIPTION = 400
MAX_ITEMS = 40
MAX_MEMBERS = 60
# Blender writes no limit as the largest number of the type.
_UNLIMITED = 2_147_483_647
_WORDS = {"FLOAT": "float", "INT": "int", "BOOLEAN": "bool", "STRING": "str", "ENUM": "enum"}


def told(found: Found) -> dict[str, Any]:
    """Return a row of an answer, with `signature` and `description` always."""
    return {"path": found.path, **_TELL[found.kind](found)}


def _property(found: Found) -> dict[str, Any]:
    prop = found.thing
    row: dict[str, Any] = {"kind": "property", "signature": f"{prop.identifier}: {_type(prop)}"}
    row["description"] = _short(prop.description or prop.name)
    if prop.is_readonly and prop.type != "COLLECTION":
        row["readonly"] = True
    return {**row, **_values(prop)}


def _values(prop: Any) -> dict[str, Any]:
    """Return default, range, unit and choices of a property, where it has such."""
    row: dict[str, Any] = {}
    if prop.type in ("FLOAT", "INT"):
        row["default"] = plain(prop.default_array) if prop.is_array else _rounded(prop.default)
        row["range"] = [_limit(prop.hard_min), _limit(prop.hard_max)]
        if prop.subtype not in ("NONE", "UNSIGNED"):
            row["unit"] = prop.subtype.lower()
    elif prop.type == "BOOLEAN":
        row["default"] = plain(prop.default_array) if prop.is_array else prop.default
    elif prop.type == "STRING" and prop.default:
        row["default"] = prop.default
    elif prop.type == "ENUM":
        items = [item.identifier for item in prop.enum_items]
        row["items"] = items[:MAX_ITEMS]
        if len(items) > MAX_ITEMS:
            row["items_total"] = len(items)
        row["default"] = sorted(prop.default_flag) if prop.is_enum_flag else prop.default
    return row


def _function(found: Found) -> dict[str, Any]:
    function = found.thing
    given = [parameter for parameter in function.parameters if not parameter.is_output]
    made = [parameter for parameter in function.parameters if parameter.is_output]
    signature = f"{function.identifier}({', '.join(_parameter(item) for item in given)})"
    if made:
        signature += f" -> {', '.join(_type(item) for item in made)}"
    row: dict[str, Any] = {"kind": "function", "signature": signature, "description": _short(function.description)}
    return {**row, "parameters": [_parameter_row(item) for item in given[:MAX_ITEMS]]} if given else row


def _operator(found: Found) -> dict[str, Any]:
    rna = found.thing
    given = [prop for prop in rna.properties if prop.identifier != "rna_type" and not prop.is_hidden]
    name = found.path.rpartition(".")[2]
    return {
        "kind": "operator",
        "signature": f"{name}({', '.join(_parameter(item) for item in given[:MAX_ITEMS])})",
        "description": _short(rna.description or rna.name),
        "parameters": [_parameter_row(item) for item in given[:MAX_ITEMS]],
    }


def _parameter(prop: Any) -> str:
    if prop.is_required:
        return f"{prop.identifier}: {_type(prop)}"
    default = _values(prop).get("default")
    return f"{prop.identifier}={'' if default is None and prop.type == 'STRING' else default!r}"


def _parameter_row(prop: Any) -> dict[str, Any]:
    row = {"name": prop.identifier, "type": _type(prop), **_values(prop)}
    text = _short(prop.description, 120)
    return {**row, "description": text} if text else row


def _type(prop: Any) -> str:
    if prop.type in ("POINTER", "COLLECTION"):
        name = prop.fixed_type.identifier if prop.fixed_type is not None else "?"
        return name if prop.type == "POINTER" else f"collection of {name}"
    word = _WORDS.get(prop.type, prop.type.lower())
    return f"{word}[{prop.array_length}]" if getattr(prop, "is_array", False) else word


def _of_type(found: Found) -> dict[str, Any]:
    rna = found.thing
    base = "" if rna.base is None else f"({rna.base.identifier})"
    tree = tree_of(rna.identifier)
    inherited = set(rna.base.properties.keys()) if rna.base is not None else {"rna_type"}
    own = [prop.identifier for prop in rna.properties if prop.identifier not in inherited]
    row = {
        "kind": "type" if tree is None else "node",
        "signature": f"class {rna.identifier}{base}",
        "description": _short(rna.description or rna.name),
        "properties": own[:MAX_MEMBERS],
        "functions": [function.identifier for function in rna.functions][:MAX_MEMBERS],
    }
    if tree is not None:
        sockets = sockets_of(rna.identifier, tree)
        for direction in ("inputs", "outputs"):
            row[direction] = [plain(socket) for way, socket in sockets if way == direction][:MAX_MEMBERS]
    return {name: value for name, value in row.items() if value not in ([], "")} | {"description": row["description"]}


def _socket(found: Found) -> dict[str, Any]:
    tree = tree_of(found.owner)
    sockets = sockets_of(found.owner, tree) if tree is not None else []
    named = [socket for way, socket in sockets if way == found.member and socket["name"] == found.thing]
    if not named:
        names = [socket["name"] for way, socket in sockets if way == found.member]
        return {"kind": "node", "signature": "", "description": f"There is no such socket; it has: {', '.join(names)}"}
    socket = next((item for item in named if item["enabled"]), named[0])
    row = {
        "kind": "node",
        "signature": f"{found.owner}.{found.member}[{found.thing!r}]: {socket['type']}",
        "description": "A socket of the node; an input's value is its default_value",
        "default": plain(socket["default"]),
    }
    if len(named) > 1:
        row["description"] += ". Several have this name, for values of different types: use the enabled one"
    return row


def _python(found: Found) -> dict[str, Any]:
    value = found.thing
    text = inspect.getdoc(value) or ""
    if not callable(value):
        return {"kind": "property", "signature": f"{found.member}: {type(value).__name__}", "description": _short(text)}
    try:
        signature = f"{found.member}{inspect.signature(value)}"
    except (TypeError, ValueError):
        # Of built-in functions the text begins with it.
        signature = text.partition("\n")[0].removeprefix(".. method:: ").removeprefix(".. function:: ") or found.member
    kind = "type" if inspect.isclass(value) else "function"
    return {"kind": kind, "signature": _short(signature, 300), "description": _short(text)}


def _rounded(value: float) -> float | None:
    return value if isinstance(value, int) else number(value)


def _limit(value: float) -> float | None:
    if abs(value) >= _UNLIMITED:
        return None
    return _rounded(value)


def _short(text: str, most: int = MAX_DESCRIPTION) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


_TELL = {
    "property": _property,
    "function": _function,
    "operator": _operator,
    "type": _of_type,
    "socket": _socket,
    "python": _python,
}
