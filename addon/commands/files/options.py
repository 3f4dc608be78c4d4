"""Options of exporters and importers, held against the properties of the operator of this very Blender."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import bpy

from ..registry import CommandError

PATHS = ("FILE_PATH", "DIR_PATH", "FILE_NAME")
# What has to do with dialogs and with what Blender remembers of them.
_OF_DIALOGS = ("rna_type", "check_existing", "will_save_settings", "gltf_export_id", "ui_tab", "display_type")
# In 5.0 the older importer fails at each light.
FBX = ("import_scene.fbx", "wm.fbx_import") if bpy.app.version < (5, 0, 0) else ("wm.fbx_import", "import_scene.fbx")
SHOWN = 4
MAX_TEXT = 1024
MAX_ITEMS = 100


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of this Blender, as `wm.obj_export`."""

    name: str
    call: Callable[..., Any]
    properties: Mapping[str, Any]


def find_operator(names: Iterable[str]) -> Operator | None:
    """Return the first of these that this Blender has."""
    for name in names:
        family, _, rest = name.partition(".")
        call = getattr(getattr(bpy.ops, family), rest)
        try:
            rna = call.get_rna_type()
        except KeyError:
            continue
        return Operator(name, call, {prop.identifier: prop for prop in rna.properties})
    return None


def checked(command: str, operator: Operator, options: Mapping[str, Any], ours: Mapping[str, str]) -> dict[str, Any]:
    """Return the options as the operator takes them. `ours` are those that a caller cannot set, and what to do instead.

    Raises CommandError, which names the option, what it must be, and the nearest names for one that is unknown.
    """
    found = {}
    for name, value in options.items():
        words = f"{command}: options.{name[:60]}"
        if name in ours:
            raise CommandError(f"{words} is not set here: {ours[name]}")
        prop = operator.properties.get(name)
        if prop is None or _is_of_dialogs(name):
            raise CommandError(f"{words} is unknown to bpy.ops.{operator.name}; {_near(name, operator)}")
        if _is_path(prop):
            raise CommandError(f"{words} is a path on Blender's disk, which is not for callers to choose")
        found[name] = _value(words, prop, value)
    return found


def _is_of_dialogs(name: str) -> bool:
    return name in _OF_DIALOGS or name.startswith(("filter_", "hide_props", "sort_"))


def _is_path(prop: Any) -> bool:
    if prop.type in ("COLLECTION", "POINTER"):
        return True
    name = prop.identifier
    return prop.type == "STRING" and (
        prop.subtype in PATHS or name in ("filepath", "filename", "directory") or name.endswith("dir")
    )


def _near(name: str, operator: Operator) -> str:
    known = [key for key, prop in operator.properties.items() if not _is_of_dialogs(key) and not _is_path(prop)]
    near = difflib.get_close_matches(name, known, SHOWN, 0.5)
    near += [key for key in known if key not in near and len(name) > 3 and name in key]
    if near:
        return f"did you mean {', '.join(near[:SHOWN])}?"
    return f"it takes: {', '.join(sorted(known))}"


def _value(words: str, prop: Any, value: Any) -> Any:
    if prop.type == "BOOLEAN" and not getattr(prop, "is_array", False):
        if not isinstance(value, bool):
            raise CommandError(f"{words} must be true or false, got {value!r:.80}")
        return value
    if prop.type == "ENUM":
        return _choice(words, prop, value)
    if prop.type == "STRING":
        if not isinstance(value, str) or len(value) > MAX_TEXT or "\0" in value:
            raise CommandError(f"{words} must be a string of at most {MAX_TEXT} characters, got {value!r:.80}")
        return value
    if getattr(prop, "is_array", False):
        if not isinstance(value, list) or len(value) != prop.array_length:
            raise CommandError(f"{words} must be a list of {prop.array_length} values, got {value!r:.80}")
        return [_number(words, prop, item) for item in value]
    return _number(words, prop, value)


def _number(words: str, prop: Any, value: Any) -> Any:
    if prop.type == "BOOLEAN" and isinstance(value, bool):
        return value
    whole = prop.type == "INT"
    fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not fits or not prop.hard_min <= value <= prop.hard_max:
        what = "an integer" if whole else "a number"
        raise CommandError(f"{words} must be {what} of {prop.hard_min:g} to {prop.hard_max:g}, got {value!r:.80}")
    return value


def _choice(words: str, prop: Any, value: Any) -> Any:
    # Of some the choices are made while a dialog is drawn: Blender itself judges those.
    choices = [item.identifier for item in prop.enum_items]
    if prop.is_enum_flag:
        if not isinstance(value, list) or len(value) > MAX_ITEMS or any(not isinstance(item, str) for item in value):
            raise CommandError(f"{words} must be a list of {', '.join(choices)}, got {value!r:.80}")
        values = value
    else:
        values = [value]
    for item in values:
        if not isinstance(item, str) or (choices and item not in choices):
            raise CommandError(f"{words} must be one of {', '.join(choices) or 'strings'}, got {item!r:.80}")
    return set(value) if prop.is_enum_flag else value
