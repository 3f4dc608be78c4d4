"""Images, fonts, sounds and movies: loaded as data, packed where Blender can, and put to use if asked to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy

from ..registry import CommandError
from ..textures import light_with
from .kinds import FONT, IMAGE, MOVIE, SOUND, Kind
from .pixels import NoSize, size_of

# What a caller can say, and the choices.
MEDIA_OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    IMAGE: {"as": ("image", "reference", "background", "world")},
    MOVIE: {"as": ("clip", "image")},
}


def load_medium(path: Path, kind: Kind, options: Mapping[str, Any], notes: list[str]) -> None:
    """Load a file that is no model. Raises CommandError, or what Blender raises for damage."""
    file = os.fspath(path)
    if kind.group == IMAGE:
        _check_size(path, kind)
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


def _check_size(path: Path, kind: Kind) -> None:
    """Refuse a picture that would fill the memory, by what its head says."""
    try:
        with path.open("rb") as file:
            size = size_of(file)
    except NoSize as error:
        raise CommandError(
            f"import_file: {path.name} cannot be read as {kind.name}; is it damaged? Before it is loaded, {error}"
        ) from None
    if size.is_too_much:
        raise CommandError(f"import_file: {path.name} has {size.width} x {size.height} pixels, more than is taken")
