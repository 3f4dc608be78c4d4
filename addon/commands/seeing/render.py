"""render: stills and ranges, in a second Blender, so that this one stays as it is and others can use it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any, Literal

import bpy

from ...link.queue.control import JobControl
from ...link.queue.main_thread import Pause
from ..registry import Bounds, CommandError, Name, command
from ..viewport import as_result
from .rendering.frames import Frames
from .rendering.process import Renderer
from .rendering.store import new_folder

MAX_FRAMES = 2000
PREVIEW_SIDE = 1024
POLL_SECONDS = 0.1
# A larger file is told by its size alone.
MAX_HASHED = 64 * 1024**2
MIN_FREE_BYTES = 64 * 1024**2
EEVEE = "BLENDER_EEVEE" if bpy.app.version >= (5, 0, 0) else "BLENDER_EEVEE_NEXT"
ENGINES = {"cycles": "CYCLES", "eevee": EEVEE, "workbench": "BLENDER_WORKBENCH"}

Side = Annotated[int, Bounds(4, 16_384)]
Frame = Annotated[int, Bounds(-1_048_574, 1_048_574)]
# The job that renders now: one at a time, each takes all of the computer.
_rendering: list[str] = []


@command("render")
def render(
    control: JobControl,
    *,
    camera: Name | None = None,
    engine: Annotated[str, Bounds(1, 64)] | None = None,
    width: Side | None = None,
    height: Side | None = None,
    samples: Annotated[int, Bounds(1, 65_536)] | None = None,
    frame: Frame | None = None,
    frame_end: Frame | None = None,
    transparent: bool = False,
    region: list[Any] | None = None,
    format: Literal["png", "jpg", "exr"] = "png",
) -> Generator[Pause, Any, dict[str, Any]]:
    """Render `frame`, or `frame` to `frame_end`; return `frames` with their files, and a picture of the first.

    Over the bus the files are sent to the server, up to 100 one by one and more in one archive; on this computer `file`
    is a path. `blend` tells the file that was open: its `name`, and as saved its `bytes` and `sha256`. `region` is the
    part that is rendered: left, top, right, bottom, each from 0 to 1.

    Raises CommandError for what is not there, and with what the rendering Blender said when it failed.
    """
    scene = bpy.context.scene
    size = _size(scene, width, height)
    job = {
        "scene": scene.name,
        "camera": _camera(scene, camera),
        "engine": _engine(engine),
        "width": size[0],
        "height": size[1],
        "samples": samples,
        "frames": _frames(scene, frame, frame_end),
        "transparent": transparent,
        "region": _region(region),
        "format": format,
        "scripts": not bpy.app.autoexec_fail,
    }
    return (yield from _in_turn(control, job, scene.render.engine if engine is None else job["engine"]))


def _in_turn(control: JobControl, job: dict[str, Any], engine: Any) -> Generator[Pause, Any, dict[str, Any]]:
    """Render once nothing else renders; return the result, once its files have been sent."""
    while _rendering:
        control.progress(0.0, f"waits until {_rendering[0]} has rendered")
        yield POLL_SECONDS
    _rendering.append(control.job.job_id)
    frames = None if control.files is None else Frames(control, control.files, len(job["frames"]))
    try:
        try:
            told = yield from _rendered(control, job, frames, engine)
        finally:
            _rendering.remove(control.job.job_id)
        if frames is not None:
            # Others may render meanwhile.
            told |= yield from frames.collect(told["frames"])
    finally:
        if frames is not None:
            frames.end()
    return told


def _rendered(
    control: JobControl, job: dict[str, Any], frames: Frames | None, engine: Any
) -> Generator[Pause, Any, dict[str, Any]]:
    """Render; return the result, with the paths of the files on this disk."""
    started = time.monotonic()
    try:
        folder = new_folder(control.job.job_id)
    except OSError as error:
        raise CommandError(f"render: there is no place for the files: {error}") from None
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise CommandError(f"render: the disk of {folder} is full: {free >> 20} MiB are free")
    with tempfile.TemporaryDirectory(prefix="blender-bus-render-", ignore_cleanup_errors=True) as place:
        job |= {"file": f"{place}/copy.blend", "folder": os.fspath(folder), "preview": f"{place}/preview.png"}
        _write(Path(place), job)
        total = len(job["frames"])
        renderer = Renderer(Path(place) / "job.json", folder)
        try:
            while not renderer.has_ended:
                if frames is not None:
                    frames.take(renderer.done)
                done = len(renderer.done) + renderer.part
                control.progress(round(100.0 * min(1.0, done / total), 1), renderer.words)
                yield POLL_SECONDS
        finally:
            renderer.end()
            if not renderer.done:
                shutil.rmtree(folder, ignore_errors=True)
        if renderer.failure:
            if frames is not None:
                frames.tell_sent()
            count = f" after {len(renderer.done)} frames in {folder}" if renderer.done else ""
            eevee = engine == EEVEE
            hint = "; EEVEE needs graphics: without them engine cycles renders" if eevee else ""
            raise CommandError(f"render: failed{count}: {renderer.failure}{hint}")
        notes = list(renderer.notes)
        result = _shown(Path(job["preview"]), Path(place), notes)
    where = "The files are on the computer that runs Blender" + ("" if frames is None else ", too, at `path`")
    return {
        "frames": [{"frame": row["frame"], "file": row["file"]} for row in renderer.done],
        "width": job["width"],
        "height": job["height"],
        "engine": engine,
        "camera": job["camera"],
        "blend": _open_file(),
        **({"region": job["region"]} if job["region"] else {}),
        "seconds": round(time.monotonic() - started, 2),
        "note": ". ".join([where, *notes]),
        "image": result["image"],
    }


def _open_file() -> dict[str, Any]:
    """Return what tells the open file from another: `name`, and of the saved file `bytes` and, if small, `sha256`."""
    path = Path(bpy.data.filepath)
    told: dict[str, Any] = {"name": path.name}
    try:
        if bpy.data.filepath:
            told["bytes"] = path.stat().st_size
            if told["bytes"] <= MAX_HASHED:
                told["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        told["name"] += " (missing)"
    return told


def _write(place: Path, job: dict[str, Any]) -> None:
    """Write the copy and the job, that only this user may read. Raises CommandError."""
    try:
        bpy.ops.wm.save_as_mainfile(filepath=job["file"], copy=True, relative_remap=True, check_existing=False)
        (place / "job.json").write_text(json.dumps(job), encoding="utf-8")
    except (RuntimeError, OSError) as error:
        raise CommandError(f"render: the copy to render cannot be written to {place}: {error}") from None


def _shown(path: Path, folder: Path, notes: list[str]) -> dict[str, Any]:
    image = bpy.data.images.load(os.fspath(path))
    try:
        width, height = image.size
        factor = PREVIEW_SIDE / max(width, height)
        if factor < 1.0:
            image.scale(max(1, round(width * factor)), max(1, round(height * factor)))
            notes.append(f"The picture here is made smaller, to {image.size[0]} x {image.size[1]}")
        return as_result(image, folder, notes)
    finally:
        bpy.data.images.remove(image)


def _camera(scene: Any, name: str | None) -> str:
    cameras = [item.name for item in scene.objects if item.type == "CAMERA"]
    told = f"the scene has: {', '.join(cameras[:20])}" if cameras else "the scene has no camera; add one first"
    if name is None:
        if scene.camera is None or scene.camera.name not in scene.objects:
            raise CommandError(f"render: the scene has no active camera; name one as camera; {told}")
        return str(scene.camera.name)
    if name not in cameras:
        what = "is no camera" if name in scene.objects else "is not in the scene"
        raise CommandError(f"render: {name[:100]!r} {what}; {told}")
    return name


def _engine(name: str | None) -> str | None:
    if name is None:
        return None
    others = [cls.bl_idname for cls in bpy.types.RenderEngine.__subclasses__() if getattr(cls, "bl_idname", "")]
    known = {*ENGINES.values(), *others}
    chosen = ENGINES.get(name.lower(), name)
    # By its name of another version.
    chosen = EEVEE if chosen in ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT") else chosen
    if chosen not in known:
        words = ", ".join([*ENGINES, *sorted(known - set(ENGINES.values()))])
        raise CommandError(f"render: engine must be one of {words}, got {name!r}")
    return chosen


def _size(scene: Any, width: int | None, height: int | None) -> tuple[int, int]:
    """Return the size of the picture; with only one side given the other keeps the scene's proportions."""
    settings = scene.render
    own = [max(4, round(side * settings.resolution_percentage / 100)) for side in _sides(settings)]
    if width is None and height is None:
        return own[0], own[1]
    wide = width or max(4, round((height or 0) * own[0] / own[1]))
    high = height or max(4, round((width or 0) * own[1] / own[0]))
    if max(wide, high) > 16_384:
        raise CommandError(f"render: the picture would have {wide} x {high} pixels; a side has 16384 at most")
    return wide, high


def _sides(settings: Any) -> tuple[int, int]:
    return settings.resolution_x, settings.resolution_y


def _region(region: list[Any] | None) -> list[float] | None:
    """Return the part of the picture that is rendered, or None for all of it."""
    if region is None:
        return None
    numbers = [float(side) for side in region if isinstance(side, int | float) and not isinstance(side, bool)]
    if len(region) != 4 or len(numbers) != 4 or not all(0.0 <= side <= 1.0 for side in numbers):
        raise CommandError(
            f"render: region must be [left, top, right, bottom], each from 0 to 1, not {str(region)[:90]}"
        )
    left, top, right, bottom = numbers
    if left >= right or top >= bottom:
        raise CommandError(f"render: region must have left before right and top before bottom, got {region}")
    return numbers


def _frames(scene: Any, first: int | None, last: int | None) -> list[int]:
    start = scene.frame_current if first is None else first
    end = start if last is None else last
    if end < start:
        raise CommandError(f"render: frame_end must be at least the first frame, {start}, got {end}")
    if end - start + 1 > MAX_FRAMES:
        raise CommandError(
            f"render: frame_end must be at most {start + MAX_FRAMES - 1}: one call renders {MAX_FRAMES} frames at "
            f"most, got {end - start + 1}"
        )
    return list(range(start, end + 1))
