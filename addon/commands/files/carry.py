"""export_file and import_file: models, scenes and media to the server of the bus and from there into the open file."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import bpy

from ...fetch.archive import BadArchive
from ...fetch.workers import TooBusy, workers
from ...link.queue.control import JobControl
from ...link.transfers.carrier import Carrier, Downloaded, Transfer, TransferFailed
from ..background import Steps
from ..person import NeverFree, person
from ..registry import Bounds, CommandError, Name, command
from ..running.observed import push_step, step_name
from . import exporting, importing
from .arriving import Arrived, prepare
from .kinds import NotThat
from .store import forget, new_folder

# How much of the way each part is, in percent.
EXPORTED, DOWNLOADED = 40.0, 80.0
MAX_NAMES = 10_000
Format = Literal["glb", "gltf", "obj", "fbx", "stl", "ply", "usd", "usda", "usdc", "usdz", "abc", "svg", "blend"]
NO_SERVER = {
    "export_file": (
        "this Blender's caller is on the same computer, or no server is connected: have execute_code write the file, "
        "as with bpy.ops.export_scene.gltf(filepath=...), and read it there"
    ),
    "import_file": (
        "this Blender's caller is on the same computer, or no server is connected: have execute_code read the file "
        "where it is, as with bpy.ops.import_scene.gltf(filepath=...)"
    ),
}


@command("export_file")
def export_file(
    control: JobControl,
    *,
    format: Format,
    names: list[Any] | None = None,
    selected_only: bool = False,
    options: dict[str, Any] | None = None,
) -> Steps[dict[str, Any]]:
    """Export all objects, those of `names` or the selected ones, and send the file; return its File."""
    carrier = _carrier(control)
    wanted = [] if names is None else names
    if len(wanted) > MAX_NAMES or not all(isinstance(name, str) and 0 < len(name) <= 255 for name in wanted):
        raise CommandError(f"export_file: names must be at most {MAX_NAMES} names of objects")
    try:
        # It leaves and enters modes: not in the middle of what a person does.
        yield from person.wait(control, None)
    except NeverFree as refusal:
        raise CommandError(str(refusal)) from None
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="blender-bus-export-", ignore_cleanup_errors=True) as place:
        folder = Path(place) / "files"
        folder.mkdir()
        control.progress(0.0, f"exporting {format}")
        written = exporting.write(folder, format, names, selected_only, options or {})
        control.progress(EXPORTED, "exported")
        path, name, mime_type = yield from _aside(control, lambda: exporting.packed(written, Path(place)))
        file = yield from send(control, carrier, path, name, mime_type, EXPORTED)
    note = {"note": ". ".join(written.notes)} if written.notes else {}
    seconds = round(time.monotonic() - started, 2)
    return {"file": file, "format": format, "objects": written.objects, "seconds": seconds, **note}


@command("import_file")
def import_file(
    control: JobControl,
    *,
    file_id: Name,
    format: Annotated[str, Bounds(1, 20)] | None = None,
    options: dict[str, Any] | None = None,
) -> Steps[dict[str, Any]]:
    """Fetch a file from the server and bring it into the open file; return the names of what has come."""
    carrier = _carrier(control)
    folder = new_folder(control.job.job_id)
    try:
        arriving = folder / "arriving"
        fetched = carrier.download(
            file_id,
            arriving,
            job_id=control.job.job_id,
            cancelled=control.cancelled,
            report=_report(control, 0.0, DOWNLOADED),
        )
        try:
            found = yield fetched
        except TransferFailed as failure:
            raise CommandError(f"import_file: {failure}") from None
        control.progress(DOWNLOADED, "importing")
        ready = yield from _aside(control, lambda: _prepared(control, folder, found, format))
        control.check_cancelled()
        told = importing.bring_in(ready.path, ready.kind, format, options or {}, folder)
        if not bpy.app.background and bpy.context.window_manager.windows:
            push_step(step_name(control, f"import {found.name}"))
    finally:
        forget(folder)
    notes = told.pop("notes")
    note = {"note": ". ".join(notes)} if notes else {}
    return {**told, "format": ready.kind.name, "name": found.name, "bytes": found.bytes, **note}


def _prepared(control: JobControl, folder: Path, found: Downloaded, asked: str | None) -> Arrived:
    """Make ready what has arrived; not for the main thread. After a cancel nobody else deletes what this made."""
    try:
        return prepare(found.path, found.name, found.mime_type, asked, folder / "files", control.cancelled)
    finally:
        if control.cancelled.is_set():
            shutil.rmtree(folder, ignore_errors=True)


def send(
    control: JobControl, carrier: Carrier, path: Path, name: str, mime_type: str, begin: float
) -> Steps[dict[str, Any]]:
    """Send a file for a job, whose progress goes from `begin` to 100; note it for the answer. Raises CommandError."""
    sent = carrier.upload(
        path,
        name,
        mime_type,
        job_id=control.job.job_id,
        cancelled=control.cancelled,
        report=_report(control, begin, 100.0),
    )
    try:
        file: dict[str, Any] = yield sent
    except TransferFailed as failure:
        raise CommandError(f"{control.job.command}: {failure}") from None
    control.extra.setdefault("files", []).append(file)
    return file


def _carrier(control: JobControl) -> Carrier:
    if control.files is None:
        raise CommandError(f"{control.job.command}: {NO_SERVER[control.job.command]}")
    return control.files


def _report(control: JobControl, begin: float, end: float) -> Callable[[Transfer], None]:
    def report(transfer: Transfer) -> None:
        control.progress(round(begin + (end - begin) * transfer.part, 1), transfer.words)

    return report


def _aside(control: JobControl, work: Callable[[], Any]) -> Steps[Any]:
    """Do something on another thread. Raises CommandError."""
    try:
        value = yield workers.submit(work)
    except (NotThat, BadArchive, TooBusy, OSError) as error:
        raise CommandError(f"{control.job.command}: {error}") from None
    return value
