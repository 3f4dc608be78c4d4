"""Whether a file is a sound or a movie, by how it begins (no bpy).

Blender's decoder also opens lists of other files and of addresses, whatever they are called, and loads what they name.
"""

from __future__ import annotations

import os
from typing import IO

from .kinds import HEAD_BYTES, KINDS, MOVIE, SOUND, Head

# Zeros that may stand between the tags of an mp3 and its sound.
PADDING = 1_048_576


def is_playable(file: IO[bytes]) -> bool:
    """Tell whether it begins as a sound or a movie does, and is no list behind the tags of an mp3."""
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
