"""Hyper3D Rodin: models from words and pictures, through its main site or fal.ai."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from ..fetch.rodin import BadImage, Fal, MainSite, pictures
from ..link.queue.control import JobControl
from .allowed.settings import HYPER3D, RODIN_FAL, settings
from .background import Steps, download_folder, fetcher, off_main
from .files.models import TargetSize, import_model, placed
from .registry import Bounds, CommandError, command

Text = Annotated[str, Bounds(1, 4096)]
Key = Annotated[str, Bounds(1, 4096)]
Tier = Literal["Gen-2", "Detail", "Smooth", "Regular", "Sketch"]
# Blender cuts what is beyond its limit, 63 bytes before 5.0 and 255 since; the result tells the name it has kept.
ObjectName = Annotated[str, Bounds(1, 255)]


@command("get_hyper3d_status")
def get_hyper3d_status(control: JobControl) -> dict[str, Any]:
    """Tell whether Rodin is switched on and has a key."""
    provider = settings().hyper3d_provider
    mode = "FAL_AI" if provider == RODIN_FAL else "MAIN_SITE"
    return HYPER3D.status(settings(), f". Mode: {mode} ({provider})")


@command("create_rodin_job", integration="hyper3d")
def create_rodin_job(
    control: JobControl,
    *,
    text_prompt: Text | None = None,
    images: list[Any] | None = None,
    bbox_condition: Any = None,
    tier: Tier = "Gen-2",
) -> Steps[Any]:
    """Start a generation and return the provider's answer."""
    if (text_prompt is None) == (not images):
        raise CommandError("create_rodin_job: either text_prompt or images is needed, not both")
    try:
        sent = pictures(images)
    except BadImage as error:
        raise CommandError(f"create_rodin_job: {error}") from None
    site = _site(control)
    if isinstance(site, MainSite) and any(picture.url for picture in sent):
        raise CommandError("create_rodin_job: the main site takes images as data, not by address; fal.ai takes both")
    return (yield from off_main(control, lambda: site.create(text_prompt, sent, bbox_condition, tier)))


@command("poll_rodin_job_status", integration="hyper3d")
def poll_rodin_job_status(
    control: JobControl, *, subscription_key: Key | None = None, request_id: Key | None = None
) -> Steps[Any]:
    """Return where a generation stands."""
    site, identifier = _named(control, "subscription_key", subscription_key, request_id)
    return (yield from off_main(control, lambda: site.poll(identifier)))


@command("import_generated_asset", integration="hyper3d")
def import_generated_asset(
    control: JobControl,
    *,
    name: ObjectName,
    task_uuid: Key | None = None,
    request_id: Key | None = None,
    target_size: TargetSize | None = None,
) -> Steps[dict[str, Any]]:
    """Download a finished generation into the scene as `name`, its longest side `target_size` metres."""
    site, identifier = _named(control, "task_uuid", task_uuid, request_id)
    source = fetcher(control, HYPER3D.label)

    def fetch(path: Path) -> None:
        source.download(site.model_url(identifier), path)

    notes: list[str] = []
    with download_folder() as folder:
        path = folder / "model.glb"
        yield from off_main(control, lambda: fetch(path))
        created = import_model(control.job.command, path, folder, notes)
    return placed(created, name, target_size, {"service": HYPER3D.label, "job": identifier}, notes)


def _site(control: JobControl) -> MainSite | Fal:
    chosen = settings()
    if not chosen.hyper3d_key:
        raise CommandError(f"{control.job.command}: no API key of {chosen.hyper3d_provider} in the preferences")
    kind = Fal if chosen.hyper3d_provider == RODIN_FAL else MainSite
    return kind(fetcher(control, HYPER3D.label), chosen.hyper3d_key)


def _named(control: JobControl, main: str, main_value: str | None, fal_value: str | None) -> tuple[MainSite | Fal, str]:
    """Return the site and the identifier that belongs to it."""
    site = _site(control)
    name, value = ("request_id", fal_value) if isinstance(site, Fal) else (main, main_value)
    if value is None:
        raise CommandError(f"{control.job.command}: {name} is needed with {settings().hyper3d_provider}")
    return site, value
