"""Which files the layers of a USD scene name, read without USD, and what of that must not be opened (no bpy).

Blender 4.2 as a module has no `pxr`, and asking USD would make it resolve the very paths that are to be judged. What is
read here is more than what USD takes for a path: all between two "@" of a text, and every token of a binary layer.
"""

from __future__ import annotations

import glob
import mmap
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from ...fetch.archive import BadArchive
from .kinds import NotThat

TEXT_MAGIC, BINARY_MAGIC = (b"#usda", b"#sdf"), b"PXR-USDC"
MAX_TOKEN_BYTES = 16 * 1_048_576
MAX_SECTIONS = 1000
# Value clips make names of files from a pattern.
_PATTERN = "templateAssetPath"
# Files that would be opened as layers, and are none that can be judged here.
_UNJUDGED = (".usdz", ".mtlx", ".abc")
_SUFFIX = re.compile(r"\.\w{1,8}$")
_DRIVE = re.compile(r"[A-Za-z]:/")
_BETWEEN = re.compile(rb"@(?=([^@\r\n]*)@)")
_TRIPLE = re.compile(rb"@@@([^\r\n]+?)@@@")


def check_layers(folder: Path) -> None:
    """Refuse layers in `folder` that name files outside of it. Raises BadArchive, or NotThat for what is missing."""
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            start = file.read(8)
        if start.startswith(TEXT_MAGIC):
            for text in _of_text(path):
                _judge(path, root, text, is_path=True)
        elif start == BINARY_MAGIC:
            for text in _of_binary(path):
                _judge(path, root, text, is_path=False)


def _judge(layer: Path, root: Path, text: str, *, is_path: bool) -> None:
    """Refuse what a layer names, if opening it could leave `root`. `is_path`: it can be nothing but a path."""
    named = text.partition(":SDF_FORMAT_ARGS:")[0].replace("\\", "/")
    if not named:
        return
    if is_path and named.startswith("`"):
        raise BadArchive(f"{layer.name} names a file by an expression, {text[:200]!r}")
    if named.startswith("/") or _DRIVE.match(named):
        if is_path or _SUFFIX.search(named) or named.startswith("//") or _is_there(named):
            raise _outside(layer, text)
        return
    target = Path(os.path.normpath(layer.resolve().parent / named))
    if ".." in named.split("/") and not target.is_relative_to(root):
        raise _outside(layer, text)
    inner = re.search(r"\.usdz\[", named)
    if inner or (named.lower().endswith(_UNJUDGED) and target.exists()):
        raise BadArchive(f"{layer.name} names {text[:200]!r}: packages, MaterialX and Alembic inside USD are not taken")
    # USD looks for a name without "./" in the folder that Blender was started in, too, and in those of its own list.
    if not named.startswith(("./", "../")) and not _is_there(target):
        for place in (".", *filter(None, os.environ.get("PXR_AR_DEFAULT_SEARCH_PATH", "").split(os.pathsep))):
            if _is_there(Path(place) / named):
                raise NotThat(
                    f"{layer.name} needs {text[:200]!r}, which did not come along; send it all in a zip, or a usdz"
                )


def _outside(layer: Path, text: str) -> BadArchive:
    return BadArchive(f"{layer.name} names {text[:200]!r}, which is outside of what was sent")


def _is_there(path: str | Path) -> bool:
    """Tell whether there is such a file; where its name has a place for a number, as `<UDIM>`, with any number."""
    try:
        place = Path(path)
        pattern = re.sub(r"<[^>]*>", "*", glob.escape(place.name))
        return any(place.parent.glob(pattern)) if "<" in place.name else place.is_file()
    except (OSError, ValueError):
        return False


def _of_text(path: Path) -> Iterator[str]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find(_PATTERN.encode()) >= 0:
            raise _by_pattern(path)
        for regex in (_BETWEEN, _TRIPLE):
            for found in regex.finditer(data):
                yield found[1].decode("utf-8", "replace")


def _by_pattern(path: Path) -> BadArchive:
    return BadArchive(f"{path.name} names files by a pattern ({_PATTERN}), which is not taken")


def _of_binary(path: Path) -> Iterator[str]:
    """Yield all tokens of a binary layer: the paths of its files are among them. Raises NotThat for a damaged one."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            version = tuple(data[8:11])
            (contents,) = struct.unpack_from("<q", data, 16)
            (count,) = struct.unpack_from("<Q", data, contents)
            if count > MAX_SECTIONS:
                raise NotThat(f"{path.name} is damaged: it says that it has {count} sections")
            for number in range(count):
                name, start, _ = struct.unpack_from("<16sqq", data, contents + 8 + 32 * number)
                if name.rstrip(b"\0") == b"TOKENS":
                    for token in _tokens(data, start, version):
                        if token == _PATTERN:
                            raise _by_pattern(path)
                        yield token
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise NotThat(f"{path.name} is damaged: its names cannot be read: {error}") from None


def _tokens(data: mmap.mmap, start: int, version: tuple[int, ...]) -> list[str]:
    if start < 0:
        raise ValueError("a section before the file")
    _, size = struct.unpack_from("<QQ", data, start)
    if size > MAX_TOKEN_BYTES:
        raise ValueError(f"{size} bytes of names, which is too much")
    if version < (0, 4, 0):
        packed = data[start + 16 : start + 16 + size]
    else:
        (length,) = struct.unpack_from("<Q", data, start + 16)
        packed = _unpacked(data[start + 24 : start + 24 + length], size)
    return packed.decode("utf-8", "replace").split("\0")


def _unpacked(packed: bytes, size: int) -> bytes:
    """Undo USD's compression: one block of LZ4, or several with their lengths."""
    chunks, found = packed[0], bytearray()
    if not chunks:
        _lz4(packed[1:], found, size)
    at = 1
    for _ in range(chunks):
        (length,) = struct.unpack_from("<i", packed, at)
        if length < 0:
            raise ValueError("a block of negative length")
        block = bytearray()
        _lz4(packed[at + 4 : at + 4 + length], block, size)
        found += block
        at += 4 + length
    return bytes(found)


def _lz4(block: bytes, found: bytearray, limit: int) -> None:
    at = 0
    while at < len(block):
        token = block[at]
        length, at = _length(block, at + 1, token >> 4)
        found += block[at : at + length]
        at += length
        if at >= len(block):
            break
        back = block[at] | block[at + 1] << 8
        length, at = _length(block, at + 2, token & 15)
        length += 4
        if not 0 < back <= len(found) or len(found) + length > limit:
            raise ValueError("a block that does not fit")
        if back >= length:
            found += found[-back : len(found) - back + length]
        else:
            found += (bytes(found[-back:]) * (length // back + 1))[:length]
    if len(found) > limit:
        raise ValueError("a block that does not fit")


def _length(block: bytes, at: int, length: int) -> tuple[int, int]:
    """Return a length, whose rest stands in bytes that follow, and where those end."""
    if length == 15:
        while True:
            length += block[at]
            at += 1
            if block[at - 1] != 255:
                break
    return length, at
