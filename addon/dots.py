"""Dots in a colour, for states: Blender's own icons of that kind are bars in two or three colours."""

from __future__ import annotations

from typing import Any

import bpy.utils.previews

SIDE = 32
RADIUS = 9.0
COLOURS = {
    "grey": (0.45, 0.45, 0.45),
    "yellow": (0.95, 0.75, 0.15),
    "green": (0.3, 0.8, 0.35),
    "red": (0.9, 0.25, 0.2),
}
_previews: Any = None


def icon(colour: str) -> int:
    """Return the number of the icon with a dot of this colour."""
    global _previews
    if _previews is None:
        _previews = bpy.utils.previews.new()
    preview = _previews.get(colour)
    if preview is None:
        preview = _previews.new(colour)
        preview.icon_size = (SIDE, SIDE)
        preview.icon_pixels_float = _dot(*COLOURS[colour])
    return int(preview.icon_id)


def forget() -> None:
    """Give the icons back to Blender."""
    global _previews
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
        _previews = None


def _dot(red: float, green: float, blue: float) -> list[float]:
    """Return the pixels of a disc with a soft edge."""
    middle = (SIDE - 1) / 2
    pixels: list[float] = []
    for row in range(SIDE):
        for column in range(SIDE):
            distance = ((row - middle) ** 2 + (column - middle) ** 2) ** 0.5
            inside = min(1.0, max(0.0, RADIUS - distance + 0.5))
            # Blender takes colours for multiplied by their alpha.
            pixels += [red * inside, green * inside, blue * inside, inside]
    return pixels
