"""Images, fonts, sounds and movies: loaded as data, packed where Blender can, and put to use if asked to."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy

from ..registry import CommandError
from ..textures import light_with
from .kinds import FONT, IMAGE, MOVIE, SOUND, Kind

# What a caller can say, and the choices.
MEDIA_OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    IMAGE: {"as": ("image", "reference", "background", "world")},
    MOVIE: {"as": ("clip", "image")},
}
MAX_SIDE = 65_536
# As many pixels as Blender holds in 4 GiB, at 4 bytes for each.
MAX_PIXELS = 1 << 30


def load_medium(path: Path, kind: Kind, options: Mapping[str, Any], notes: list[str]) -> None:
    """Load a file that is no model. Raises CommandError, or what Blender raises for damage."""
    file = os.fspath(path)
    if kind.group == IMAGE:
        _check_size(path)
        image = bpy.data.images.load(file)
        if 0 in image.size:
            raise CommandError(f"import_file: {path.name} cannot be read as {kind.name}; is it damaged?")
        _use(image, str(options.get("as", "image")))
        if kind.name == "hdr" and "as" not in options:
            notes.append('To light the scene with it, import it with format "hdri"')
    elif kind.group == FONT:
        bpy.data.fonts.load(file).use_fake_user = True
    elif kind.group == SOUND:
        bpy.data.sounds.load(file).use_fake_user = True
    elif options.get("as") == "image":
        movie = bpy.data.images.load(file)
        movie.use_fake_user = True
    else:
        clip = bpy.data.movieclips.load(file)
        if 0 in clip.size:
            raise CommandError(
                f"import_file: {path.name} cannot be read as a movie; is it damaged, or of another codec?"
            )
        clip.use_fake_user = True


def _use(image: Any, wanted: str) -> None:
    if wanted == "world":
        light_with(image)
    elif wanted in ("reference", "background"):
        empty = bpy.data.objects.new(image.name, None)
        empty.empty_display_type = "IMAGE"
        empty.data = image
        empty.empty_display_size = 5.0
        if wanted == "background":
            empty.empty_image_depth = "BACK"
        # Upright, as seen from the front.
        empty.rotation_euler = (1.5707963, 0.0, 0.0)
        bpy.context.scene.collection.objects.link(empty)
    else:
        # Nothing uses it yet: it would be gone when the file is opened the next time.
        image.use_fake_user = True


def _check_size(path: Path) -> None:
    """Refuse a picture that would fill the memory, where its head says so."""
    with path.open("rb") as file:
        start = file.read(32)
    if start.startswith(b"\x89PNG") and len(start) >= 24:
        width, height = struct.unpack_from(">II", start, 16)
        if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            raise CommandError(f"import_file: {path.name} has {width} x {height} pixels, more than is taken")
