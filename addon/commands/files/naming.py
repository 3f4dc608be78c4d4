"""Files that parts of data-blocks name: modifiers, caches, nodes, cameras. `outside` has data-blocks that are a file.

Main thread only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

PATHS = ("FILE_PATH", "DIR_PATH")
MAX_DEPTH = 5
# Many, and none of them names a file.
_PASSED_OVER = (
    "rna_type",
    "library_weak_reference",
    "particles",
    "child_particles",
    "targets",
    "vertex_indices",
    "interface",
    "links",
)
# Data-blocks with a tree of nodes in them, beside node groups, which are one.
_WITH_TREES = ("materials", "worlds", "lights", "textures", "linestyles", "scenes")


@dataclass(frozen=True, slots=True)
class Named:
    """A property that names a file or a folder, and in which data-block."""

    owner: Any
    part: Any
    key: str

    @property
    def words(self) -> str:
        """Return what it is, for a caller: `Cube (MeshCache)`."""
        return f"{self.owner.name} ({getattr(self.part, 'name', '') or self.part.bl_rna.identifier})"

    @property
    def path(self) -> Path | None:
        """Return where that is; None for what is no path on any disk."""
        text = str(getattr(self.part, self.key))
        with contextlib.suppress(OSError, ValueError):
            return Path(bpy.path.abspath(text, library=self.owner.library)).resolve()
        return None

    def clear(self) -> None:
        """Have it name nothing."""
        setattr(self.part, self.key, "")


def named_in(items: Iterable[tuple[str, Any]]) -> Iterator[Named]:
    """Yield what data-blocks name, given with the names of their collections."""
    for name, item in items:
        for part in _parts(name, item):
            for owner, key in _strings(part, 0):
                yield Named(item, owner, key)


def named_by_all() -> Iterator[Named]:
    """Yield what the open file names."""
    names = ("objects", "cameras", "cache_files", "movieclips", "node_groups", "particles", *_WITH_TREES)
    yield from named_in((name, item) for name in names for item in getattr(bpy.data, name, ()))


def trees(items: Iterable[tuple[str, Any]]) -> Iterator[Any]:
    """Yield the trees of nodes of data-blocks."""
    for name, item in items:
        tree = item if name == "node_groups" else getattr(item, "node_tree", None) if name in _WITH_TREES else None
        if tree is not None:
            yield tree


def _parts(name: str, item: Any) -> Iterator[Any]:
    """Yield the parts of a data-block that may name files."""
    if name == "objects":
        yield from item.modifiers
        yield from item.particle_systems
    elif name in ("cameras", "brushes"):
        yield item
    elif name == "cache_files":
        yield from item.layers
    elif name == "movieclips":
        yield item.proxy
    for tree in trees([(name, item)]):
        yield from tree.nodes


def _strings(part: Any, depth: int) -> Iterator[tuple[Any, str]]:
    """Yield each property of `part` and below that names something, with what it belongs to."""
    for prop in part.bl_rna.properties:
        key = prop.identifier
        if key in _PASSED_OVER:
            continue
        if prop.type == "STRING":
            if prop.subtype in PATHS and not prop.is_readonly and getattr(part, key):
                yield part, key
        elif depth < MAX_DEPTH and prop.type in ("POINTER", "COLLECTION") and not _is_block(prop.fixed_type):
            value = getattr(part, key, None)
            below = () if value is None else value if prop.type == "COLLECTION" else (value,)
            for one in below:
                # A socket of a node leads back to its node.
                if one is not None and not isinstance(one, bpy.types.Node) and not _is_block(one.bl_rna):
                    yield from _strings(one, depth + 1)


def _is_block(rna: Any) -> bool:
    while rna is not None:
        if rna.identifier == "ID":
            return True
        rna = rna.base
    return False
