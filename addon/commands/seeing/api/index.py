"""The index: entries by the words of their names, owners and descriptions, and their ranking (no bpy)."""

from __future__ import annotations

import bisect
import fnmatch
import math
from collections import defaultdict
from dataclasses import dataclass, field

from . import words

# What a word counts where it stands.
NAME, LABEL, OWNER, TEXT = 3.0, 2.6, 1.8, 0.7
PREFIX = 0.55
MIN_PREFIX = 3
# What is asked for most often, and what is looked into rarely.
PRIOR = {"type": 1.0, "node": 1.1, "operator": 1.05, "function": 1.0, "property": 1.0}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be found. `about` are the words of what it belongs to."""

    path: str
    kind: str
    name: str
    label: str
    description: str
    about: str = ""
    prior: float = 1.0


@dataclass(slots=True)
class Index:
    """Entries are added, then `finish` makes them findable."""

    entries: list[Entry] = field(default_factory=list)
    _weights: list[float] = field(default_factory=list)
    _postings: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    _vocabulary: list[str] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Enter one entry under all of its words."""
        number = len(self.entries)
        self.entries.append(entry)
        named = words.of_name(entry.name)
        for worth, found in (
            (TEXT, words.of_text(entry.description)),
            (OWNER, words.of_name(entry.about)),
            (LABEL, words.of_name(entry.label)),
            (NAME, named),
        ):
            for word in found:
                self._postings[word][number] = worth
        # Of things that match as well as each other, the one with fewer other words is meant.
        size = len(set(named) | set(words.of_name(entry.about)))
        self._weights.append(entry.prior * PRIOR[entry.kind] / (1.0 + 0.06 * size))

    def finish(self) -> None:
        """Sort what is needed for searching by the beginnings of words."""
        self._vocabulary = sorted(self._postings)

    def search(self, query: str, kind: str, limit: int) -> list[Entry]:
        """Return the best entries for some words, the best first."""
        asked = list(dict.fromkeys(words.of_text(" ".join(words.of_name(query)))))
        if not asked:
            asked = words.of_name(query)
        scores: dict[int, float] = defaultdict(float)
        matched: dict[int, int] = defaultdict(int)
        for word in asked:
            for number, worth in self._found(word).items():
                scores[number] += worth
                matched[number] += 1
        ranked = sorted(
            ((score * (matched[n] / len(asked)) ** 2 * self._weights[n], n) for n, score in scores.items()),
            key=lambda item: (-item[0], len(self.entries[item[1]].path), self.entries[item[1]].path),
        )
        chosen = (self.entries[number] for _, number in ranked)
        fitting = (entry for entry in chosen if kind in ("any", entry.kind))
        return [entry for entry, _ in zip(fitting, range(limit), strict=False)]

    def matching(self, pattern: str, kind: str, limit: int) -> list[Entry]:
        """Return the entries whose path fits a pattern with * and ?, the shortest first."""
        wanted = pattern.casefold()
        if not wanted.startswith(("bpy", "*", "mathutils", "bmesh")):
            wanted = f"*{wanted}"
        found = [
            entry
            for entry in self.entries
            if kind in ("any", entry.kind) and fnmatch.fnmatchcase(entry.path.casefold(), wanted)
        ]
        return sorted(found, key=lambda entry: (len(entry.path), entry.path))[:limit]

    def _found(self, word: str) -> dict[int, float]:
        """Return what a word is worth for each entry that has it, or a word that begins with it."""
        exact = self._postings.get(word, {})
        found: dict[int, float] = {}
        if len(word) >= MIN_PREFIX:
            first = bisect.bisect_left(self._vocabulary, word)
            for other in self._vocabulary[first : first + 60]:
                if not other.startswith(word):
                    break
                for number, worth in self._postings[other].items():
                    found[number] = max(found.get(number, 0.0), worth * PREFIX)
        for number, worth in exact.items():
            found[number] = max(found.get(number, 0.0), worth)
        rarity = math.log(1 + len(self.entries) / (1 + len(exact or found)))
        return {number: worth * rarity for number, worth in found.items()}
