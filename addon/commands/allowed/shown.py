"""Code as a person has to see it before it may run: whole, wrapped, numbered, with nothing that hides (no bpy)."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_CHARS = 200_000
MAX_LINES = 5_000
LINES_PER_PAGE = 36
# Longer runs are told by their length, or code could stand far to the right or far below.
MAX_BLANKS = 24
MAX_EMPTY_LINES = 3
_BLANKS = re.compile(rf"(?<=\S) {{{MAX_BLANKS + 1},}}| {{{4 * MAX_BLANKS + 1},}}")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_HIDING = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
# Letters and marks that draw nothing, though Unicode counts them among those that do.
_EMPTY = {
    0x034F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    0x2800,
    0x3164,
    0xFFA0,
    *range(0x180B, 0x1810),
    *range(0xFE00, 0xFE10),
}

Width = Callable[[str], float]


class TooLong(ValueError):
    """The text is longer than a person can be asked about; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A text in pages of lines that fit; `notes` tells what is written in another way than it came."""

    pages: tuple[tuple[str, ...], ...]
    summary: str
    notes: tuple[str, ...]


def question_text(params: dict[str, Any]) -> str:
    """Return what the parameters of a job come to, as text: code and other long texts as they are, not as JSON."""
    values, texts = _parts(params, "")
    if not values and [name for name, _ in texts] == ["code"]:
        return texts[0][1]
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values]
    return "\n".join([*lines, *(f"----- {name}:\n{text}" for name, text in texts)])


def _parts(params: dict[str, Any], prefix: str) -> tuple[list[tuple[str, Any]], list[tuple[str, str]]]:
    values: list[tuple[str, Any]] = []
    texts: list[tuple[str, str]] = []
    for name, value in params.items():
        if isinstance(value, dict) and value and not prefix:
            more_values, more_texts = _parts(value, f"{name}.")
            values += more_values
            texts += more_texts
        elif isinstance(value, str) and (name == "code" or _NEWLINE.search(value)):
            texts.append((prefix + name, value))
        elif value is not None:
            values.append((prefix + name, value))
    return values, texts


def check_length(text: str) -> None:
    """Raise TooLong if a person could not be shown all of `text`."""
    lines = len(_NEWLINE.split(text))
    if len(text) > MAX_CHARS or lines > MAX_LINES:
        raise TooLong(
            f"it has {len(text):,} characters in {lines:,} lines; its user is asked about at most {MAX_CHARS:,} "
            f"characters in {MAX_LINES:,} lines. Send it in smaller parts"
        )


def visible(text: str) -> str:
    """Return one line with every character that draws nothing, or turns the direction, as `<U+...>`."""
    return "".join(f"<U+{ord(char):04X}>" if _hides(char) else char for char in text.expandtabs(4))


def _hides(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind in _HIDING or (kind == "Zs" and char != " ") or ord(char) in _EMPTY or 0xE0100 <= ord(char) <= 0xE01EF


def char_width(char: str) -> float:
    """Return how many columns a character takes where all letters are of one width."""
    if unicodedata.combining(char):
        return 0.0
    return 2.0 if unicodedata.east_asian_width(char) in "WF" else 1.0


def shown(text: str, width: float, measure: Width = char_width, rows_a_page: int = LINES_PER_PAGE) -> Shown:
    """Return `text` in lines no wider than `width`, by `measure` of each character, in pages."""
    raw = _NEWLINE.split(text)
    digits = len(str(len(raw)))
    rows: list[str] = []
    hidden = empty = 0
    for number, line in enumerate(raw, 1):
        plain = visible(line)
        hidden += sum(_hides(char) for char in line.expandtabs(4))
        empty = empty + 1 if not plain.strip() else 0
        if empty > MAX_EMPTY_LINES:
            # One row tells of all of them.
            rows[-1] = f"{'':>{digits}}  <{empty - MAX_EMPTY_LINES + 1:,} empty lines>"
            continue
        plain = _BLANKS.sub(lambda found: f"<{len(found.group()):,} blanks>", plain.rstrip(" "))
        for piece_number, piece in enumerate(_wrap(plain, width - measure("0") * (digits + 2), measure)):
            rows.append(f"{number if piece_number == 0 else '':>{digits}}{'  ' if piece_number == 0 else ' >'}{piece}")
    pages = tuple(tuple(rows[at : at + rows_a_page]) for at in range(0, len(rows), rows_a_page))
    notes = []
    if hidden:
        notes.append(f"{hidden:,} characters that draw nothing or turn the direction are shown as <U+...>")
    if any(not char.isascii() and char.isalpha() for char in text):
        notes.append("It has letters beyond a to z; some look like others")
    unit = "line" if len(raw) == 1 else "lines"
    return Shown(pages, f"{len(raw):,} {unit}, {len(text):,} characters", tuple(notes))


def _wrap(line: str, width: float, measure: Width) -> list[str]:
    pieces, piece, used = [], "", 0.0
    for char in line:
        size = measure(char)
        if piece and used + size > width:
            pieces.append(piece)
            piece, used = "", 0.0
        piece += char
        used += size
    return [*pieces, piece]
