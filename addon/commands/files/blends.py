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
from .naming import named_in, trees
from .outside import left_out

MAX_LISTED = 10
WRITE_OPTIONS = {"compress": "smaller, default true", "pack": "pictures of this disk go along, default true"}
# Nodes that make names of files, write files, or run what is in them.
_READERS = ("GeometryNodeImport", "CompositorNodeOutputFile", "ShaderNodeScript")
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
        left = left_out()
        if left:
            more = f" and {len(left) - MAX_LISTED} more" if len(left) > MAX_LISTED else ""
            notes.append(f"Not in the file, only named there: {', '.join(left[:MAX_LISTED])}{more}")
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
        _disarm(path, added, notes)
        for item in wanted.objects:
            if item is not None and item.name not in bpy.context.scene.collection.objects:
                bpy.context.scene.collection.objects.link(item)
        if not present.objects:
            for name in _LOOSE:
                for item in added.of(name):
                    item.use_fake_user = True
        _let_go_of(path)


def _disarm(path: Path, added: Added, notes: list[str]) -> None:
    """Take out what would run by itself, and what would read or write files elsewhere once it is evaluated."""
    removed = 0
    everything = list(added.all())
    for name, item in everything:
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
    out = [*_without_readers(everything), *_without_paths(path.parent, everything)]
    if out:
        more = f" and {len(out) - MAX_LISTED} more" if len(out) > MAX_LISTED else ""
        notes.append(
            f"Taken out, since it may read or write files of this computer: {', '.join(out[:MAX_LISTED])}{more}"
        )
    for item in added.of("scenes"):
        # Come along with a node that names one; its objects stay.
        bpy.data.scenes.remove(item)


def _without_readers(everything: list[tuple[str, Any]]) -> Iterator[str]:
    """Remove nodes and modifiers that find out by themselves which files they use; yield what they were."""
    for name, item in everything:
        if name == "objects":
            for modifier in [one for one in item.modifiers if _is_domain(one)]:
                yield f"{item.name} ({modifier.name})"
                item.modifiers.remove(modifier)
            for caches in _point_caches(item):
                caches.use_external = caches.use_disk_cache = False
        elif name == "cameras" and getattr(item, "custom_shader", None) is not None:
            yield item.name
            item.custom_shader = None
    for tree in trees(everything):
        for node in list(tree.nodes):
            if node.bl_idname.startswith(_READERS):
                yield f"{tree.name} ({node.name})"
                tree.nodes.remove(node)


def _is_domain(modifier: Any) -> bool:
    return bool(modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN")


def _point_caches(item: Any) -> Iterator[Any]:
    for owner in (*item.modifiers, *item.particle_systems):
        if getattr(owner, "point_cache", None) is not None:
            yield owner.point_cache


def _without_paths(folder: Path, everything: list[tuple[str, Any]]) -> Iterator[str]:
    """Clear what names files outside of `folder`; yield what it was."""
    for named in list(named_in(everything)):
        place = named.path
        if place is None or not place.is_relative_to(folder.resolve()):
            yield named.words
            named.clear()


def _let_go_of(path: Path) -> None:
    """Forget the library that was appended from: its file is about to go."""
    for library in list(bpy.data.libraries):
        if Path(bpy.path.abspath(library.filepath)) == path and not library.users_id:
            bpy.data.libraries.remove(library)
