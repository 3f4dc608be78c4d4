"""Renders that are nobody's: what the user's scripts do when something is rendered is not done for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import bpy

HANDLERS = (
    "render_init", "render_pre", "render_post", "render_write", "render_complete", "render_cancel", "render_stats",
    "frame_change_pre", "frame_change_post",
)  # fmt: skip


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Take the handlers of rendering away for a while: they count frames, send messages, write files beside it."""
    taken = {name: list(getattr(bpy.app.handlers, name)) for name in HANDLERS if hasattr(bpy.app.handlers, name)}
    for name in taken:
        getattr(bpy.app.handlers, name).clear()
    try:
        yield
    finally:
        for name, before in taken.items():
            getattr(bpy.app.handlers, name)[:] = before
