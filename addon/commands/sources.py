"""Where an asset came from, kept in the file with what it became: service, address, author and licence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# The custom property that people see in Blender, on objects, materials, images and worlds.
PROPERTY = "asset_source"


def keep(source: dict[str, str], blocks: Iterable[Any]) -> dict[str, Any]:
    """Write `source` into each data block and return what the answer tells of it."""
    told = {name: value for name, value in source.items() if value}
    for block in blocks:
        block[PROPERTY] = told
    return {"source": told}
