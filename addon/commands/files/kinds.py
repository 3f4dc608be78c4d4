"""What a file is: said by the caller, by its name or by its sender, and always held against how it begins (no bpy)."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MODEL, IMAGE, FONT, SOUND, MOVIE, ARCHIVE = "model", "image", "font", "sound", "movie", "archive"
# An image that lights the scene.
HDRI = "hdri"
HEAD_BYTES = 65_536
# Zeros that may stand between the tags of an mp3 and its sound.
PADDING = 1_048_576
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


class NotThat(Exception):
    """A file is not what it is said to be, or nothing that can be imported; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class Head:
    """How a file begins, and how long it is."""

    start: bytes
    size: int

    @property
    def is_text(self) -> bool:
        """Tell whether it reads like text."""
        return b"\0" not in self.start[:4096]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its group, the endings of names, types of mail, and how it is told by its content."""

    name: str
    group: str
    suffixes: tuple[str, ...]
    mime_types: tuple[str, ...]
    fits: Callable[[Head], bool]
    # Whether the content alone says so.
    sure: bool = True


def _starts(*magics: bytes) -> Callable[[Head], bool]:
    return lambda head: head.start.startswith(magics)


def _riff(form: bytes, kind: bytes) -> Callable[[Head], bool]:
    return lambda head: head.start[:4] == form and head.start[8:12] == kind


def _is_stl(head: Head) -> bool:
    if len(head.start) >= 84 and head.size == 84 + 50 * struct.unpack_from("<I", head.start, 80)[0]:
        return True
    return head.is_text and head.start.lstrip()[:5].lower() == b"solid" and b"facet" in head.start


def _is_obj(head: Head) -> bool:
    lines = [line.strip() for line in head.start.splitlines()[:2000]]
    return head.is_text and any(line.startswith((b"v ", b"mtllib ", b"f ")) for line in lines)


def _is_svg(head: Head) -> bool:
    begin = head.start.lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.is_text and begin.startswith(b"<") and b"<svg" in begin


def _is_gltf(head: Head) -> bool:
    return head.start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _is_mp3(head: Head) -> bool:
    return head.start.startswith(b"ID3") or (head.start[:1] == b"\xff" and head.start[1:2] >= b"\xe2")


def _is_usdz(head: Head) -> bool:
    """An archive whose first file is a layer (its name stands after 30 bytes)."""
    if not head.start.startswith(_ZIP) or len(head.start) < 30:
        return False
    name = head.start[30 : 30 + struct.unpack_from("<H", head.start, 26)[0]]
    return name.lower().endswith((b".usdc", b".usda", b".usd"))


KINDS = (
    Kind("glb", MODEL, (".glb", ".vrm"), ("model/gltf-binary",), _starts(b"glTF")),
    Kind("gltf", MODEL, (".gltf",), ("model/gltf+json",), _is_gltf, sure=False),
    Kind(
        "fbx",
        MODEL,
        (".fbx",),
        ("model/fbx", "application/fbx"),
        lambda head: head.start.startswith(b"Kaydara FBX Binary") or head.start.lstrip().startswith(b"; FBX"),
    ),
    Kind("usdz", MODEL, (".usdz",), ("model/vnd.usdz+zip",), _is_usdz),
    Kind("usdc", MODEL, (".usdc",), (), _starts(b"PXR-USDC")),
    Kind("usda", MODEL, (".usda",), (), _starts(b"#usda")),
    Kind("usd", MODEL, (".usd",), ("model/vnd.usd",), _starts(b"PXR-USDC", b"#usda")),
    Kind("abc", MODEL, (".abc",), (), _starts(b"Ogawa", b"\x89HDF\r\n\x1a\n")),
    Kind(
        "blend", MODEL, (".blend",), ("application/x-blender",), _starts(b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")
    ),
    Kind("ply", MODEL, (".ply",), ("model/ply",), _starts(b"ply\n", b"ply\r")),
    Kind("svg", MODEL, (".svg",), ("image/svg+xml",), _is_svg),
    Kind("stl", MODEL, (".stl",), ("model/stl", "application/sla"), _is_stl),
    Kind("obj", MODEL, (".obj",), ("model/obj",), _is_obj, sure=False),
    Kind("png", IMAGE, (".png",), ("image/png",), _starts(b"\x89PNG\r\n\x1a\n")),
    Kind("jpg", IMAGE, (".jpg", ".jpeg"), ("image/jpeg",), _starts(b"\xff\xd8\xff")),
    Kind("webp", IMAGE, (".webp",), ("image/webp",), _riff(b"RIFF", b"WEBP")),
    Kind("tiff", IMAGE, (".tif", ".tiff"), ("image/tiff",), _starts(b"II*\0", b"MM\0*")),
    Kind("bmp", IMAGE, (".bmp",), ("image/bmp",), _starts(b"BM"), sure=False),
    Kind("exr", IMAGE, (".exr",), ("image/x-exr", "image/aces"), _starts(b"\x76\x2f\x31\x01")),
    Kind("hdr", IMAGE, (".hdr",), ("image/vnd.radiance",), _starts(b"#?RADIANCE", b"#?RGBE")),
    Kind("ttf", FONT, (".ttf", ".ttc"), ("font/ttf", "font/collection"), _starts(b"\0\1\0\0", b"true", b"ttcf")),
    Kind("otf", FONT, (".otf",), ("font/otf",), _starts(b"OTTO", b"\0\1\0\0")),
    Kind("woff", FONT, (".woff", ".woff2"), ("font/woff", "font/woff2"), _starts(b"wOFF", b"wOF2")),
    Kind("wav", SOUND, (".wav",), ("audio/wav", "audio/x-wav"), _riff(b"RIFF", b"WAVE")),
    Kind("mp3", SOUND, (".mp3",), ("audio/mpeg",), _is_mp3, sure=False),
    Kind("flac", SOUND, (".flac",), ("audio/flac",), _starts(b"fLaC")),
    Kind("ogg", SOUND, (".ogg", ".oga", ".opus"), ("audio/ogg",), _starts(b"OggS")),
    Kind("aiff", SOUND, (".aif", ".aiff"), ("audio/aiff",), _riff(b"FORM", b"AIFF")),
    Kind("avi", MOVIE, (".avi",), ("video/x-msvideo",), _riff(b"RIFF", b"AVI ")),
    Kind("mp4", MOVIE, (".mp4", ".m4v"), ("video/mp4",), lambda head: head.start[4:8] == b"ftyp"),
    Kind("mov", MOVIE, (".mov",), ("video/quicktime",), lambda head: head.start[4:8] in (b"ftyp", b"moov", b"wide")),
    Kind("mkv", MOVIE, (".mkv", ".webm"), ("video/x-matroska", "video/webm"), _starts(b"\x1a\x45\xdf\xa3")),
    Kind("zip", ARCHIVE, (".zip",), ("application/zip",), _starts(*_ZIP)),
)
BY_NAME = {kind.name: kind for kind in KINDS}
GROUPS = (HDRI, IMAGE, FONT, SOUND, MOVIE)
FORMATS = (*BY_NAME, *GROUPS)


def head_of(path: Path) -> Head:
    """Return how a file begins. Raises OSError."""
    with path.open("rb") as file:
        return Head(file.read(HEAD_BYTES), path.stat().st_size)


def is_playable(file: IO[bytes]) -> bool:
    """Tell whether a file begins as a sound or a movie does, and is no list behind the tags of an mp3.

    Blender's decoder also opens lists of files and of addresses, whatever they are called, and loads what they name.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = Head(file.read(HEAD_BYTES), size)
    if head.start.startswith(b"ID3"):
        return _has_sound_behind_tags(file)
    return any(kind.group in (SOUND, MOVIE) and kind.fits(head) for kind in KINDS)


def _has_sound_behind_tags(file: IO[bytes]) -> bool:
    file.seek(0)
    head = file.read(10)
    while head[:3] == b"ID3" and len(head) == 10:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        file.seek(size + (10 if head[5] & 0x10 else 0), os.SEEK_CUR)
        head = file.read(10)
    return (head + file.read(PADDING)).lstrip(b"\0").startswith(b"\xff")


def by_suffix(name: str) -> Kind | None:
    """Return the kind that a name says."""
    suffix = Path(name).suffix.lower()
    return next((kind for kind in KINDS if suffix in kind.suffixes), None)


def detect(head: Head, asked: str | None, name: str, mime_type: str) -> Kind:
    """Return what a file is: what was asked for, else what its name or its type says. Raises NotThat if it is not."""
    found = next((kind for kind in KINDS if kind.sure and kind.fits(head)), None)
    said, by = _said(asked, name, mime_type)
    if said is None:
        if asked in GROUPS and found is not None and found.group in (asked, IMAGE if asked == HDRI else asked):
            return found
        if asked is None and found is not None:
            return found
        what = f"to be a kind of {asked}" if asked else "by its name or content"
        raise NotThat(f"{name!r} cannot be told {what}: it begins with {head.start[:16]!r}; say its format: {_known()}")
    if not said.fits(head):
        looks = f"looks like {found.name}" if found is not None else f"begins with {head.start[:16]!r}"
        raise NotThat(f"{name!r} is no {said.name} file, which {by}: it {looks}")
    return said


def _said(asked: str | None, name: str, mime_type: str) -> tuple[Kind | None, str]:
    if asked is not None and asked in BY_NAME:
        return BY_NAME[asked], "was asked for"
    group = {None: None, HDRI: IMAGE}.get(asked, asked)
    if asked is not None and group not in GROUPS:
        raise NotThat(f"format must be one of {_known()}, got {asked[:40]!r}")
    named = by_suffix(name)
    if named is not None and group in (None, named.group):
        return named, "its name says"
    typed = next((kind for kind in KINDS if mime_type in kind.mime_types), None)
    if typed is not None and group in (None, typed.group):
        return typed, f"its type {mime_type} says"
    return None, ""


def _known() -> str:
    return ", ".join(FORMATS)
