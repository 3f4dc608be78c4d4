"""Pictures and exports that servers which frame by lines ask for, and undo."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Annotated, Any

import bpy

from ...link.queue.control import JobControl
from ...link.queue.main_thread import Pause
from ..allowed.policy import Effect, EffectOf, change_effect
from ..compat import operator_context
from ..registry import Bounds, CommandError, Name, commands

FORMATS = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg", ".exr": "exr"}
GLTF, OBJ, FBX = (".glb", ".gltf"), (".obj",), (".fbx",)
Side = Annotated[int, Bounds(4, 16_384)]
Frame = Annotated[int, Bounds(-1_048_574, 1_048_574)]
Work = Generator[Pause, Any, dict[str, Any]]


def writing(*endings: str) -> EffectOf:
    """Return the effect of a command that writes one file: a new one adds, one that exists is replaced.

    The first of `endings` is added where none of them is there.
    """

    def effect(params: dict[str, Any]) -> Effect:
        path = _ended(_place(str(params.get("filepath") or params.get("output_path"))), endings)
        return Effect.DANGER if path.exists() or path.is_symlink() else change_effect(params)

    return effect


def animation_effect(params: dict[str, Any]) -> Effect:
    """Of render.animation: of its many files any may exist."""
    pattern = _place(str(params.get("output_path")))
    stem = re.sub(r"#+.*", "", pattern.name)
    taken = pattern.parent.is_dir() and any(one.name.startswith(stem) for one in pattern.parent.iterdir())
    return Effect.DANGER if taken else change_effect(params)


def _place(filepath: str) -> Path:
    return Path(bpy.path.abspath(filepath)).expanduser()


def _ended(path: Path, endings: Iterable[str]) -> Path:
    known = tuple(endings)
    return path if path.suffix.lower() in known else path.with_name(path.name + known[0])


def render_still(
    control: JobControl,
    *,
    output_path: Name = "//render.png",
    resolution_x: Side | None = None,
    resolution_y: Side | None = None,
    engine: Name | None = None,
) -> Work:
    """Render the current frame in a second Blender into a file; the scene's own settings stay as they are.

    Where the path is relative and the file has no folder yet, the picture stays where renders are kept.
    """
    path = _ended(_place(output_path), FORMATS)
    sizes = _sizes(resolution_x, resolution_y)
    made = yield from commands()["render"].handler(control, engine=engine, **sizes, format=_format(path))
    [row] = made["frames"]
    kept = _moved(Path(row["file"]), path)
    return {
        "output_path": str(kept),
        "engine": made["engine"],
        "resolution": [made["width"], made["height"]],
    }


def render_animation(
    control: JobControl,
    *,
    output_path: Name = "//render_",
    frame_start: Frame | None = None,
    frame_end: Frame | None = None,
    engine: Name | None = None,
) -> Work:
    """Render a range of frames in a second Blender: `output_path` with the number of the frame, as Blender does."""
    scene = bpy.context.scene
    first = scene.frame_start if frame_start is None else frame_start
    last = scene.frame_end if frame_end is None else frame_end
    pattern = _place(output_path)
    ending = pattern.suffix.lower() if pattern.suffix.lower() in FORMATS else ""
    format = _format(pattern) if ending else "png"
    stem = pattern.name[: len(pattern.name) - len(ending)]
    made = yield from commands()["render"].handler(control, engine=engine, frame=first, frame_end=last, format=format)
    files = []
    for row in made["frames"]:
        name = _numbered(stem, row["frame"]) + (ending or ".png")
        files.append(str(_moved(Path(row["file"]), pattern.with_name(name))))
    shown = str(pattern) if pattern.is_absolute() else str(Path(files[0]).parent)
    return {"output_path": shown, "frame_range": [first, last], "engine": made["engine"], "files": files}


def _sizes(width: int | None, height: int | None) -> dict[str, int | None]:
    """Return both sides: a side that is not given is the scene's own, as in the scene."""
    if width is None and height is None:
        return {}
    own = bpy.context.scene.render
    return {"width": width or own.resolution_x, "height": height or own.resolution_y}


def _format(path: Path) -> Any:
    return FORMATS[path.suffix.lower()]


def _numbered(stem: str, frame: int) -> str:
    marks = re.search(r"#+", stem)
    if marks is None:
        return f"{stem}{frame:04d}"
    return f"{stem[: marks.start()]}{frame:0{len(marks[0])}d}{stem[marks.end() :]}"


def _moved(made: Path, target: Path) -> Path:
    if not target.is_absolute():
        return made
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, target)
    except OSError as error:
        raise CommandError(f"The picture is in {made}; it could not be moved to {target}: {error}") from None
    return target


def export_gltf(control: JobControl, *, filepath: Name) -> dict[str, Any]:
    """Write the scene as .glb, or as .gltf with its files beside it."""
    path = _target(control, filepath, *GLTF)
    kind = "GLTF_SEPARATE" if path.suffix.lower() == ".gltf" else "GLB"
    _export(control, bpy.ops.export_scene.gltf, filepath=str(path), export_format=kind)
    return {"filepath": str(path), "format": "glTF"}


def export_obj(control: JobControl, *, filepath: Name) -> dict[str, Any]:
    """Write the scene as .obj with its .mtl."""
    path = _target(control, filepath, *OBJ)
    _export(control, bpy.ops.wm.obj_export, filepath=str(path))
    return {"filepath": str(path), "format": "OBJ"}


def export_fbx(control: JobControl, *, filepath: Name) -> dict[str, Any]:
    """Write the scene as .fbx."""
    path = _target(control, filepath, *FBX)
    _export(control, bpy.ops.export_scene.fbx, filepath=str(path))
    return {"filepath": str(path), "format": "FBX"}


def _target(control: JobControl, filepath: str, *endings: str) -> Path:
    path = _ended(_place(filepath), endings)
    if not path.is_absolute():
        raise CommandError(
            f"{control.job.command}: filepath must be absolute, or begin with // where the file is saved, "
            f"got {filepath[:200]!r}"
        )
    return path


def _export(control: JobControl, operator: Any, **options: Any) -> None:
    path = Path(options["filepath"])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with operator_context():
            operator(**options)
    except (RuntimeError, OSError, AttributeError) as error:
        raise CommandError(f"{control.job.command}: {error}") from None
    if not path.is_file():
        raise CommandError(f"{control.job.command}: nothing was written to {path}")


def undo(control: JobControl) -> dict[str, Any]:
    """Take the last step back."""
    return _step(control, bpy.ops.ed.undo, "undo")


def redo(control: JobControl) -> dict[str, Any]:
    """Do the step again that was taken back."""
    return _step(control, bpy.ops.ed.redo, "redo")


def _step(control: JobControl, operator: Any, word: str) -> dict[str, Any]:
    if bpy.app.background:
        raise CommandError(f"{control.job.command}: a Blender without a window keeps no steps to {word}")
    try:
        with operator_context():
            done = operator()
    except RuntimeError as error:
        raise CommandError(f"{control.job.command}: {error}") from None
    if "FINISHED" not in done:
        raise CommandError(f"{control.job.command}: there is nothing to {word}")
    return {"action": word}
