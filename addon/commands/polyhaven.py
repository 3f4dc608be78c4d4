"""Poly Haven: free HDRIs, textures and models (https://polyhaven.com)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import bpy

from ..fetch import polyhaven
from ..link.queue.control import JobControl
from . import sources
from .allowed.settings import POLYHAVEN, settings
from .background import Steps, download_folder, fetcher, off_main
from .extent import bounds, resize
from .files.models import TargetSize, import_model, noted
from .polyhaven_search import AnyType, Categories, find_assets
from .registry import Bounds, CommandError, Name, command
from .textures import build_material, keep_maps, light_with, load_image, maps_of, material_info

SERVICE = POLYHAVEN.label
AssetType = Literal["hdris", "textures", "models"]
AssetId = Annotated[str, Bounds(1, 200)]
Word = Annotated[str, Bounds(1, 64)]
_IMAGE_FORMATS = {"hdris": ("hdr", "exr"), "textures": ("jpg", "png", "exr"), "models": ("gltf", "fbx", "blend")}


@command("get_polyhaven_status")
def get_polyhaven_status(control: JobControl) -> dict[str, Any]:
    """Tell whether the user has switched Poly Haven on."""
    return POLYHAVEN.status(settings())


@command("get_polyhaven_categories", integration="polyhaven")
def get_polyhaven_categories(control: JobControl, *, asset_type: AnyType) -> Steps[dict[str, Any]]:
    """Return category -> number of assets."""
    source = fetcher(control, SERVICE)
    found = yield from off_main(control, lambda: polyhaven.categories(source, asset_type))
    return {"categories": found}


@command("search_polyhaven_assets", integration="polyhaven")
def search_polyhaven_assets(
    control: JobControl,
    *,
    asset_type: AnyType | None = None,
    categories: Categories | None = None,
    query: Categories | None = None,
) -> Steps[dict[str, Any]]:
    """Return the most downloaded assets by their names; with `query` a list of those that have all its words."""
    if query:
        return (yield from find_assets(control, asset_type=asset_type, categories=categories, query=query))
    source = fetcher(control, SERVICE)
    return (yield from off_main(control, lambda: polyhaven.search(source, asset_type, categories)))


@command("download_polyhaven_asset", integration="polyhaven")
def download_polyhaven_asset(
    control: JobControl,
    *,
    asset_id: AssetId,
    asset_type: AssetType,
    resolution: Word = "1k",
    file_format: Word | None = None,
    target_size: TargetSize | None = None,
) -> Steps[dict[str, Any]]:
    """Download an asset and bring it into the file: a world, a material, or objects, whose longest side is then
    `target_size` metres."""
    known = _IMAGE_FORMATS[asset_type]
    if file_format is not None and file_format not in known:
        told = f"file_format of {asset_type} must be one of {', '.join(known)}"
        raise CommandError(f"download_polyhaven_asset: {told}, got {file_format!r}")
    source = fetcher(control, SERVICE)

    def fetch(folder: Path) -> tuple[dict[str, str], list[polyhaven.RemoteFile], list[Path]]:
        wanted = polyhaven.files(source, asset_id, asset_type, resolution, file_format)
        return polyhaven.source(source, asset_id), wanted, polyhaven.download(source, wanted, folder)

    notes: list[str] = []
    with download_folder() as folder:
        origin, wanted, paths = yield from off_main(control, lambda: fetch(folder))
        if asset_type == "hdris":
            return _take_hdri(control, asset_id, paths[0], origin)
        if asset_type == "textures":
            files = {file.role: path for file, path in zip(wanted, paths, strict=True)}
            return _take_texture(control, asset_id, files, origin)
        created = import_model(control.job.command, paths[0], folder, notes)
    if target_size is not None:
        resize(created, target_size)
    return {
        "success": True,
        "message": f"Imported the model {asset_id} from Poly Haven",
        "imported_objects": [item.name for item in created],
        **bounds(created),
        **sources.keep(origin, created),
        **noted(notes),
    }


def _take_hdri(control: JobControl, asset_id: str, path: Path, origin: dict[str, str]) -> dict[str, Any]:
    image = load_image(control.job.command, path, f"{asset_id}{path.suffix}")
    light_with(image)
    told = {"success": True, "message": f"{asset_id} lights the scene now", "image_name": image.name}
    return {**told, **sources.keep(origin, (image, bpy.context.scene.world))}


def _take_texture(control: JobControl, asset_id: str, files: dict[str, Path], origin: dict[str, str]) -> dict[str, Any]:
    images = keep_maps(control.job.command, asset_id, files)
    material = build_material(asset_id, images)
    material.use_fake_user = True
    return {
        "success": True,
        "message": f"{asset_id} is ready as a material; set_texture puts it on an object",
        "material": material.name,
        "maps": list(images),
        **sources.keep(origin, (material, *images.values())),
    }


@command("set_texture", integration="polyhaven")
def set_texture(control: JobControl, *, object_name: Name, texture_id: AssetId) -> dict[str, Any]:
    """Put a downloaded texture on an object, in place of its materials."""
    item = bpy.data.objects.get(object_name)
    if item is None:
        raise CommandError(f"set_texture: Object not found: {object_name}")
    materials = getattr(item.data, "materials", None)
    if materials is None:
        raise CommandError(f"set_texture: {object_name} is a {item.type.lower()}, which has no materials")
    images = maps_of(texture_id)
    if not images:
        raise CommandError(f"set_texture: no maps of {texture_id!r} in this file; download_polyhaven_asset gets them")
    if item.library is not None or item.data.library is not None:
        raise CommandError(f"set_texture: {object_name} is linked from another file and cannot be changed")
    material = build_material(texture_id, images)
    materials.clear()
    materials.append(material)
    message = f"{texture_id} is on {object_name}"
    if item.type == "MESH" and not item.data.uv_layers:
        message += "; the mesh has no UV map, so the texture has no place to go until it is unwrapped"
    return {
        "success": True,
        "message": message,
        "material": material.name,
        "maps": list(images),
        "material_info": material_info(material),
    }
