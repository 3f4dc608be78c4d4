"""Fetch a file to disk: resumed after a broken line where it is still the same, and checked by its hash."""

from __future__ import annotations

import hashlib
import http.client
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .http import FileServer
from .model import Broken, Downloaded, Patience, Refused, Transfer, TransferFailed, checked_file_id

CHUNK_BYTES = 262_144
MAX_BYTES = 5 * 1024 * 1_048_576
# The disk is not filled to the last byte.
SPARE_BYTES = 256 * 1_048_576
MAX_NAME = 200
# A proxy may have made it weak: the hash in it is the same.
_ETAG = re.compile(r'(?:W/)?"([0-9a-f]{64})"')
_NAME = re.compile(r"filename\*=UTF-8''([^;\s]+)", re.IGNORECASE)
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


@dataclass(slots=True)
class _Arriving:
    """What is known of a file that is on its way, and the hash of what is there."""

    path: Path
    name: str = ""
    mime_type: str = ""
    etag: str = ""
    done: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def begin_anew(self) -> None:
        self.done, self.digest = 0, hashlib.sha256()


def download(server: FileServer, transfer: Transfer, file_id: str, path: Path) -> Downloaded:
    """Write a file to `path`. Raises TransferFailed or TransferCancelled."""
    checked_file_id(file_id)
    arriving, patience = _Arriving(path), Patience(transfer)
    try:
        while True:
            try:
                _fetch(server, transfer, patience, file_id, arriving)
                break
            except Broken as trouble:
                patience.wait(trouble)
    except OSError as error:
        raise TransferFailed(f"{file_id} cannot be written to {path}: {error}") from None
    except Refused as refusal:
        raise TransferFailed(f"{file_id} cannot be had: {_meaning(refusal)}") from None
    found, wanted = arriving.digest.hexdigest(), _ETAG.fullmatch(arriving.etag)
    if wanted is None:
        raise TransferFailed(f"{file_id} cannot be checked: the server did not say its sha256 (ETag)")
    if wanted[1] != found:
        raise TransferFailed(f"{file_id} has arrived damaged: its sha256 is {found}, not {wanted[1]}")
    return Downloaded(path, arriving.name, arriving.mime_type, arriving.done, found)


def _fetch(server: FileServer, transfer: Transfer, patience: Patience, file_id: str, arriving: _Arriving) -> None:
    """Fetch what is not there yet. Raises Broken with what has arrived so far kept."""
    headers = {"Accept-Encoding": "identity"}
    if arriving.done and arriving.etag.startswith('"'):
        headers |= {"Range": f"bytes={arriving.done}-", "If-Range": arriving.etag}
    try:
        response = server.request("GET", f"/files/{file_id}", headers)
    except Refused as refusal:
        if refusal.status != 416:
            raise
        arriving.begin_anew()
        raise Broken("the file is another one now") from None
    with response:
        _look(response, transfer, arriving)
        with arriving.path.open("r+b" if arriving.done else "wb") as file:
            file.seek(arriving.done)
            file.truncate()
            while piece := _read(response):
                if arriving.done + len(piece) > transfer.total:
                    raise TransferFailed(f"{file_id} is longer than the {transfer.total} bytes that the server said")
                file.write(piece)
                arriving.digest.update(piece)
                arriving.done += len(piece)
                patience.moved(arriving.done)
                transfer.advance(arriving.done)
    if arriving.done < transfer.total:
        raise Broken(f"the line broke after {arriving.done} of {transfer.total} bytes")


def _look(response: http.client.HTTPResponse, transfer: Transfer, arriving: _Arriving) -> None:
    """Read what the answer says of the file. Raises TransferFailed if it cannot be taken, Broken if it is odd."""
    found = _RANGE.fullmatch(response.headers.get("Content-Range", "")) if response.status == 206 else None
    length = response.headers.get("Content-Length", "")
    if response.status == 206:
        if found is None or int(found[1]) != arriving.done:
            arriving.begin_anew()
            arriving.etag = ""
            raise Broken("the server answered with another range than was asked for")
        total = int(found[2])
    elif response.status == 200 and length.isdecimal():
        arriving.begin_anew()
        total = int(length)
    else:
        raise TransferFailed(f"the server answered HTTP {response.status} without saying how long the file is")
    free = shutil.disk_usage(arriving.path.parent).free + arriving.done
    if total > MAX_BYTES or total + SPARE_BYTES > free:
        room = f"at most {MAX_BYTES} are taken" if total > MAX_BYTES else f"{free} are free on Blender's disk"
        raise TransferFailed(f"the file has {total} bytes; {room}")
    transfer.total = total
    arriving.etag = response.headers.get("ETag", "")
    arriving.name = _name(response)[:MAX_NAME]
    arriving.mime_type = response.headers.get_content_type()
    transfer.name = arriving.name or transfer.name


def _name(response: http.client.HTTPResponse) -> str:
    """Return the file's name: the one with all its letters (RFC 6266), where the server says both."""
    told = _NAME.search(response.headers.get("Content-Disposition", ""))
    return unquote(told[1]) if told is not None else response.headers.get_filename() or ""


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(CHUNK_BYTES)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Broken(f"the line broke: {error}") from None


def _meaning(refusal: Refused) -> str:
    told = {
        401: "this Blender has to log in again",
        403: "this Blender's token may not read files",
        404: "there is no such file, or it belongs to another Blender; blender_list_files lists what is there",
        410: "it has expired",
    }.get(refusal.status, "")
    return f"{told} ({refusal})" if told else str(refusal)
