"""Sketchfab: search its models and import downloadable ones (https://sketchfab.com)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from ..fetch import sketchfab
from ..link.queue.control import JobControl
from . import sources
from .allowed.settings import SKETCHFAB, settings
from .background import Steps, download_folder, fetcher, off_main
from .extent import bounds, resize
from .files.models import TargetSize, import_model, noted
from .registry import Bounds, CommandError, command

SERVICE = SKETCHFAB.label
Text = Annotated[str, Bounds(0, 512)]
Uid = Annotated[str, Bounds(1, 128)]


@command("get_sketchfab_status")
def get_sketchfab_status(control: JobControl) -> dict[str, Any]:
    """Tell whether Sketchfab is switched on and has a key."""
    return SKETCHFAB.status(settings())


@command("search_sketchfab_models", integration="sketchfab")
def search_sketchfab_models(
    control: JobControl,
    *,
    query: Text,
    categories: Text | None = None,
    count: Annotated[int, Bounds(1, 1000)] = 20,
    downloadable: bool = True,
) -> Steps[Any]:
    """Return Sketchfab's own answer."""
    key, source = _key(control), fetcher(control, SERVICE)
    return (yield from off_main(control, lambda: sketchfab.search(source, key, query, categories, count, downloadable)))


@command("download_sketchfab_model", integration="sketchfab")
def download_sketchfab_model(
    control: JobControl,
    *,
    uid: Uid,
    normalize_size: bool = False,
    target_size: TargetSize | None = None,
) -> Steps[dict[str, Any]]:
    """Download a model and import it; with a target size its longest side is made that many metres."""
    key, source = _key(control), fetcher(control, SERVICE)

    def fetch(folder: Path) -> tuple[dict[str, str], Path]:
        return sketchfab.source(source, key, uid), sketchfab.download(source, key, uid, folder)

    notes: list[str] = []
    with download_folder() as folder:
        origin, path = yield from off_main(control, lambda: fetch(folder))
        created = import_model(control.job.command, path, folder, notes)
    wanted = target_size or (1.0 if normalize_size else None)
    if wanted is not None:
        resize(created, wanted)
    names = [item.name for item in created]
    return {
        "success": True,
        "message": f"Imported {len(names)} objects from Sketchfab",
        "imported_objects": names,
        "normalized": wanted is not None,
        **bounds(created),
        **sources.keep(origin, created),
        **noted(notes),
    }


def _key(control: JobControl) -> str:
    key = settings().sketchfab_key
    if not key:
        raise CommandError(f"{control.job.command}: no API key of Sketchfab in the preferences")
    return key
