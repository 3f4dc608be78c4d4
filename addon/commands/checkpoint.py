"""checkpoint, list_checkpoints, restore_checkpoint: go back to what the file was."""

from __future__ import annotations

from typing import Annotated, Any

from ..link.queue.control import JobControl
from .checkpoints.store import MAX_LABEL, CannotKeep, store
from .registry import Bounds, CommandError, Name, command


@command("checkpoint")
def checkpoint(control: JobControl, *, label: Annotated[str, Bounds(1, MAX_LABEL)] | None = None) -> dict[str, Any]:
    """Keep a copy of the open file, unsaved changes included."""
    try:
        made = store.make(label, control.job.origin.words)
    except CannotKeep as error:
        raise CommandError(f"checkpoint: {error}") from None
    return {"checkpoint_id": made.checkpoint_id, "label": made.label, "at": made.at, "bytes": made.bytes}


@command("list_checkpoints")
def list_checkpoints(control: JobControl) -> dict[str, Any]:
    """Return the checkpoints, newest first."""
    rows = [
        {
            "checkpoint_id": item.checkpoint_id,
            "label": item.label,
            "at": item.at,
            "by": item.by,
            "bytes": item.bytes,
            "file": item.file,
        }
        for item in store.all()
    ]
    return {"checkpoints": rows}


@command("restore_checkpoint")
def restore_checkpoint(control: JobControl, *, checkpoint_id: Name) -> dict[str, Any]:
    """Open a copy of a checkpoint, after one of what is open now."""
    try:
        wanted, before, path = store.go_back(checkpoint_id, control.job.origin.words)
    except CannotKeep as error:
        raise CommandError(f"restore_checkpoint: {error}") from None
    return {
        "checkpoint_id": wanted.checkpoint_id,
        "before": before.checkpoint_id,
        "file": str(path),
        "made_of": wanted.file or None,
        "note": "The history of undo is new. The open file is a copy; the file it was made of is as it was on disk",
    }
