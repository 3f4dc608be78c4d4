"""search_api: what this very Blender's Python API has."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import Annotated, Any, Literal

import bpy

from ...link.queue.control import JobControl
from ...link.queue.main_thread import Pause
from ..registry import Bounds, CommandError, command
from .api.gather import gather
from .api.index import Entry, Index
from .api.resolve import resolve
from .api.told import told

# Of the main thread, while the index is built.
SLICE_SECONDS = 0.02
MAX_BYTES = 200_000


class Known:
    """The index, once it is built. Main thread only; several jobs may wait for it, and each brings it forward."""

    def __init__(self) -> None:
        self._index: Index | None = None
        self._growing = Index()
        self._rest: Iterator[Entry | None] | None = None
        # How long it took, and the longest that the main thread was held: for measurements.
        self.seconds = 0.0
        self.longest = 0.0

    def index(self) -> Generator[Pause, Any, Index]:
        """Return the index; build it in short steps if it is not there yet."""
        while self._index is None:
            self._grow()
            if self._index is None:
                yield 0.0
        return self._index

    def _grow(self) -> None:
        started = time.perf_counter()
        if self._rest is None:
            self._growing, self._rest, self.seconds = Index(), gather(), 0.0
        try:
            for entry in self._rest:
                if entry is not None:
                    self._growing.add(entry)
                if time.perf_counter() - started >= SLICE_SECONDS:
                    break
            else:
                self._growing.finish()
                self._index = self._growing
        except BaseException:
            self._rest = None
            raise
        finally:
            took = time.perf_counter() - started
            self.seconds += took
            self.longest = max(self.longest, took)


known = Known()


@command("search_api")
def search_api(
    control: JobControl,
    *,
    query: Annotated[str, Bounds(1, 200)],
    kind: Literal["any", "type", "operator", "property", "function", "node"] = "any",
    limit: Annotated[int, Bounds(1, 50)] = 10,
) -> Generator[Pause, Any, dict[str, Any]]:
    """Return what fits some words, a path, or a pattern with * and ?, the best first.

    Each match has `path`, `kind`, `signature` and `description`; `default`, `range` and `items` where there are such.
    """
    query = query.strip()
    if not any(letter.isalnum() or letter in "*?" for letter in query):
        raise CommandError(
            'search_api: query must hold words ("bevel width"), a path ("bpy.types.BevelModifier.width") or a pattern '
            f'("bpy.ops.mesh.*"), got {query!r}'
        )
    index = yield from known.index()
    answer: dict[str, Any] = {"blender_version": bpy.app.version_string, "matches": []}
    size = 0
    for row in _rows(index, query, kind, limit):
        size += len(str(row))
        if size > MAX_BYTES:
            answer["note"] = "The answer was cut; ask for less"
            break
        answer["matches"].append(row)
    if not answer["matches"]:
        answer["note"] = "Nothing fits; try fewer or other words, or kind any"
    return answer


def _rows(index: Index, query: str, kind: str, limit: int) -> Iterator[dict[str, Any]]:
    if "*" in query or ("?" in query and " " not in query):
        entries = index.matching(query, kind, limit)
    else:
        exact = resolve(query) if " " not in query or "[" in query else None
        first = None if exact is None else told(exact)
        if first is not None and kind in ("any", first["kind"]):
            yield first
            limit -= 1
        entries = [entry for entry in index.search(query, kind, limit + 1) if exact is None or entry.path != exact.path]
    for entry in entries[:limit]:
        found = resolve(entry.path)
        # What was there when the index was built may be gone: an add-on was switched off.
        if found is not None:
            yield {**told(found), "path": entry.path, "kind": entry.kind}
