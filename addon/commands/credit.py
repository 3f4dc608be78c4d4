"""Who made what was imported: on the data itself, so that it goes with the file, and in the answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

PREFIX = "credit_"
# Custom properties: what a person reads in the panel of the object, image or world.
NAMES = ("title", "author", "license", "source")


def write(items: Iterable[Any], told: dict[str, str]) -> dict[str, str]:
    """Write it on data blocks and return it for the answer."""
    kept = {name: told[name] for name in NAMES if told.get(name)}
    for item in items:
        for name, value in kept.items():
            item[PREFIX + name] = value
    return kept
