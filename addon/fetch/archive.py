"""Unpack a zip from the network: nothing outside the folder, no links, no bombs (no bpy)."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

MAX_FILES = 10_000
MAX_UNPACKED_BYTES = 4 * 1024 * 1_048_576
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 * 1_048_576
CHUNK_BYTES = 1_048_576
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


def safe_path(folder: Path, name: str) -> Path:
    """Return where a file called `name` by the network belongs in `folder`. Raises BadArchive for tricks."""
    path = PurePosixPath(name)
    odd = "\\" in name or ":" in name or "\0" in name or len(name) > 1000
    if odd or not path.parts or path.is_absolute() or ".." in path.parts:
        raise BadArchive(f"{name[:200]!r} is not a path inside the folder")
    return folder.joinpath(*path.parts)


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Write the files of a zip into `folder` and return their paths. Raises BadArchive."""
    try:
        with zipfile.ZipFile(archive) as source:
            members = source.infolist()
            _check(members, archive.stat().st_size)
            return [_unpack_one(source, member, folder) for member in members if not member.is_dir()]
    except _DAMAGE as error:
        raise BadArchive(f"the archive cannot be unpacked: {error}") from None


def _check(members: list[zipfile.ZipInfo], packed: int) -> None:
    if len(members) > MAX_FILES:
        raise BadArchive(f"the archive holds {len(members)} files; at most {MAX_FILES} are taken")
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED_BYTES or total > max(RATIO_FREE_BYTES, packed * MAX_RATIO):
        raise BadArchive(f"the archive of {packed} bytes unpacks to {total} bytes, which is too much")
    for member in members:
        mode = member.external_attr >> 16
        if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
            raise BadArchive(f"{member.filename[:200]!r} is a link or a device")
        if not member.is_dir():
            safe_path(Path(), member.filename)


def _unpack_one(source: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> Path:
    target = safe_path(folder, member.filename)
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with source.open(member) as packed, target.open("wb") as file:
        while piece := packed.read(CHUNK_BYTES):
            written += len(piece)
            if written > member.file_size:
                raise BadArchive(f"{member.filename[:200]!r} is larger than the archive says")
            file.write(piece)
    return target
