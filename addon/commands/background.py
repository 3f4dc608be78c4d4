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


def fetcher(control: JobControl, service: str) -> Fetcher:
    """Return what asks `service` for this job. Raises CommandError while Blender is offline by its user's choice."""
    if not settings().online:
        raise CommandError(
            f"{control.job.command}: Blender's online access is switched off; its user can allow it in "
            "Edit > Preferences > System > Network"
        )

    def progress(done: int, total: int) -> None:
        if total:
            control.progress(DOWNLOAD_PERCENT * min(1.0, done / total), f"{done >> 20} of {total >> 20} MiB")

    return Fetcher(
        service, f"BlenderBus/{manifest()['version']} (Blender {bpy.app.version_string})", control.cancelled, progress
    )


def off_main(control: JobControl, work: Callable[[], T]) -> Steps[T]:
    """Run `work` on a thread while others use Blender; `value = yield from off_main(...)`. Raises CommandError."""
    try:
        value: T = yield workers.submit(work)
    except (FetchFailed, BadArchive, TooBusy, OSError) as error:
        raise CommandError(f"{control.job.command}: {error}") from None
    return value


def credited(control: JobControl, ask: Callable[[], dict[str, str]], source: str) -> Steps[dict[str, str]]:
    """Return what a service tells of an asset's maker; where it tells nothing, only its `source`, an address."""
    try:
        return (yield from off_main(control, ask))
    except CommandError:
        # The asset is there: it must not be lost for this.
        return {"source": source}


@contextlib.contextmanager
def download_folder() -> Iterator[Path]:
    """Yield a folder that is gone when the job ends, however it ends."""
    with tempfile.TemporaryDirectory(prefix="blender-bus-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
