"""Send a file: made with its length and hash, then in pieces by the core of tus 1.0, resumed after a broken line."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .http import TUS, FileServer
from .model import Broken, File, Patience, Refused, Transfer, TransferFailed, as_file, checked_file_id

# Proxies may keep a whole request before they pass it on.
PIECE_BYTES = 8 * 1_048_576
CHUNK_BYTES = 131_072
# How often an upload that the server has lost is begun anew.
MAX_BEGINNINGS = 3


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file to send."""

    path: Path
    name: str
    mime_type: str


class _Lost(Exception):
    """The server does not know the upload any more."""


def upload(server: FileServer, transfer: Transfer, outgoing: Outgoing) -> File:
    """Send a file and return its File. Raises TransferFailed or TransferCancelled."""
    try:
        return _upload(server, transfer, outgoing)
    except OSError as error:
        raise TransferFailed(f"{outgoing.name} cannot be read: {error}") from None
    except Refused as refusal:
        raise TransferFailed(f"{outgoing.name} was not taken: {_meaning(refusal)}") from None


def _upload(server: FileServer, transfer: Transfer, outgoing: Outgoing) -> File:
    transfer.total = outgoing.path.stat().st_size
    if not transfer.total:
        raise TransferFailed(f"{outgoing.name} is empty: there is nothing to send")
    facts = {
        "name": outgoing.name,
        "bytes": transfer.total,
        "sha256": _sha256(transfer, outgoing.path),
        "mime_type": outgoing.mime_type,
    }
    patience = Patience(transfer)
    for _ in range(MAX_BEGINNINGS):
        file_id = _make(server, transfer, patience, facts)
        try:
            told = _send(server, transfer, patience, outgoing.path, file_id)
        except _Lost:
            continue
        return as_file(told) or {"file_id": file_id, **facts}
    raise TransferFailed(f"{outgoing.name}: the server forgot the upload {MAX_BEGINNINGS} times")


def _sha256(transfer: Transfer, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1_048_576):
            digest.update(piece)
            transfer.check()
    return digest.hexdigest()


def _make(server: FileServer, transfer: Transfer, patience: Patience, facts: dict[str, Any]) -> str:
    about = facts | ({"job_id": transfer.job_id} if transfer.job_id else {})
    while True:
        try:
            return checked_file_id(str(server.json("POST", "/files", about).get("file_id")))
        except Broken as trouble:
            patience.wait(trouble)


def _send(server: FileServer, transfer: Transfer, patience: Patience, path: Path, file_id: str) -> Any:
    """Send what the server has not, until it has all; return the File that it tells, or None. Raises _Lost."""
    offset, sure = 0, True
    while True:
        try:
            if not sure:
                offset, sure = _offset(server, transfer, file_id), True
            patience.moved(offset)
            transfer.advance(offset)
            offset, told = _piece(server, transfer, path, file_id, offset)
            if offset >= transfer.total:
                transfer.advance(transfer.total)
                return told
        except Broken as trouble:
            sure = False
            patience.wait(trouble)
        except Refused as refusal:
            if refusal.status in (404, 410):
                raise _Lost from None
            if offset >= transfer.total:
                # It has all, and does not say once more what it made of it.
                return None
            if refusal.status != 409 or not sure:
                raise
            # It is elsewhere than we think, or still busy with a piece whose line broke.
            sure = False
            patience.wait(Broken(str(refusal)))


def _offset(server: FileServer, transfer: Transfer, file_id: str) -> int:
    """Ask how much the server has."""
    with server.request("HEAD", f"/files/{file_id}", TUS) as response:
        told = response.headers.get("Upload-Offset")
    if told is None:
        # An upload no more: it has all.
        return transfer.total
    if not told.isdecimal() or int(told) > transfer.total:
        raise TransferFailed(f"{transfer.name}: the server has {told[:40]} bytes of {transfer.total}")
    return int(told)


def _piece(server: FileServer, transfer: Transfer, path: Path, file_id: str, offset: int) -> tuple[int, Any]:
    """Send the next piece; return where the server is then, and the File once it has all."""
    size = min(PIECE_BYTES, transfer.total - offset)
    headers = {
        **TUS,
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(size),
    }
    body = _read(transfer, path, offset, size) if size else b""
    with server.request("PATCH", f"/files/{file_id}", headers, body) as response:
        told, about = response.headers.get("Upload-Offset", ""), response.headers.get("Blender-Bus-File", "")
        try:
            response.read(65_536)
        except (OSError, http.client.HTTPException) as error:
            raise Broken(f"the answer to a piece was cut: {error}") from None
    if told.isdecimal() and not offset <= int(told) <= offset + size:
        raise TransferFailed(f"{transfer.name}: the server says it has {told[:40]} bytes after {offset + size}")
    try:
        document = json.loads(about) if about else None
    except (ValueError, RecursionError):
        document = None
    return (int(told) if told.isdecimal() else offset + size), document


def _read(transfer: Transfer, path: Path, offset: int, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        left = size
        while left:
            piece = file.read(min(CHUNK_BYTES, left))
            if not piece:
                raise TransferFailed(f"{transfer.name} became shorter while it was sent")
            yield piece
            left -= len(piece)
            transfer.advance(offset + size - left)


def _meaning(refusal: Refused) -> str:
    told = {
        401: "this Blender has to log in again",
        403: "this Blender's token may not send files",
        404: "this server takes no files; it is older than this extension",
        413: "it is larger than the server takes",
        507: "there is no room for it; delete files that are not needed (blender_list_files, blender_delete_file)",
    }.get(refusal.status, "")
    return f"{told} ({refusal})" if told else str(refusal)
