"""Hunyuan3D: models from a picture or words, by a server of the user's own or by Tencent Cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from ..fetch import hunyuan
from ..fetch.rodin import MAX_IMAGE_BYTES, BadImage, Picture, pictures
from ..link.queue.control import JobControl
from .allowed.settings import HUNYUAN3D, HUNYUAN_LOCAL, HUNYUAN_WORLD, settings
from .background import Steps, download_folder, fetcher, off_main
from .files.models import TargetSize, import_model, placed
from .registry import Bounds, CommandError, command

Prompt = Annotated[str, Bounds(1, 1024)]
JobId = Annotated[str, Bounds(1, 256)]
Address = Annotated[str, Bounds(1, 4096)]
ObjectName = Annotated[str, Bounds(1, 255)]


@command("get_hunyuan3d_status")
def get_hunyuan3d_status(control: JobControl) -> dict[str, Any]:
    """Tell whether Hunyuan3D is switched on and has what it needs."""
    chosen = settings()
    local = chosen.hunyuan3d_provider == HUNYUAN_LOCAL
    mode, takes = ("LOCAL_API", "a picture") if local else ("OFFICIAL_API", "a picture or words")
    told = HUNYUAN3D.status(
        chosen, f". Mode: {mode} ({chosen.hunyuan3d_provider}); it takes {takes}", needs_key=not local
    )
    if told["enabled"] and not local and not chosen.hunyuan3d_secret_id:
        told = {"enabled": False, "message": "Hunyuan3D has a secret key and no secret ID; Tencent Cloud has both"}
    return {**told, "mode": mode}


@command("create_hunyuan_job", integration="hunyuan3d")
def create_hunyuan_job(
    control: JobControl, *, text_prompt: Prompt | None = None, image: Any = None
) -> Steps[dict[str, Any]]:
    """Start a generation: `{job_id, status, Response}`."""
    if (text_prompt is None) == (image is None):
        raise CommandError("create_hunyuan_job: either text_prompt or image is needed, not both")
    try:
        sent = pictures(None if image is None else [image])
    except BadImage as error:
        raise CommandError(f"create_hunyuan_job: {error}") from None
    site, picture = _site(control), sent[0] if sent else None
    if isinstance(site, hunyuan.Local) and picture is not None and picture.url:
        picture = yield from _fetched(control, picture)
    return (yield from off_main(control, lambda: site.create(text_prompt, picture)))


@command("poll_hunyuan_job_status", integration="hunyuan3d")
def poll_hunyuan_job_status(control: JobControl, *, job_id: JobId) -> Steps[dict[str, Any]]:
    """Return where a generation stands: WAIT, RUN, DONE or FAIL."""
    site = _site(control)
    return (yield from off_main(control, lambda: site.poll(job_id)))


@command("import_generated_asset_hunyuan", integration="hunyuan3d")
def import_generated_asset_hunyuan(
    control: JobControl,
    *,
    name: ObjectName,
    job_id: JobId | None = None,
    zip_file_url: Address | None = None,
    target_size: TargetSize | None = None,
) -> Steps[dict[str, Any]]:
    """Bring a finished generation into the scene as `name`: by its job, or by an address that a poll has told."""
    if (job_id is None) == (zip_file_url is None):
        raise CommandError("import_generated_asset_hunyuan: either job_id or zip_file_url is needed, not both")
    site, source = _site(control), fetcher(control, HUNYUAN3D.label)

    def fetch(folder: Path) -> Path:
        if job_id is not None:
            return site.model(job_id, folder)
        return hunyuan.by_address(source, str(zip_file_url), folder)

    notes: list[str] = []
    with download_folder() as folder:
        path = yield from off_main(control, lambda: fetch(folder))
        created = import_model(control.job.command, path, folder, notes)
    return placed(created, name, target_size, {"service": HUNYUAN3D.label, "job": job_id or ""}, notes)


def _fetched(control: JobControl, picture: Picture) -> Steps[Picture]:
    """Download a picture for a server that takes no addresses."""
    source, ending = fetcher(control, "The picture"), Path(picture.url.partition("?")[0]).suffix.lower().lstrip(".")
    with download_folder() as folder:
        path = folder / "picture"
        yield from off_main(control, lambda: source.download(picture.url, path))
        if path.stat().st_size > MAX_IMAGE_BYTES:
            raise CommandError(f"create_hunyuan_job: the picture may have at most {MAX_IMAGE_BYTES} bytes")
        return Picture(path.read_bytes(), ending or "png")


def _site(control: JobControl) -> hunyuan.Cloud | hunyuan.Local:
    chosen = settings()
    if chosen.hunyuan3d_provider == HUNYUAN_LOCAL:
        address = chosen.hunyuan3d_address
        return hunyuan.Local(fetcher(control, HUNYUAN3D.label, address), address)
    if not chosen.hunyuan3d_key or not chosen.hunyuan3d_secret_id:
        raise CommandError(f"{control.job.command}: no secret ID and key of Tencent Cloud in the preferences")
    site = hunyuan.INTERNATIONAL if chosen.hunyuan3d_provider == HUNYUAN_WORLD else hunyuan.CHINA
    keys = chosen.hunyuan3d_secret_id, chosen.hunyuan3d_key
    return hunyuan.Cloud(fetcher(control, HUNYUAN3D.label), site, *keys)
