"""One row of the tables of renamed and removed names."""

from __future__ import annotations

from dataclasses import dataclass

Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """What an error in old code means, and what is written today.

    `pattern` is looked for in the error and the line that raised it. The row speaks of the versions from `since` on
    and before `until`. `old` and `new` are code that fails and code that works there: a test runs both.
    """

    pattern: str
    words: str
    old: str
    new: str
    since: Version = (4, 2)
    until: Version = (99, 0)

    def speaks_of(self, version: tuple[int, ...]) -> bool:
        """Tell whether the row is about this Blender."""
        return self.since <= tuple(version[:2]) < self.until
