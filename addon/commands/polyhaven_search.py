"""Poly Haven's assets by words, for the bus and for servers on this computer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ..fetch import polyhaven
from ..link.queue.control import JobControl
from .allowed.settings import POLYHAVEN
from .background import Steps, fetcher, off_main
from .registry import Bounds

AnyType = Literal["hdris", "textures", "models", "all"]
Categories = Annotated[str, Bounds(0, 512)]


def find_assets(
    control: JobControl,
    *,
    asset_type: AnyType | None = None,
    categories: Categories | None = None,
    category: Categories | None = None,
    attributes: Categories | list[Any] | None = None,
    query: Categories | None = None,
    limit: Annotated[int, Bounds(1, 100)] | None = None,
    min_size_m: Annotated[float, Bounds(0, None)] | None = None,
) -> Steps[dict[str, Any]]:
    """Return the assets that have all words of `query`, best match first, as a list."""
    source = fetcher(control, POLYHAVEN.label)
    words = " ".join([query or "", *(map(str, attributes) if isinstance(attributes, list) else [attributes or ""])])
    wanted = polyhaven.Wanted(
        asset_type, categories or category, words, limit or polyhaven.MAX_SHOWN, min_size_m or 0.0
    )
    return (yield from off_main(control, lambda: polyhaven.find(source, wanted)))
