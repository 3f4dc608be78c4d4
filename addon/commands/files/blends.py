"""Blender's own files: written with what they need of this disk, and read without their scripts. Main thread only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import bpy

from ..registry import CommandError
from .keeping import Added

MAX_LISTED = 10
WRITE_OPTIONS = {"compress": "smaller, default true", "pack": "pictures of this disk go along, default true"}
# What is taken from a file that holds no objects.
_LOOSE = ("materials", "node_groups", "worlds", "images", "actions", "brushes")


def write_blend(path: Path, wanted: list[Any] | None, options: Mapping[str, Any], notes: list[str]) -> None:
    """Write all of the open file, or objects with what they use, to `path`. Raises CommandError."""
    for name, value in options.items():
        if name not in WRITE_OPTIONS or not isinstance(value, bool):
            told = "; ".join(f"{key} (true or false): {words}" for key, words in WRITE_OPTIONS.items())
            raise CommandError(f"export_file: options.{name[:60]} of blend is not one of: {told}")
    compress = options.get("compress", True)
    with _packed(options.get("pack", True), notes):
        try:
            if wanted is None:
                bpy.ops.wm.save_as_mainfile(
                    filepath=os.fspath(path), copy=True, compress=compress, relative_remap=False, check_existing=False
                )
            else:
                bpy.data.libraries.write(os.fspath(path), set(wanted), fake_user=False, compress=compress)
                notes.append("The file holds the objects and what they use, and no scene: append them")
        except (RuntimeError, OSError) as error:
            raise CommandError(f"export_file: the .blend cannot be written: {error}") from None


@contextlib.contextmanager
def _packed(wanted: bool, notes: list[str]) -> Iterator[None]:
    """Have the pictures of this disk in the file that is written, and as before in the one that is open."""
    outside = [
        image
        for image in bpy.data.images
        if image.source == "FILE" and image.packed_file is None and image.library is None and image.filepath
    ]
    there = [image for image in outside if Path(bpy.path.abspath(image.filepath)).is_file() and not image.is_dirty]
    done = []
    try:
        for image in there if wanted else ():
            with contextlib.suppress(RuntimeError):
                image.pack()
                done.append((image, image.filepath))
        left = [image.name for image in outside if image.packed_file is None]
        left += [library.name for library in bpy.data.libraries]
        if left:
            notes.append(f"Not in the file, only named there: {', '.join(left[:MAX_LISTED])}")
        yield
    finally:
        for image, _ in done:
            with contextlib.suppress(RuntimeError):
                image.unpack(method="REMOVE")


@contextlib.contextmanager
def _no_scripts() -> Iterator[None]:
    """Run no scripts of files, whatever the user allows for files of their own."""
    paths = bpy.context.preferences.filepaths
    before, dirty = paths.use_scripts_auto_execute, bpy.context.preferences.is_dirty
    paths.use_scripts_auto_execute = False
    try:
        yield
    finally:
        paths.use_scripts_auto_execute = before
        bpy.context.preferences.is_dirty = dirty


def append_blend(path: Path, added: Added, notes: list[str]) -> None:
    """Bring the objects of a .blend into the scene; of one without objects, its materials and the like.

    Nothing of it is evaluated before its drivers with Python are gone; its texts never run by themselves.
    """
    with _no_scripts():
        with bpy.data.libraries.load(os.fspath(path), link=False) as (present, wanted):
            wanted.objects = list(present.objects)
            if not present.objects:
                for name in _LOOSE:
                    setattr(wanted, name, list(getattr(present, name, ())))
        _disarm(added, notes)
        for item in wanted.objects:
            if item is not None and item.name not in bpy.context.scene.collection.objects:
                bpy.context.scene.collection.objects.link(item)
        if not present.objects:
            for name in _LOOSE:
                for item in added.of(name):
                    item.use_fake_user = True
        _let_go_of(path)


def _disarm(added: Added, notes: list[str]) -> None:
    removed = 0
    for name, item in added.all():
        if name == "texts":
            item.use_module = False
        owners = [item, getattr(item, "node_tree", None), getattr(item, "shape_keys", None)]
        for owner in owners:
            data = getattr(owner, "animation_data", None)
            if data is None:
                continue
            for curve in list(data.drivers):
                if curve.driver.type == "SCRIPTED" and not curve.driver.is_simple_expression:
                    data.drivers.remove(curve)
                    removed += 1
    if removed:
        notes.append(f"{removed} drivers with Python were left out: scripts of uploads never run")


def _let_go_of(path: Path) -> None:
    """Forget the library that was appended from: its file is about to go."""
    for library in list(bpy.data.libraries):
        if Path(bpy.path.abspath(library.filepath)) == path and not library.users_id:
            bpy.data.libraries.remove(library)
