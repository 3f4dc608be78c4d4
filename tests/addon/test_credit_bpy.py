"""What was imported says who made it, under which licence: on the data, which goes with the file, and in the answer."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from harness.services import Served, ServiceDouble
from running import run
from test_assets_bpy import picture
from test_assets_bpy import service as service  # a fixture

pytestmark = pytest.mark.bpy

INFO = {"name": "Old Chair", "authors": {"Zoe": "All", "Ann": "Photos"}}
HAVEN = {"title": "Old Chair", "author": "Ann, Zoe", "license": "CC0", "source": "https://polyhaven.com/a/old"}
MODEL = {
    "name": "Cube",
    "user": {"username": "zoe", "displayName": "Zoe Z."},
    "license": {"label": "CC Attribution"},
    "viewerUrl": "https://sketchfab.com/3d-models/cube-u1",
}
SKETCHFAB = {"title": "Cube", "author": "Zoe Z.", "license": "CC Attribution", "source": MODEL["viewerUrl"]}


def written(item: Any) -> dict[str, str]:
    return {name.removeprefix("credit_"): value for name, value in item.items() if name.startswith("credit_")}


def sketchfab_model(bpy: Any, service: ServiceDouble, folder: Path) -> None:
    bpy.ops.export_scene.gltf(filepath=str(folder / "scene.gltf"), export_format="GLTF_SEPARATE")
    with zipfile.ZipFile(folder / "m.zip", "w") as target:
        for path in folder.glob("scene.*"):
            target.write(path, path.name)
    service.answers["/m.zip"] = Served((folder / "m.zip").read_bytes())
    service.document("/v3/models/u1/download", {"gltf": {"url": f"{service.url}/m.zip"}})
    bpy.ops.wm.read_factory_settings(use_empty=True)


def test_a_model_of_sketchfab_bears_its_author_and_licence(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    sketchfab_model(bpy, service, tmp_path)
    service.document("/v3/models/u1", MODEL)
    got = run("download_sketchfab_model", uid="u1").document
    assert got["credit"] == SKETCHFAB
    assert written(bpy.data.objects["Cube"]) == SKETCHFAB


def test_a_model_is_imported_though_nobody_tells_who_made_it(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    sketchfab_model(bpy, service, tmp_path)
    service.document("/v3/models/u1", {"detail": "no"}, 500)
    got = run("download_sketchfab_model", uid="u1").document
    assert got["credit"] == written(bpy.data.objects["Cube"]) == {"source": "https://sketchfab.com/3d-models/u1"}


def test_a_texture_and_a_sky_of_poly_haven_bear_their_authors(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    service.document("/info/old", INFO)
    diffuse = service.file("/dl/old_diff.jpg", picture(bpy, tmp_path, "old_diff.jpg", "JPEG"))
    sky = service.file("/dl/old.exr", picture(bpy, tmp_path, "old.exr", "OPEN_EXR"))
    service.document("/files/old", {"Diffuse": {"1k": {"jpg": diffuse}}, "hdri": {"1k": {"exr": sky}}})
    texture = run("download_polyhaven_asset", asset_id="old", asset_type="textures").document
    assert texture["credit"] == written(bpy.data.materials["old"]) == written(bpy.data.images["old_diffuse"]) == HAVEN
    before = bpy.context.scene.world
    light = run("download_polyhaven_asset", asset_id="old", asset_type="hdris", file_format="exr").document
    assert light["credit"] == written(bpy.context.scene.world) == HAVEN
    assert bpy.context.scene.world != before and before is not None and written(before) == {}
