"""Pictures, sounds, fonts and movies that come into a file, on real Blender."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import pytest
from carrying import Disk, bring, png

pytestmark = pytest.mark.bpy


def test_a_reference_image_as_data_in_the_scene_and_as_light(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(png())
    told = bring(disk, path, "ref.png", "image/png").document
    assert (told["objects"], told["images"]) == ([], ["ref.png"])
    assert bpy.data.images["ref.png"].packed_file is not None and bpy.data.images["ref.png"].use_fake_user
    told = bring(disk, path, "ref.png", options={"as": "reference"}).document
    [empty] = told["objects"]
    assert bpy.data.objects[empty].empty_display_type == "IMAGE"
    assert bpy.data.objects[empty].data.packed_file is not None
    world = bpy.context.scene.world
    assert bring(disk, path, "ref", "image/png", format="hdri").status == "completed"
    assert bpy.context.scene.world != world
    assert "options.as must be one of image, reference" in bring(disk, path, "ref.png", options={"as": "x"}).error
    assert "options.size is unknown" in bring(disk, path, "ref.png", options={"size": 1}).error


def test_a_sound_and_a_font_are_packed(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\1" * 800)
    assert bring(disk, path, "beep.wav").document["sounds"] == ["beep.wav"]
    assert bpy.data.sounds["beep.wav"].packed_file is not None
    fonts = Path(bpy.utils.system_resource("DATAFILES")) / "fonts"
    font = next(file for file in sorted(fonts.iterdir()) if file.suffix in (".woff2", ".ttf"))
    told = bring(disk, font, font.name).document
    assert bpy.data.fonts[told["fonts"][0]].packed_file is not None


def test_a_movie_stays_on_disk_as_long_as_the_file_needs_it(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    render = bpy.context.scene.render
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format = "MPEG4"
    render.engine = "BLENDER_WORKBENCH"
    render.resolution_x = render.resolution_y = 32
    render.filepath = str(tmp_path / "movie.mp4")
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 1, 2
    bpy.ops.render.render(animation=True)
    [movie] = tmp_path.glob("movie*")
    [name] = bring(disk, movie, "walk.mp4").document["movieclips"]
    kept = Path(bpy.data.movieclips[name].filepath)
    assert kept.is_file() and kept.is_relative_to(bpy.utils.user_resource("DATAFILES", path="blender_bus/imports"))
