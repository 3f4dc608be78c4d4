"""Who made what was imported: on the data itself, so that it goes with the file, and in the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..link.queue.control import JobControl
from .background import Steps, off_main
from .registry import CommandError

PREFIX = "credit_"
# Custom properties: what a person reads in the panel of the object, image or world.
NAMES = ("title", "author", "license", "source")


def learn(control: JobControl, ask: Callable[[], dict[str, str]], source: str) -> Steps[dict[str, str]]:
    """Return what a service tells of an asset; where it tells nothing, only its `source`, an address."""
    try:
        return (yield from off_main(control, ask))
    except CommandError:
        # The asset is there: it must not be lost for this.
        return {"source": source}


def write(items: Iterable[Any], told: dict[str, str]) -> dict[str, str]:
    """Write it on data blocks and return it for the answer."""
    kept = {name: told[name] for name in NAMES if told.get(name)}
    for item in items:
        for name, value in kept.items():
            item[PREFIX + name] = value
    return kept
