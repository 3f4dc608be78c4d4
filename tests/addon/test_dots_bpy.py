"""The dots of the panel, on real Blender."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.bpy


def test_each_state_has_a_dot_of_its_colour(bpy: Any) -> None:
    from addon import dots, panels

    try:
        # Without a window icons have no numbers.
        for colour in (*dots.COLOURS, "green"):
            dots.icon(colour)
        assert {*dots._previews} == {*dots.COLOURS}
        assert {colour for _, colour in panels._WORDS.values()} == {*dots.COLOURS}
        preview = dots._previews["red"]
        pixels = list(preview.icon_pixels_float)
        middle = (16 * 32 + 16) * 4
        assert pixels[middle : middle + 4] == pytest.approx([0.9, 0.25, 0.2, 1.0], abs=0.01)
        assert pixels[3] == 0.0
    finally:
        dots.forget()
    assert dots._previews is None
