"""How large a picture is, as its head says it, before anything decodes it (no bpy).

For the formats that Blender reads. A head that cannot be understood is a reason to refuse it: decoders forgive more.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

MAX_SIDE = 65_536
# What a picture may take in memory, as Blender holds it: 4 bytes a pixel, 16 for more than 8 bits a channel.
MAX_BYTES = 4 << 30
BYTE, FLOAT = 4, 16
_EXR_HEAD = 4 * 1_048_576
_HDR_HEAD = 65_536
_MAX_PASSED = 262_144
_MAX_TAGS = 4096


class NoSize(Exception):
    """The head does not say it, or is damaged."""


class UnknownFormat(NoSize):
    """It is no picture, or of a format that nothing here reads."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, and how many bytes each takes in Blender's memory."""

    width: int
    height: int
    depth: int = BYTE

    @property
    def is_too_much(self) -> bool:
        """Tell whether it is more than is taken."""
        return max(self.width, self.height) > MAX_SIDE or self.width * self.height * self.depth > MAX_BYTES


def size_of(file: IO[bytes]) -> Size:
    """Return the size that the head of a picture says. Raises NoSize."""
    try:
        found = _size(file, file.read(64))
    except (struct.error, IndexError, ValueError) as error:
        raise NoSize(f"its head is damaged: {error}") from None
    if min(found.width, found.height) < 1:
        raise NoSize(f"its head says {found.width} x {found.height} pixels")
    return found


def _size(file: IO[bytes], start: bytes) -> Size:
    for magics, reader in _READERS:
        if start.startswith(magics):
            file.seek(0)
            return reader(file, start)
    if start[4:8] == b"jP  " or start.startswith(b"\xff\x4f\xff\x51"):
        return _jpeg2000(file)
    return _targa(start)


def _png(file: IO[bytes], start: bytes) -> Size:
    width, height, bits = struct.unpack_from(">IIB", start, 16)
    return Size(width, height, FLOAT if bits > 8 else BYTE)


def _jpeg(file: IO[bytes], start: bytes) -> Size:
    file.seek(2)
    passed = 0
    while passed < _MAX_PASSED:
        byte = file.read(1)
        # Decoders pass over what stands between markers, and over any number of 0xff before one.
        while byte and byte != b"\xff" and passed < _MAX_PASSED:
            byte, passed = file.read(1), passed + 1
        while byte == b"\xff" and passed < _MAX_PASSED:
            byte, passed = file.read(1), passed + 1
        if not byte:
            break
        marker = byte[0]
        if marker in (0x00, 0x01, *range(0xD0, 0xD9)):
            continue
        if marker in (0xD9, 0xDA):
            break
        (length,) = struct.unpack(">H", file.read(2))
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", file.read(5), 1)
            return Size(width, height)
        file.seek(max(0, length - 2), 1)
    raise NoSize("it has no frame")


def _webp(file: IO[bytes], start: bytes) -> Size:
    kind = start[12:16]
    if start[8:12] != b"WEBP":
        raise UnknownFormat("it is no picture")
    if kind == b"VP8X":
        width, height = (int.from_bytes(start[at : at + 3], "little") + 1 for at in (24, 27))
        return Size(width, height)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", start, 21)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    width, height = struct.unpack_from("<HH", start, 26)
    return Size(width & 0x3FFF, height & 0x3FFF)


def _tiff(file: IO[bytes], start: bytes) -> Size:
    order = "<" if start[:2] == b"II" else ">"
    big = start[2:4] in (b"+\0", b"\0+")
    (at,) = struct.unpack_from(f"{order}Q", start, 8) if big else struct.unpack_from(f"{order}I", start, 4)
    file.seek(at)
    (count,) = struct.unpack(f"{order}Q", file.read(8)) if big else struct.unpack(f"{order}H", file.read(2))
    entry = struct.Struct(f"{order}HHQQ" if big else f"{order}HHII")
    found = {256: 0, 257: 0, 258: 8}
    for _ in range(min(count, _MAX_TAGS)):
        raw = file.read(entry.size)
        tag, kind, number, _ = entry.unpack(raw)
        if tag in found:
            # Bits of several channels stand elsewhere: two bytes are enough of them.
            found[tag] = _tiff_value(file, order, kind, number, raw, big)
    return Size(found[256], found[257], FLOAT if found[258] > 8 else BYTE)


def _tiff_value(file: IO[bytes], order: str, kind: int, number: int, raw: bytes, big: bool) -> int:
    letter = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind, "I")
    at, room = (12, 8) if big else (8, 4)
    size = struct.calcsize(letter)
    if size * number <= room:
        return int(struct.unpack_from(f"{order}{letter}", raw, at)[0])
    (place,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", raw, at)
    before = file.tell()
    file.seek(place)
    data = file.read(size)
    file.seek(before)
    return int(struct.unpack(f"{order}{letter}", data)[0])


def _bmp(file: IO[bytes], start: bytes) -> Size:
    if struct.unpack_from("<I", start, 14)[0] == 12:
        return Size(*struct.unpack_from("<HH", start, 18))
    width, height = struct.unpack_from("<ii", start, 18)
    return Size(abs(width), abs(height))


def _exr(file: IO[bytes], start: bytes) -> Size:
    data = file.read(_EXR_HEAD)
    width = height = channels = 0
    for name, value in _attributes(data, bool(data[5] & 0x10)):
        if name in (b"dataWindow", b"displayWindow"):
            left, top, right, bottom = struct.unpack("<4i", value)
            width, height = max(width, right - left + 1), max(height, bottom - top + 1)
        elif name == b"channels":
            channels += _channels(value)
    return Size(width, height, max(FLOAT, 4 * channels))


def _attributes(data: bytes, parts: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield the attributes of an EXR, of all of its parts."""
    at = 8
    while True:
        first = at
        while data[at]:
            name_end = data.index(b"\0", at)
            kind_end = data.index(b"\0", name_end + 1)
            (length,) = struct.unpack_from("<i", data, kind_end + 1)
            begin = kind_end + 5
            if length < 0 or begin + length >= len(data):
                raise NoSize("its head is damaged, or longer than is looked at")
            yield data[at:name_end], data[begin : begin + length]
            at = begin + length
        at += 1
        if not parts or at == first + 1:
            return


def _channels(value: bytes) -> int:
    count = at = 0
    while value[at]:
        at = value.index(b"\0", at) + 17
        count += 1
    return count


def _hdr(file: IO[bytes], start: bytes) -> Size:
    head = file.read(_HDR_HEAD)
    found = re.search(rb"(?:^|\n)\s*[-+]([XY])\s+(\d+)\s+[-+]([XY])\s+(\d+)", head)
    if found is None:
        raise NoSize("its head has no resolution")
    first, second = int(found[2]), int(found[4])
    return Size(second, first, FLOAT) if found[1] == b"Y" else Size(first, second, FLOAT)


def _dds(file: IO[bytes], start: bytes) -> Size:
    height, width = struct.unpack_from("<II", start, 12)
    return Size(width, height)


def _gif(file: IO[bytes], start: bytes) -> Size:
    return Size(*struct.unpack_from("<HH", start, 6))


def _psd(file: IO[bytes], start: bytes) -> Size:
    height, width, bits = struct.unpack_from(">IIH", start, 14)
    return Size(width, height, FLOAT if bits > 8 else BYTE)


def _dpx(file: IO[bytes], start: bytes) -> Size:
    order = ">" if start[:4] in (b"SDPX", b"\x80\x2a\x5f\xd7") else "<"
    file.seek(772 if b"DPX" in start[:4] or b"XPD" in start[:4] else 200)
    width, height = struct.unpack(f"{order}II", file.read(8))
    return Size(width, height, FLOAT)


def _iris(file: IO[bytes], start: bytes) -> Size:
    width, height = struct.unpack_from(">HH", start, 6)
    return Size(width, height, FLOAT if start[3] > 1 else BYTE)


def _jpeg2000(file: IO[bytes]) -> Size:
    file.seek(0)
    data = file.read(1_048_576)
    at = data.find(b"\xff\x4f\xff\x51")
    if at < 0:
        raise NoSize("it has no codestream")
    right, bottom, left, top = struct.unpack_from(">4I", data, at + 8)
    return Size(right - left, bottom - top, FLOAT)


def _targa(start: bytes) -> Size:
    colours, kind, bits = start[1], start[2], start[16]
    if colours > 1 or kind not in (1, 2, 3, 9, 10, 11) or bits not in (8, 15, 16, 24, 32):
        raise UnknownFormat("it is of no format that is known here")
    return Size(*struct.unpack_from("<HH", start, 12))


_READERS = (
    ((b"\x89PNG\r\n\x1a\n",), _png),
    ((b"\xff\xd8",), _jpeg),
    ((b"RIFF",), _webp),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _tiff),
    ((b"BM",), _bmp),
    ((b"\x76\x2f\x31\x01",), _exr),
    ((b"#?",), _hdr),
    ((b"DDS ",), _dds),
    ((b"GIF8",), _gif),
    ((b"8BPS",), _psd),
    ((b"\x01\xda",), _iris),
    ((b"SDPX", b"XPDS", b"\x80\x2a\x5f\xd7", b"\xd7\x5f\x2a\x80"), _dpx),
)
