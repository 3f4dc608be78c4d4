"""What the second Blender runs: open a copy of the file, render its frames, tell of each on stdout.

    python child.py job.json                        with the bpy module
    blender -b --python child.py -- job.json        with Blender itself

It imports nothing of the extension. It ends when its stdin closes, so that it never outlives who started it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

MARK = "@render "
FORMATS = {"png": "PNG", "jpg": "JPEG", "exr": "OPEN_EXR"}


def tell(**news: Any) -> None:
    """Say something to who started this."""
    print(f"\n{MARK}{json.dumps(news)}", flush=True)


def main(path: str) -> None:
    """Render a job and end."""
    threading.Thread(target=_end_with_starter, daemon=True).start()
    status = 0
    try:
        _render(json.loads(Path(path).read_text(encoding="utf-8")))
    except Exception as error:
        tell(error=str(error) or traceback.format_exc(limit=-2))
        status = 1
    sys.stdout.flush()
    # Blender as a module crashes or hangs in its own shutdown.
    os._exit(status)


def _end_with_starter() -> None:
    sys.stdin.buffer.read()
    os._exit(3)


def _write_nothing_else() -> None:
    """Mute the compositor's nodes that write files: they would write into the folders of the artist."""
    import bpy

    trees = [*bpy.data.node_groups, *(scene.node_tree for scene in bpy.data.scenes if hasattr(scene, "node_tree"))]
    for tree in filter(None, trees):
        for node in tree.nodes:
            if node.type == "OUTPUT_FILE":
                node.mute = True


def _render(job: dict[str, Any]) -> None:
    import bpy

    bpy.ops.wm.open_mainfile(filepath=job["file"], load_ui=False, use_scripts=job["scripts"])
    scene = bpy.data.scenes[job["scene"]]
    render = scene.render
    scene.camera = scene.objects[job["camera"]]
    if job["engine"]:
        render.engine = job["engine"]
    render.resolution_x, render.resolution_y, render.resolution_percentage = job["width"], job["height"], 100
    if job["samples"]:
        _sample(scene, job["samples"])
    _without_missing_denoiser(scene)
    if job["transparent"]:
        render.film_transparent = True
    if job["region"]:
        left, top, right, bottom = job["region"]
        render.use_border = render.use_crop_to_border = True
        render.border_min_x, render.border_max_x = left, right
        render.border_min_y, render.border_max_y = 1.0 - bottom, 1.0 - top
    settings = render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = FORMATS[job["format"]]
    settings.color_mode = "RGBA" if job["transparent"] and job["format"] != "jpg" else "RGB"
    render.use_file_extension = render.use_overwrite = True
    render.use_placeholder = False
    render.use_persistent_data = True
    # With several views the file has another name than the one that is looked for.
    render.use_multiview = False
    _write_nothing_else()
    # From 5.0 on Blender itself prints none.
    bpy.app.handlers.render_stats.append(lambda stats, _: print(stats, flush=True))
    for number, frame in enumerate(job["frames"]):
        scene.frame_set(frame)
        path = Path(job["folder"]) / f"frame_{frame:05d}.{job['format']}"
        render.filepath = os.fspath(path)
        tell(begins=frame)
        bpy.ops.render.render(scene=scene.name, write_still=True)
        if not path.is_file() or not path.stat().st_size:
            raise RuntimeError(f"frame {frame} was not written to {path}; is the disk full?")
        if number == 0:
            _preview(scene, Path(job["preview"]))
        tell(frame=frame, file=os.fspath(path))


def _sample(scene: Any, samples: int) -> None:
    if hasattr(scene, "cycles"):
        scene.cycles.samples = samples
        scene.cycles.use_adaptive_sampling = False
    if hasattr(scene, "eevee"):
        scene.eevee.taa_render_samples = samples


def _without_missing_denoiser(scene: Any) -> None:
    """Render noisy where Cycles was built without its denoiser: it would render nothing. Packages of Debian are."""
    try:
        has_denoiser = importlib.import_module("_cycles").with_openimagedenoise
    except ImportError:
        return
    used = scene.render.engine == "CYCLES" and scene.cycles.use_denoising
    # Without any other the name is empty.
    if used and not has_denoiser and scene.cycles.denoiser in ("", "OPENIMAGEDENOISE"):
        scene.cycles.use_denoising = False
        tell(note="Without denoising, which this build of Blender does not have: give it more samples")


def _preview(scene: Any, path: Path) -> None:
    """Write the picture as it is to be seen, whatever the format of the files."""
    import bpy

    settings = scene.render.image_settings
    before = settings.file_format, settings.color_mode
    settings.file_format, settings.color_mode = "PNG", "RGBA" if scene.render.film_transparent else "RGB"
    try:
        bpy.data.images["Render Result"].save_render(os.fspath(path), scene=scene)
    finally:
        settings.file_format, settings.color_mode = before


if __name__ == "__main__":
    main(sys.argv[-1])
