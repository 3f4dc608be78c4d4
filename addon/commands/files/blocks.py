"""A .blend that has arrived: made plain, held to a size, and refused where it links other files (no bpy)."""

from __future__ import annotations

import gzip
import io
import struct
import threading
from pathlib import Path
from typing import IO, Any

from ...fetch.archive import BadArchive, Stopped, check_room, check_size
from .kinds import NotThat

ZSTD, GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
CHUNK_BYTES = 1_048_576
# What a compressor may look back on: Blender writes less, and memory is held for it.
MAX_WINDOW = 1 << 27
_LINKED = b"LI\0\0"


def make_plain(path: Path, cancelled: threading.Event) -> None:
    """Replace a compressed .blend by the same without compression, which is what is judged and read then.

    Raises BadArchive for one that is too large, NotThat for a damaged one, Stopped.
    """
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if not start.startswith((ZSTD, GZIP)):
            return
        target = path.with_name(f"{path.name}.plain")
        try:
            _copy(_opened(file, start), target, path.stat().st_size, cancelled)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    target.replace(path)


def _opened(file: IO[bytes], start: bytes) -> Any:
    """Return what reads the plain bytes."""
    if start.startswith(GZIP):
        return gzip.GzipFile(fileobj=file)
    try:
        import zstandard
    except ImportError:
        raise NotThat("this Blender's Python cannot undo the compression of the .blend: save it without") from None
    return zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).stream_reader(file, read_across_frames=True)


def _copy(source: Any, target: Path, packed: int, cancelled: threading.Event) -> None:
    done = 0
    with target.open("wb") as file:
        while True:
            try:
                piece = source.read(CHUNK_BYTES)
            except Exception as error:
                # Each library has its own.
                raise NotThat(f"the .blend is damaged: its compression cannot be undone: {error}") from None
            if not piece:
                return
            if cancelled.is_set():
                raise Stopped("cancelled")
            done += len(piece)
            check_size("the .blend", packed, done)
            check_room(target.parent, len(piece))
            file.write(piece)


def check_blocks(path: Path) -> None:
    """Refuse a .blend that links other ones: Blender would read them where they are. Raises BadArchive or NotThat."""
    try:
        with path.open("rb") as file:
            _walk(file, path.name)
    except (struct.error, ValueError) as error:
        raise NotThat(f"{path.name} is damaged: its blocks cannot be read: {error}") from None


def _walk(file: io.BufferedReader, name: str) -> None:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(17)
    if start[:7] != b"BLENDER":
        raise NotThat(f"{name} is no .blend: it begins with {start[:16]!r}")
    if start[7:8].isdigit():
        # Since Blender 5.0: how long the head is, and blocks of more than 2 GiB.
        at, order, form, length_at = int(start[7:9]), "<", "iiQqq", 3
    else:
        order = ">" if start[8:9] == b"V" else "<"
        at, form, length_at = 12, "iiQii" if start[7:8] == b"-" else "iiIii", 1
    head = struct.Struct(f"{order}{form}")
    while at < size:
        file.seek(at)
        block = file.read(head.size)
        if block[:4] == b"ENDB":
            return
        length = head.unpack(block)[length_at]
        if length < 0:
            raise ValueError("a block of negative length")
        if block[:4] == _LINKED:
            raise BadArchive(
                f"{name} links other .blend files, which do not come along: make all of it local in Blender "
                "(Object > Relations > Make Local > All), purge what is unused (File > Clean Up), and save"
            )
        at += head.size + length
