"""The frame of the camera in a picture of its view: Blender draws it into its windows only."""

from __future__ import annotations

from typing import Any

import numpy

LINE = (0.9, 0.9, 0.9)


def camera_frame(scene: Any, matrix: Any) -> tuple[float, float, float, float] | None:
    """Return what the scene's camera renders, as left, bottom, right and top of a picture from 0 to 1.

    `matrix` takes the world to the picture. None where there is no such camera, or it has no frame.
    """
    camera = scene.camera
    if camera is None or camera.type != "CAMERA" or camera.data.type == "PANO":
        return None
    corners = [
        matrix @ (camera.matrix_world.normalized() @ corner).to_4d() for corner in camera.data.view_frame(scene=scene)
    ]
    if any(corner.w <= 0.0 for corner in corners):
        return None
    across = [(corner.x / corner.w + 1.0) / 2.0 for corner in corners]
    upward = [(corner.y / corner.w + 1.0) / 2.0 for corner in corners]
    return min(across), min(upward), max(across), max(upward)


def draw_frame(image: Any, frame: tuple[float, float, float, float], darkness: float) -> None:
    """Draw the line of the frame into an image, and darken what is outside of it by 0 to 1."""
    width, height = image.size
    pixels = numpy.empty(width * height * 4, dtype=numpy.float32)
    image.pixels.foreach_get(pixels)
    rows = pixels.reshape(height, width, 4)
    left, right = (round(part * width) for part in (frame[0], frame[2]))
    bottom, top = (round(part * height) for part in (frame[1], frame[3]))
    outside = numpy.ones((height, width), dtype=bool)
    outside[max(0, bottom) : max(0, top), max(0, left) : max(0, right)] = False
    rows[outside, :3] *= 1.0 - darkness
    for column in (left, right - 1):
        if 0 <= column < width:
            rows[max(0, bottom) : max(0, top), column, :3] = LINE
    for row in (bottom, top - 1):
        if 0 <= row < height:
            rows[row, max(0, left) : max(0, right), :3] = LINE
    image.pixels.foreach_set(pixels)
