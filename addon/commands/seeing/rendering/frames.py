"""The files of a render on their way to the server: each frame as soon as it is there, or all in one archive."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Generator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from ....fetch.workers import TooBusy, workers
from ....link.queue.control import JobControl
from ....link.queue.main_thread import Pause
from ....link.transfers.carrier import Carrier, Transfer, TransferFailed

# More frames go as one archive: a server keeps a bounded number of files.
MAX_FILES = 100
TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".exr": "image/x-exr"}


class Frames:
    """What becomes of the frames of one job. Main thread, but for the transfers themselves."""

    def __init__(self, control: JobControl, carrier: Carrier, total: int) -> None:
        self._control = control
        self._carrier = carrier
        self._single = total <= MAX_FILES
        self._sent: list[Future[Any]] = []
        self._ended = threading.Event()
        self._rendered = False

    def take(self, rows: list[dict[str, Any]]) -> None:
        """Send the frames that have come since."""
        if self._single:
            for row in rows[len(self._sent) :]:
                self._sent.append(self._send(Path(row["file"])))

    def collect(self, rows: list[dict[str, Any]]) -> Generator[Pause, Any, dict[str, Any]]:
        """Wait for all; return the `frames` of the result, and what else there is to say. A file that does not get
        through costs no more than itself: it stays where it was rendered, and its frame says why."""
        self.take(rows)
        self._rendered = True
        if not self._single:
            return (yield from self._archive(rows))
        frames = []
        for row, sent in zip(rows, self._sent, strict=True):
            told = {"frame": row["frame"], "path": row["file"]}
            try:
                file = yield sent
            except TransferFailed as failure:
                told["problem"] = str(failure)
            else:
                told["file"] = file
                self._control.extra.setdefault("files", []).append(file)
            frames.append(told)
        return {"frames": frames}

    def tell_sent(self) -> None:
        """Note for the answer what is through, where the render has failed after some frames."""
        through = [one for one in self._sent if one.done() and one.exception() is None]
        self._control.extra["files"] = [one.result() for one in through]

    def end(self) -> None:
        """Carry nothing any more: the job is over, or failed, or cancelled."""
        self._ended.set()

    def _archive(self, rows: list[dict[str, Any]]) -> Generator[Pause, Any, dict[str, Any]]:
        folder = Path(rows[0]["file"]).parent
        target = folder / "frames.zip"
        frames = [{"frame": row["frame"], "path": row["file"], "name": Path(row["file"]).name} for row in rows]
        self._control.progress(100.0, "packing the frames")
        try:
            yield workers.submit(lambda: _pack(target, [Path(row["file"]) for row in rows]))
            file = yield self._send(target, "application/zip")
        except (TransferFailed, TooBusy, OSError) as failure:
            return {"frames": frames, "problem": str(failure)}
        finally:
            target.unlink(missing_ok=True)
        self._control.extra["files"] = [file]
        return {"frames": frames, "file": file}

    def _send(self, path: Path, mime_type: str = "") -> Future[Any]:
        return self._carrier.upload(
            path,
            path.name,
            mime_type or TYPES[path.suffix],
            job_id=self._control.job.job_id,
            cancelled=self._ended,
            report=self._report,
        )

    def _report(self, transfer: Transfer) -> None:
        """Tell how far it is once nothing renders any more: before, the render has more to say."""
        if self._rendered:
            self._control.progress(100.0, f"{transfer.name}: {transfer.words}")


def _pack(target: Path, files: list[Path]) -> None:
    # Pictures do not get smaller.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.write(file, file.name)
