"""Turn what Blender hands out into what JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

# Twice the levels of collections that a tree may have, and some more.
MAX_DEPTH = 48
DECIMALS = 6


def plain(value: Any, depth: int = 0) -> Any:
    """Return `value` as JSON types: vectors as lists, non-finite numbers as null, unknown objects as their text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return number(value)
    if depth >= MAX_DEPTH:
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    if hasattr(value, "__iter__") and hasattr(value, "__len__") and not isinstance(value, bytes):
        return [plain(item, depth + 1) for item in value]
    return str(value)


def number(value: float) -> float | None:
    """Return a single-precision number without its noise digits and without a minus before 0; None if not finite."""
    return round(value, DECIMALS) + 0.0 if math.isfinite(value) else None


def vector(value: Any) -> list[float | None]:
    """Return a vector, Euler or colour as a list of numbers."""
    return [number(component) for component in value]
