"""A picture to draw on: other pictures, lines, and words in letters of 5 by 7 dots (no bpy)."""

from __future__ import annotations

from typing import Any

import numpy as np

# Of each letter its five columns; the lowest bit is the uppermost dot.
_LETTERS = {
    "A": "7E1111117E", "B": "7F49494936", "C": "3E41414122", "D": "7F4141221C", "E": "7F49494941", "F": "7F09090901",
    "G": "3E4149497A", "H": "7F0808087F", "I": "00417F4100", "J": "2040413F01", "K": "7F08142241", "L": "7F40404040",
    "M": "7F020C027F", "N": "7F0408107F", "O": "3E4141413E", "P": "7F09090906", "Q": "3E4151215E", "R": "7F09192946",
    "S": "4649494931", "T": "01017F0101", "U": "3F4040403F", "V": "1F2040201F", "W": "3F4038403F", "X": "6314081463",
    "Y": "0708700807", "Z": "6151494543", "0": "3E5149453E", "1": "00427F4000", "2": "4261514946", "3": "2141454B31",
    "4": "1814127F10", "5": "2745454539", "6": "3C4A494930", "7": "0171090503", "8": "3649494936", "9": "064949291E",
    ".": "0060600000", "-": "0808080808", "~": "0201020402", "m": "7C04180478", "c": "3844444420", "k": "7F10284400",
}  # fmt: skip
WHITE, BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)


class Canvas:
    """Places are counted from the upper left corner; `pixels` has rows of red, green and blue from 0 to 1."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels: Any = np.full((height, width, 3), 0.12, dtype=np.float32)

    def paste(self, picture: Any, x: int, y: int) -> None:
        """Put rows of pixels in, their upper left corner at a place."""
        height, width = picture.shape[:2]
        self.pixels[y : y + height, x : x + width] = picture[:, :, :3]

    def line(self, start: tuple[float, float], end: tuple[float, float], color: tuple[float, ...], width: int) -> None:
        """Draw a line of some pixels' width."""
        steps = int(max(abs(end[0] - start[0]), abs(end[1] - start[1]))) + 1
        for step in range(steps + 1):
            x, y = (round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True))
            self.box(x - width // 2, y - width // 2, width, width, color)

    def box(self, x: int, y: int, width: int, height: int, color: tuple[float, ...]) -> None:
        """Fill a rectangle, as far as it is on the canvas."""
        self.pixels[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = color

    def words(self, text: str, x: int, y: int, size: int, color: tuple[float, ...] = WHITE) -> None:
        """Write words with a dark ground around them; letters that it does not have are left out."""
        self.box(x - size, y - size, width_of(text, size) + 2 * size, 9 * size, BLACK)
        for letter in text:
            columns = bytes.fromhex(_LETTERS.get(letter, _LETTERS.get(letter.upper(), "00" * 5)))
            for across, dots in enumerate(columns):
                for down in range(7):
                    if dots >> down & 1:
                        self.box(x + across * size, y + down * size, size, size, color)
            x += 6 * size


def width_of(text: str, size: int) -> int:
    """Return how wide some words are."""
    return 6 * size * len(text)
