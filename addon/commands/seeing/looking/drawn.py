"""Views as one picture, each with its name, the axes and a scale bar."""

from __future__ import annotations

import math
from typing import Any

from mathutils import Vector

from .canvas import WHITE, Canvas, width_of
from .shots import Shot

AXES = (("X", (0.95, 0.25, 0.3)), ("Y", (0.45, 0.8, 0.2)), ("Z", (0.3, 0.55, 1.0)))
_UNITS = ((1000.0, "km"), (1.0, "m"), (0.01, "cm"), (0.001, "mm"))


def label(canvas: Canvas, angle: str, x: int, y: int, tile: int, grid: tuple[float, float, str] | None) -> None:
    """Write the name of a view, and the scale bar of `grid`: pixels, and what they are."""
    size = 1 if tile < 220 else 2
    canvas.words(angle.upper(), x + 4 * size, y + 4 * size, size)
    if grid is not None:
        pixels, _, text = grid
        right, low = x + tile - 8, y + tile - 8
        canvas.box(round(right - pixels) - 1, low - 4, round(pixels) + 2, 6, (0.0, 0.0, 0.0))
        canvas.box(round(right - pixels), low - 3, round(pixels), 4, WHITE)
        canvas.words(text, right - width_of(text, size), low - 6 - 8 * size, size)


def axes(canvas: Canvas, matrix: Any, x: int, y: int, tile: int) -> None:
    """Draw which way the world's axes run in a view, at its lower left."""
    length = max(14, tile // 12)
    middle = (x + length + 16, y + tile - length - 16)
    inward = matrix.to_3x3().normalized().transposed()
    directions = [(inward @ Vector(tuple(float(n == axis) for n in range(3))), AXES[axis]) for axis in range(3)]
    # Those that point away from the eye are drawn first.
    for way, (name, color) in sorted(directions, key=lambda item: item[0].z):
        end = (middle[0] + way.x * length, middle[1] - way.y * length)
        canvas.line(middle, end, color, 3)
        if math.hypot(way.x, way.y) > 0.25:
            canvas.words(name, round(end[0] + way.x * 8) - 2, round(end[1] - way.y * 8) - 4, 1, color)


def scale_bar(shot: Shot, tile: int, scale: float) -> tuple[float, float, str]:
    """Return a round length that is about a quarter of a view wide: its pixels, its metres, and how it is written."""
    aim = shot.unit * tile * 0.25 * scale
    power = 10.0 ** math.floor(math.log10(aim))
    metres = power * max(step for step in (1.0, 2.0, 5.0) if step * power <= aim * 1.000001)
    factor, name = next((row for row in _UNITS if metres >= row[0] * 0.9999), _UNITS[-1])
    # In perspective it holds where the target's middle is.
    text = f"{'' if shot.is_ortho else '~'}{metres / factor:g}{name}"
    return metres / scale / shot.unit, metres, text
