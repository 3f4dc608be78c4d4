"""Pictures of assets, to choose by looks before anything is downloaded."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from ..fetch import polyhaven, sketchfab
from ..link.queue.control import JobControl
from .allowed.settings import ALL, settings
from .background import Steps, fetcher, off_main, picture
from .registry import Bounds, CommandError, command

# What is more cannot be sent as a picture beside a result.
MAX_SHOWN_BYTES = 700_000


@command("get_asset_preview")
def get_asset_preview(
    control: JobControl, *, service: Literal["polyhaven", "sketchfab"], asset_id: Annotated[str, Bounds(1, 200)]
) -> Steps[dict[str, Any]]:
    """Return an asset's picture in `image`, with its name, author and address."""
    chosen = settings()
    row = next(row for row in ALL if row.name == service)
    told = row.status(chosen)
    if not told["enabled"]:
        raise CommandError(f"get_asset_preview: {told['message']}")
    source = fetcher(control, row.label)
    if service == "polyhaven":
        about = yield from off_main(control, lambda: polyhaven.preview(source, asset_id))
    else:
        about = yield from off_main(control, lambda: sketchfab.preview(source, chosen.sketchfab_key, asset_id))
    kind, data = yield from picture(control, source, about.pop("picture"))
    if len(data) > MAX_SHOWN_BYTES:
        raise CommandError(f"get_asset_preview: the picture of {asset_id} is too large to be shown")
    image = {"mime_type": f"image/{kind}", "data": base64.b64encode(data).decode("ascii")}
    return {"success": True, **about, "image": image}
