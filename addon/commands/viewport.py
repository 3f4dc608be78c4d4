"""get_viewport_screenshot: what the 3D viewport shows, as an image that fits into a result."""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import bpy

from ..link.queue.control import JobControl
from ..link.records import MAX_RESULT_BYTES
from .allowed.policy import screenshot_effect
from .registry import Bounds, CommandError, command
from .view import View, current_view, draw_with_gpu, render_with_workbench

MAX_PIXELS_A_SIDE = 8192
# What is left of a result for the picture, after the other fields of the document and base64's four bytes for three.
MAX_IMAGE_BYTES = (MAX_RESULT_BYTES - 8192) * 3 // 4
JPEG_QUALITY = 85
SHRINK = 0.75
SMALLEST_SIDE = 32

_FORMATS = {"png": ("PNG", "image/png"), "jpg": ("JPEG", "image/jpeg")}


@command("get_viewport_screenshot", effect=screenshot_effect)
def get_viewport_screenshot(
    control: JobControl,
    *,
    filepath: Annotated[str, Bounds(1, 4096)] | None = None,
    max_size: Annotated[int, Bounds(0, 65_536)] = 800,
    format: Literal["png", "jpg"] = "png",
) -> dict[str, Any]:
    """Return the picture itself in `image`, at most `max_size` pixels a side (0: as large as the viewport).

    Without a window the same view is rendered with Workbench, and `method` and `note` say so. `filepath` keeps the
    file as well. A picture that is too large for a result is sent as JPEG and then smaller, and `note` says so.
    """
    target = _target(filepath, format)
    view = current_view()
    with tempfile.TemporaryDirectory(prefix="blender-bus-") as folder, _picture(view, max_size, Path(folder)) as image:
        notes = list(view.notes)
        if target is not None:
            _save(image, target, format)
        sent = _encode_to_fit(image, format, Path(folder), notes)
    result: dict[str, Any] = {
        "success": True,
        "width": sent.width,
        "height": sent.height,
        "filepath": None if target is None else str(target),
        "method": "viewport" if view.has_window else "workbench_render",
        "image": {"mime_type": sent.mime_type, "data": base64.b64encode(sent.data).decode("ascii")},
    }
    if notes:
        result["note"] = ". ".join(notes)
    return result


def _target(filepath: str | None, format: str) -> Path | None:
    if filepath is None:
        return None
    path = Path(bpy.path.abspath(filepath)).expanduser()
    if "\0" in filepath or not path.is_absolute():
        raise CommandError(f"get_viewport_screenshot: filepath must be an absolute path, got {filepath[:200]!r}")
    if path.is_dir() or not path.parent.is_dir():
        raise CommandError(f"get_viewport_screenshot: {str(path)[:200]!r} is not a file in an existing folder")
    return path


@contextlib.contextmanager
def _picture(view: View, max_size: int, folder: Path) -> Any:
    """Yield the view as a temporary Blender image of the size asked for."""
    width, height = _size(view.width, view.height, max_size)
    draw = draw_with_gpu if view.has_window else render_with_workbench
    image = draw(view, width, height, folder)
    try:
        yield image
    finally:
        bpy.data.images.remove(image)


def _size(width: int, height: int, max_size: int) -> tuple[int, int]:
    longest = min(max_size or MAX_PIXELS_A_SIDE, MAX_PIXELS_A_SIDE)
    factor = min(1.0, longest / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


@dataclass(frozen=True, slots=True)
class _Encoded:
    data: bytes
    width: int
    height: int
    mime_type: str


def _encode_to_fit(image: Any, format: str, folder: Path, notes: list[str]) -> _Encoded:
    """Encode as asked; too large: as JPEG; still too large: smaller and smaller."""
    path = folder / "sent"
    chosen = format
    while True:
        _save(image, path, chosen)
        data = path.read_bytes()
        if len(data) <= MAX_IMAGE_BYTES:
            return _Encoded(data, image.size[0], image.size[1], _FORMATS[chosen][1])
        if chosen == "png":
            chosen = "jpg"
            notes.append(f"As PNG the picture is {len(data)} bytes, more than fits; it is sent as JPEG")
            continue
        width, height = (int(side * SHRINK) for side in image.size)
        if min(width, height) < SMALLEST_SIDE:
            raise CommandError(f"get_viewport_screenshot: the picture cannot be made smaller than {len(data)} bytes")
        image.scale(width, height)
        notes.append(f"Made smaller to fit into a result: {width} x {height}")


def _save(image: Any, path: Path, format: str) -> None:
    image.file_format = _FORMATS[format][0]
    image.filepath_raw = os.fspath(path)
    try:
        image.save(quality=JPEG_QUALITY)
    except RuntimeError as error:
        raise CommandError(f"get_viewport_screenshot: cannot write {path}: {error}") from None


def as_result(image: Any, folder: Path, notes: list[str]) -> dict[str, Any]:
    """Return a Blender image as a result holds it: its size, and the picture itself, made to fit."""
    sent = _encode_to_fit(image, "png", folder, notes)
    return {
        "width": sent.width,
        "height": sent.height,
        "image": {"mime_type": sent.mime_type, "data": base64.b64encode(sent.data).decode("ascii")},
    }
