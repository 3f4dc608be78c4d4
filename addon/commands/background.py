"""Leave the main thread for the network, and come back with what was fetched."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import bpy

from ..fetch.archive import BadArchive
from ..fetch.http import Fetcher, FetchFailed
from ..fetch.workers import TooBusy, workers
from ..link.queue.control import JobControl
from ..link.queue.main_thread import Pause
from .allowed.settings import settings
from .facts import manifest
from .registry import CommandError

T = TypeVar("T")
Steps = Generator[Pause, Any, T]
# Downloading is most of the way; the rest of the progress is the import.
DOWNLOAD_PERCENT = 90.0
MAX_PREVIEW_BYTES = 8 * 1_048_576
_KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"GIF8": "gif"}


def fetcher(control: JobControl, service: str, own_server: str = "") -> Fetcher:
    """Return what asks `service` for this job; only `own_server` may be without https.

    Raises CommandError while Blender is offline by its user's choice.
    """
    if not settings().online:
        raise CommandError(
            f"{control.job.command}: Blender's online access is switched off; its user can allow it in "
            "Edit > Preferences > System > Network"
        )

    def progress(done: int, total: int) -> None:
        if total:
            control.progress(DOWNLOAD_PERCENT * min(1.0, done / total), f"{done >> 20} of {total >> 20} MiB")

    agent = f"BlenderBus/{manifest()['version']} (Blender {bpy.app.version_string})"
    return Fetcher(service, agent, control.cancelled, progress, own_server)


def off_main(control: JobControl, work: Callable[[], T]) -> Steps[T]:
    """Run `work` on a thread while others use Blender; `value = yield from off_main(...)`. Raises CommandError."""
    try:
        value: T = yield workers.submit(work)
    except (FetchFailed, BadArchive, TooBusy, OSError) as error:
        raise CommandError(f"{control.job.command}: {error}") from None
    return value


@contextlib.contextmanager
def download_folder() -> Iterator[Path]:
    """Yield a folder that is gone when the job ends, however it ends."""
    with tempfile.TemporaryDirectory(prefix="blender-bus-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def picture(control: JobControl, source: Fetcher, url: str) -> Steps[tuple[str, bytes]]:
    """Download a picture: its kind and its bytes."""
    with download_folder() as folder:
        path = folder / "preview"
        yield from off_main(control, lambda: source.download(url, path, size=None))
        data = path.read_bytes()[: MAX_PREVIEW_BYTES + 1]
    kind = next((name for start, name in _KINDS.items() if data.startswith(start)), None)
    if kind is None or len(data) > MAX_PREVIEW_BYTES:
        raise CommandError(f"{control.job.command}: {source.service} sent no picture")
    return kind, data
