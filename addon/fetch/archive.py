"""Unpack a zip from the network: nothing outside the folder, no links, no bombs (no bpy)."""

from __future__ import annotations

import contextlib
import lzma
import shutil
import stat
import threading
import zipfile
import zlib
from pathlib import Path, PurePosixPath

MAX_FILES = 10_000
MAX_UNPACKED_BYTES = 4 * 1024 * 1_048_576
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 * 1_048_576
CHUNK_BYTES = 1_048_576
# The disk is not filled to the last byte.
SPARE_BYTES = 256 * 1_048_576
# What zipfile raises for damaged, encrypted or unknown content.
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
)


class BadArchive(Exception):
    """The archive is damaged or dangerous; the message says which."""


class Stopped(BadArchive):
    """Nobody wants it any more."""


def safe_path(folder: Path, name: str) -> Path:
    """Return where a file called `name` by the network belongs in `folder`. Raises BadArchive for tricks."""
    path = PurePosixPath(name)
    odd = "\\" in name or ":" in name or "\0" in name or len(name) > 1000
    if odd or not path.parts or path.is_absolute() or ".." in path.parts:
        raise BadArchive(f"{name[:200]!r} is not a path inside the folder")
    return folder.joinpath(*path.parts)


def unpack(archive: Path, folder: Path, cancelled: threading.Event | None = None) -> list[Path]:
    """Write the files of a zip into `folder` and return their paths. What fails leaves nothing behind.

    Raises BadArchive, also where the disk has no room, and Stopped once `cancelled` is set.
    """
    done: list[Path] = []
    try:
        with zipfile.ZipFile(archive) as source:
            members = source.infolist()
            _check(members, archive.stat().st_size)
            check_room(folder, sum(member.file_size for member in members))
            for member in members:
                if not member.is_dir():
                    done.append(safe_path(folder, member.filename))
                    _unpack_one(source, member, done[-1], cancelled)
            return done
    except BaseException as error:
        for path in done:
            with contextlib.suppress(OSError):
                path.unlink()
        if isinstance(error, _DAMAGE):
            raise BadArchive(f"the archive cannot be unpacked: {error}") from None
        raise


def check_size(what: str, packed: int, total: int) -> None:
    """Refuse what becomes too large, or so much larger that it is a bomb. Raises BadArchive."""
    if total > MAX_UNPACKED_BYTES or total > max(RATIO_FREE_BYTES, packed * MAX_RATIO):
        raise BadArchive(f"{what} of {packed} bytes unpacks to {total} bytes or more, which is too much")


def check_room(folder: Path, needed: int) -> None:
    """Refuse what the disk of `folder` has no room for. Raises BadArchive."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if needed + SPARE_BYTES > free:
        raise BadArchive(
            f"it needs {_mib(needed)} unpacked, and {_mib(SPARE_BYTES)} are left free; Blender's disk has {_mib(free)} "
            "free"
        )


def _mib(size: int) -> str:
    return f"{size / 1_048_576:,.0f} MiB"


def _check(members: list[zipfile.ZipInfo], packed: int) -> None:
    if len(members) > MAX_FILES:
        raise BadArchive(f"the archive holds {len(members)} files; at most {MAX_FILES} are taken")
    check_size("the archive", packed, sum(member.file_size for member in members))
    for member in members:
        mode = member.external_attr >> 16
        if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
            raise BadArchive(f"{member.filename[:200]!r} is a link or a device")
        if not member.is_dir():
            safe_path(Path(), member.filename)


def _unpack_one(
    source: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, cancelled: threading.Event | None
) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with source.open(member) as packed, target.open("wb") as file:
        while piece := packed.read(CHUNK_BYTES):
            if cancelled is not None and cancelled.is_set():
                raise Stopped("cancelled while it was unpacked")
            written += len(piece)
            if written > member.file_size:
                raise BadArchive(f"{member.filename[:200]!r} is larger than the archive says")
            file.write(piece)
