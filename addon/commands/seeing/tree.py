"""get_scene_tree: collections and objects as a tree, page by page.

Its rows are collections and objects, depth first, as the Outliner shows them. A page holds `page_size` rows, below the
collections that lead to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import bpy

from ...link.queue.control import JobControl
from ..registry import Bounds, CommandError, Name, command
from ..values import plain
from .objects import DESCRIBE, DETAILS, Mark, alike, is_linked

MAX_BYTES = 400 * 1024
MAX_SELECTED = 50
# Evaluating more than these takes long where nothing was evaluated before, as in a file just opened without a window.
MAX_EVALUATED = 10_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows that follow each other: one collection, or `count` objects of it. `path` are the collections above."""

    path: tuple[Any, ...]
    collection: Any
    count: int
    is_objects: bool


@command("get_scene_tree")
def get_scene_tree(
    control: JobControl,
    *,
    collection: Name | None = None,
    depth: Annotated[int, Bounds(1, 16)] = 8,
    detail: Literal["names", "summary", "full"] = "summary",
    page: Annotated[int, Bounds(1)] = 1,
    page_size: Annotated[int, Bounds(1, 1000)] = 200,
) -> dict[str, Any]:
    """Return one page of the tree below the scene, or below one of its collections.

    Raises CommandError for an unknown collection, and for a page beyond the last.
    """
    context = bpy.context
    layer = context.view_layer
    root = _root(collection)
    stretches = list(_stretches(root, (), depth))
    rows = sum(stretch.count for stretch in stretches)
    pages = max(1, -(-rows // page_size))
    if page > pages:
        raise CommandError(
            f"get_scene_tree: page must be 1 to {pages} for {rows} rows of {page_size} a page, got {page}"
        )
    if detail == "full" and len(layer.objects) <= MAX_EVALUATED:
        # Else a change made a moment ago would not show in the world matrix.
        layer.update()
    # Removed objects leave gaps in the layer until it is updated.
    selected = [item for item in layer.objects.selected if item is not None]
    active = layer.objects.active
    answer: dict[str, Any] = {
        "scene": context.scene.name,
        "view_layer": layer.name,
        "mode": context.mode,
        "active": None if active is None else active.name,
        "selected": [item.name for item in selected[:MAX_SELECTED]],
        "frame": context.scene.frame_current,
        "total_objects": _count(root),
        "page": page,
        "total_pages": pages,
        "detail": detail,
    }
    if len(selected) > MAX_SELECTED:
        answer["selected_count"] = len(selected)
    if len(bpy.data.scenes) > 1:
        answer["scenes"] = [item.name for item in bpy.data.scenes[:MAX_SELECTED]]
    answer.update(_fitting(root, stretches, (page - 1) * page_size, page_size, detail))
    return answer


def _root(name: str | None) -> Any:
    top = bpy.context.scene.collection
    if name is None or name == top.name:
        return top
    found = bpy.data.collections.get(name)
    if found is not None:
        return found
    told = alike(name, (item.name for item in bpy.data.collections))
    raise CommandError(f"get_scene_tree: there is no collection {name[:100]!r}; there are: {told}")


def _count(root: Any) -> int:
    """Return how many objects there are in and below a collection. (Its `all_objects` takes minutes for 100,000.)"""
    if root == bpy.context.scene.collection:
        return len(bpy.context.scene.objects)
    return len({item for collection in (root, *root.children_recursive) for item in collection.objects})


def _stretches(collection: Any, path: tuple[Any, ...], depth: int) -> Iterator[Stretch]:
    """Yield the rows below a collection, the collections before the objects."""
    below = (*path, collection)
    for child in collection.children:
        yield Stretch(below, child, 1, False)
        if len(below) < depth:
            yield from _stretches(child, below, depth)
    if len(collection.objects):
        yield Stretch(below, collection, len(collection.objects), True)


def _fitting(root: Any, stretches: list[Stretch], first: int, size: int, detail: str) -> dict[str, Any]:
    """Return the page in the most detail that fits; if not even names do, as many of its rows as fit."""
    marks = Mark.now()
    for level in DETAILS[DETAILS.index(detail) :]:
        rows = _rows(stretches, first, size, level, marks)
        encoded = [len(json.dumps(plain(row), ensure_ascii=False).encode("utf-8", "replace")) for _, row in rows]
        # A path is repeated on each page; its names are bounded like all others.
        if sum(encoded) <= MAX_BYTES:
            break
    told: dict[str, Any] = {}
    if level != detail:
        told = {"detail": level, "note": f"In detail {detail!r} the page is too large; ask for fewer rows a page"}
    total, fits = 0, 0
    for count in encoded:
        total += count
        fits += total <= MAX_BYTES
    if fits < len(rows):
        told |= {
            "left_out": len(rows) - fits,
            "note": f"Names here are long: only {fits} rows of this page fit; ask for {max(1, fits)} rows a page",
        }
    return {**told, "tree": _nested(root, rows[:fits], marks)}


def _rows(
    stretches: list[Stretch], first: int, size: int, detail: str, marks: Mark
) -> list[tuple[Stretch, dict[str, Any]]]:
    """Return the rows of a page, each with where it belongs."""
    rows: list[tuple[Stretch, dict[str, Any]]] = []
    at, last = 0, first + size
    describe = DESCRIBE[detail]
    for stretch in stretches:
        start, end = max(first, at), min(last, at + stretch.count)
        if start < end and not stretch.is_objects:
            rows.append((stretch, _collection_row(stretch.collection, marks)))
        elif start < end:
            shown = stretch.collection.objects[start - at : end - at]
            rows += [(stretch, describe(item, marks)) for item in shown]
        at += stretch.count
        if at >= last:
            break
    return rows


def _collection_row(collection: Any, marks: Mark) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": collection.name,
        "kind": "collection",
        "objects": len(collection.objects),
        "collections": len(collection.children),
    }
    layer = marks.layers.get(collection)
    row["visible"] = layer is not None and bool(layer.is_visible)
    if layer is not None and layer.exclude:
        row["excluded"] = True
    if collection.hide_render:
        row["hide_render"] = True
    if is_linked(collection):
        row["library"] = collection.library.filepath
    elif collection.override_library is not None:
        row["override"] = True
    return row


def _nested(root: Any, rows: list[tuple[Stretch, dict[str, Any]]], marks: Mark) -> dict[str, Any]:
    """Return the rows as a tree. What leads to them and stood on an earlier page is marked `continued`."""
    top: dict[str, Any] = {**_collection_row(root, marks), "children": []}
    made: dict[tuple[Any, ...], dict[str, Any]] = {(root,): top}
    for stretch, row in rows:
        parent = top
        for depth in range(2, len(stretch.path) + 1):
            path = stretch.path[:depth]
            node = made.get(path)
            if node is None:
                node = made[path] = {"name": path[-1].name, "kind": "collection", "continued": True, "children": []}
                parent["children"].append(node)
            parent = node
        if not stretch.is_objects:
            row = made[(*stretch.path, stretch.collection)] = {**row, "children": []}
        parent["children"].append(row)
    for node in made.values():
        if not node["children"]:
            del node["children"]
    top.setdefault("children", [])
    return top
