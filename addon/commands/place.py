"""Where in Blender's interface a job works: the largest 3D viewport, with a window and without."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy


@dataclass(frozen=True, slots=True)
class Viewport:
    """A 3D viewport: its window, its area, and the region that shows the scene."""

    window: Any
    area: Any
    region: Any


def largest_viewport() -> Viewport | None:
    """Return the largest 3D viewport that is shown; without a window, in the screen the file was saved with."""
    found = []
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas if window.screen is not None else ():
            region = _main_region(area)
            if area.type == "VIEW_3D" and region is not None and region.width > 1 and region.height > 1:
                found.append(Viewport(window, area, region))
    return max(found, key=lambda place: place.area.width * place.area.height, default=None)


def _main_region(area: Any) -> Any:
    """Return the region that shows the scene; of a quad view, the one that shows it in perspective."""
    regions = [item for item in area.regions if item.type == "WINDOW"]
    if len(regions) > 1:
        quads = [getattr(item, "data", None) for item in regions]
        turned = [item for item, data in zip(regions, quads, strict=True) if data is not None and not _is_side(data)]
        return (turned or regions)[0]
    return regions[0] if regions else None


def _is_side(region_3d: Any) -> bool:
    return bool(region_3d.is_orthographic_side_view)


# As Blender has it: while code of a caller runs, another stands in its place.
real_override = bpy.types.Context.temp_override
# Regions are half made without a window there: operators that draw, such as moving, end Blender in one.
REGIONS_ARE_WHOLE = not bpy.app.background or bpy.app.version >= (4, 5, 0)


def override(**members: Any) -> Any:
    """Do as `bpy.context.temp_override(window=..., area=..., region=...)`, but safe beside other Python threads."""
    return _Bare(**members) if THREADS_BREAK_OVERRIDES else real_override(bpy.context, **members)


# From Python 3.12 on Blender tells its own threads apart, and what helps before would itself break the memory.
THREADS_BREAK_OVERRIDES = sys.version_info < (3, 12)


class _Bare:
    """An override without a dictionary of other members.

    While an override is in force, operators look into its dictionary of other members, an empty one here. Up to Python
    3.11 Blender then takes the lock of the interpreter for held whenever any thread holds it, and breaks the memory
    of both. The dictionary is what was there when an override began, and comes back when it ends: so one that begins
    before and ends within takes the dictionary away and leaves the place. It goes back in the same way.
    """

    def __init__(self, **members: Any) -> None:
        self._place = real_override(bpy.context, **members)
        # Kept as long: its dictionary is what the place puts back at its end.
        self._before = real_override(bpy.context)

    def __enter__(self) -> Any:
        self._before.__enter__()
        try:
            self._place.__enter__()
        finally:
            self._before.__exit__(None, None, None)
        return self._place

    def __exit__(self, *error: object) -> None:
        after = real_override(bpy.context)
        after.__enter__()
        self._place.__exit__(None, None, None)
        after.__exit__(None, None, None)


@contextlib.contextmanager
def in_viewport() -> Iterator[None]:
    """Make the largest 3D viewport the context, as if the pointer were there. Without one only a window is chosen."""
    place = largest_viewport()
    windows = bpy.context.window_manager.windows
    members: dict[str, Any] = {}
    if place is not None:
        members = {"window": place.window, "area": place.area}
        if REGIONS_ARE_WHOLE:
            members["region"] = place.region
    elif windows and bpy.context.window is None and not bpy.app.background:
        members = {"window": windows[0]}
    try:
        with contextlib.ExitStack() as stack:
            if members:
                with contextlib.suppress(TypeError, ValueError, RuntimeError):
                    stack.enter_context(override(**members))
            yield
    finally:
        stay_in_a_window()


def stay_in_a_window() -> None:
    """Have a window be the context again, where none is.

    An override within which a file was loaded leaves none at its end, since each file brings windows of its own. With
    an interface the next event brings one. Without, Blender 4.2 then ends where a scene is removed, as screenshots do.
    """
    windows = bpy.context.window_manager.windows
    if bpy.app.background and bpy.context.window is None and windows:
        # What is entered and never left stays.
        override(window=windows[0]).__enter__()
