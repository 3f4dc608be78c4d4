"""Blender's Python console and the output of jobs: get_console_output, console_operations."""

from __future__ import annotations

import re
import threading
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import bpy

from ..link.queue.control import JobControl
from .allowed.policy import console_effect
from .place import override, stay_in_a_window
from .registry import Bounds, CommandError, command
from .source import typed, unwrapped

MAX_LOG_LINES = 5_000
MAX_LINE_CHARS = 2_000
MAX_CONSOLE_TEXT = 65_536
_WARNING = re.compile(r"\b\w*Warning\b")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `type` is info, warning, error, output or input; `source` is python_console or execute_code."""

    text: str
    type: str
    source: str

    def as_dict(self) -> dict[str, str]:
        """Return this as the result shows it."""
        return {"text": self.text, "type": self.type, "source": self.source}


class OutputLog:
    """The last lines that jobs were given and have printed; old ones and the ends of long ones are let go."""

    def __init__(self, max_lines: int = MAX_LOG_LINES) -> None:
        self._lines: deque[Line] = deque(maxlen=max_lines)
        self._partial: dict[str, str] = {}
        self._guard = threading.Lock()

    def add(self, text: str, kind: str) -> None:
        """Take printed text, which need not end at the end of a line."""
        with self._guard:
            *whole, rest = (self._partial.get(kind, "") + text).split("\n")
            self._lines.extend(Line(line[:MAX_LINE_CHARS], _kind(line, kind), "execute_code") for line in whole)
            self._partial[kind] = rest[:MAX_LINE_CHARS]

    def lines(self) -> list[Line]:
        """Return the lines kept, oldest first, unfinished ones last."""
        with self._guard:
            rest = [Line(text, _kind(text, kind), "execute_code") for kind, text in self._partial.items() if text]
            return [*self._lines, *rest]

    def clear(self) -> None:
        """Forget everything."""
        with self._guard:
            self._lines.clear()
            self._partial.clear()


def _kind(text: str, kind: str) -> str:
    # Python writes warnings to stderr, like errors.
    return "warning" if kind == "error" and _WARNING.search(text) else kind


output_log = OutputLog()


@command("get_console_output")
def get_console_output(
    control: JobControl,
    *,
    level: Literal["all", "info", "warning", "error", "output", "input"] = "all",
    page: Annotated[int, Bounds(1)] = 1,
    page_size: Annotated[int, Bounds(1, 500)] = 50,
) -> dict[str, Any]:
    """Return one page of the Python console's lines, then those of jobs. Page 1 is the newest, read downwards."""
    places = _consoles()
    lines = [line for place in places for line in _scrollback(place.space)] + output_log.lines()
    if level != "all":
        lines = [line for line in lines if line.type == level]
    total = len(lines)
    end = total - (page - 1) * page_size
    shown = lines[max(0, end - page_size) : end] if end > 0 else []
    return {
        "console_output": "\n".join(line.text for line in shown),
        "page": page,
        "page_size": page_size,
        "total_pages": -(-total // page_size),
        "total_lines": total,
        "level": level,
        "has_console": bool(places),
        "lines": [line.as_dict() for line in shown],
    }


def _scrollback(space: Any) -> list[Line]:
    return [Line(line.body[:MAX_LINE_CHARS], line.type.lower(), "python_console") for line in space.scrollback]


@dataclass(frozen=True, slots=True)
class _Console:
    """A Python console: where it is, and whether its screen is shown in a window."""

    screen: Any
    area: Any
    shown: bool

    @property
    def space(self) -> Any:
        return self.area.spaces.active

    def call(self, operator: Callable[..., Any], **arguments: Any) -> None:
        """Call an operator as if the pointer were over this console. Raises CommandError."""
        windows = bpy.context.window_manager.windows
        window = next((item for item in windows if item.screen == self.screen), windows[0] if windows else None)
        region = next(item for item in self.area.regions if item.type == "WINDOW")
        place = {"window": window, "screen": self.screen, "area": self.area, "region": region}
        try:
            with override(**place):
                operator(**arguments)
        except (RuntimeError, TypeError, ValueError) as error:
            raise CommandError(f"console_operations: Blender refused: {error}") from None
        finally:
            # What was typed may have loaded a file.
            stay_in_a_window()


def _consoles() -> list[_Console]:
    """Return the Python consoles, those on a window's screen first."""
    shown = [window.screen for window in bpy.context.window_manager.windows]
    hidden = [screen for screen in bpy.data.screens if screen not in shown]
    return [
        _Console(screen, area, screen in shown)
        for screen in [*shown, *hidden]
        for area in screen.areas
        if area.type == "CONSOLE"
    ]


@command("console_operations", effect=console_effect)
def console_operations(
    control: JobControl, *, operation: str = "get_info", params: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Do something with Blender's Python console; `get_info` lists the operations and their parameters."""
    if operation == "get_info":
        return {"success": True, "info": _info()}
    entry = _operations.get(operation)
    if entry is None:
        raise CommandError(
            f"console_operations: operation must be one of {', '.join(_names())}, got {operation[:100]!r}"
        )
    perform, takes = entry
    given = params or {}
    wrong = [name for name in given if name not in takes]
    if wrong:
        expected = ", ".join(takes) or "none"
        raise CommandError(f"console_operations: {operation} takes {expected}; {wrong[0][:100]!r} is unknown")
    consoles = _consoles()
    if not consoles:
        raise CommandError("console_operations: no Python console is open in this Blender; open one (Shift+F4) first")
    return {"success": True, "message": perform(consoles[0], given)}


def _names() -> list[str]:
    return ["get_info", *_operations]


def _info() -> dict[str, Any]:
    consoles = _consoles()
    info: dict[str, Any] = {
        "has_console": bool(consoles),
        "console_type": "python" if consoles else None,
        "console_count": len(consoles),
        "background": bpy.app.background,
        "job_output_lines": len(output_log.lines()),
        "operations": {"get_info": [], **{name: list(takes) for name, (_, takes) in _operations.items()}},
    }
    if consoles:
        first = consoles[0]
        info |= {
            "console_type": first.space.language or "python",
            "screen": first.screen.name,
            "shown": first.shown,
            "scrollback_lines": len(first.space.scrollback),
            "history_lines": len(first.space.history),
            "prompt": first.space.prompt,
        }
    return info


def _text(params: dict[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_CONSOLE_TEXT:
        raise CommandError(f"console_operations: {name} must be a string of 1 to {MAX_CONSOLE_TEXT} characters")
    return value


def _clear(console: _Console, params: dict[str, Any]) -> str:
    chosen = {"scrollback": params.get("scrollback", True), "history": params.get("history", False)}
    if not all(isinstance(value, bool) for value in chosen.values()):
        raise CommandError("console_operations: scrollback and history must be true or false")
    console.call(bpy.ops.console.clear, **chosen)
    output_log.clear()
    return "Console cleared"


def _clear_line(console: _Console, params: dict[str, Any]) -> str:
    console.call(bpy.ops.console.clear_line)
    return "Input line cleared"


def _insert(console: _Console, params: dict[str, Any]) -> str:
    console.call(bpy.ops.console.insert, text=_text(params, "text"))
    return "Text inserted"


def _append(console: _Console, params: dict[str, Any]) -> str:
    kind = params.get("type", "INFO")
    if not isinstance(kind, str) or kind.upper() not in ("OUTPUT", "INPUT", "INFO", "ERROR"):
        raise CommandError("console_operations: type must be one of OUTPUT, INPUT, INFO, ERROR")
    for line in _text(params, "text").split("\n"):
        console.call(bpy.ops.console.scrollback_append, text=line, type=kind.upper())
    return "Text appended"


def _new(before: list[Any], now: list[Any]) -> list[Any]:
    """Return the lines of `now` that were not there before. The console keeps some 250, and drops the oldest."""
    for dropped in range(len(before)):
        if before[dropped:] == now[: len(before) - dropped]:
            return now[len(before) - dropped :]
    return now


_CLOSED = "the code closed this console, as loading a file does"


def _execute(console: _Console, params: dict[str, Any]) -> str:
    """Type the code as a person would, statement by statement; its output appears in the console."""
    if console.space.language not in ("", "python"):
        raise CommandError(f"console_operations: the console's language is {console.space.language!r}, not python")
    try:
        statements = typed(unwrapped(_text(params, "code")))
    except SyntaxError as error:
        told = "".join(traceback.format_exception_only(error))
        raise CommandError(f"console_operations: nothing was typed, for this is no Python:\n{told}") from None
    before, printed = _scrollback(console.space), ""
    for number, lines in enumerate(statements, 1):
        for line in lines:
            console.call(bpy.ops.console.clear_line)
            if line:
                console.call(bpy.ops.console.insert, text=line)
            console.call(bpy.ops.console.execute)
        if all(other.area != console.area for other in _consoles()):
            # It went with the file, and another file brings its own.
            if number < len(statements):
                raise CommandError(f"console_operations: {_CLOSED}; what comes after was not typed\n{printed}".rstrip())
            return f"{printed}\nExecuted; {_CLOSED}".lstrip()
        shown = [line for line in _new(before, _scrollback(console.space)) if line.type in ("output", "error")]
        # The console puts an empty line after each print.
        printed = "\n".join(line.text for line in shown if line.text)
        if any(line.type == "error" and line.text.startswith("Traceback") for line in shown):
            raise CommandError(f"console_operations: the code failed; what comes after was not typed:\n{printed}")
    return printed or "Executed, nothing printed"


_operations: dict[str, tuple[Callable[[_Console, dict[str, Any]], str], tuple[str, ...]]] = {
    "clear": (_clear, ("scrollback", "history")),
    "clear_line": (_clear_line, ()),
    "insert": (_insert, ("text",)),
    "append": (_append, ("text", "type")),
    "execute": (_execute, ("code",)),
}
