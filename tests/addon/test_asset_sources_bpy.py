"""What is told and kept of an asset's origin, its picture, its size, and the search by words, on real Blender."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.services import Served, ServiceDouble
from running import run

from addon.fetch import http, polyhaven, rodin, sketchfab

pytestmark = pytest.mark.bpy

ALL = frozenset({"polyhaven", "hyper3d", "sketchfab"})
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def allow(**chosen: Any) -> None:
    from addon.commands.allowed import settings

    keys = {"hyper3d_key": "rodin-key", "sketchfab_key": "sketch-key"}
    made = settings.Settings(**{"integrations": ALL, **keys, **chosen})
    settings.provide(lambda: made)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceDouble]:
    with ServiceDouble() as double:
        monkeypatch.setattr(http, "allow_plain_http", True)
        monkeypatch.setattr(polyhaven, "API", double.url)
        monkeypatch.setattr(rodin, "MAIN_API", f"{double.url}/api/v2")
        monkeypatch.setattr(sketchfab, "API", f"{double.url}/v3")
        allow()
        yield double
    allow(integrations=frozenset())


def sketchfab_car(bpy: Any, service: ServiceDouble, folder: Path) -> None:
    bpy.ops.export_scene.gltf(filepath=str(folder / "scene.gltf"), export_format="GLTF_SEPARATE")
    with zipfile.ZipFile(folder / "m.zip", "w") as target:
        for path in folder.glob("scene.*"):
            target.write(path, path.name)
    service.answers["/m.zip"] = Served((folder / "m.zip").read_bytes())
    service.document("/v3/models/u1/download", {"gltf": {"url": f"{service.url}/m.zip"}})
    bpy.ops.wm.read_factory_settings(use_empty=True)


def test_author_and_licence_of_a_sketchfab_model_stay_in_the_file(
    bpy: Any, service: ServiceDouble, tmp_path: Path
) -> None:
    sketchfab_car(bpy, service, tmp_path)
    licence = {"label": "CC Attribution", "requirements": "Author must be credited.", "url": "http://cc/by/4.0/"}
    about = {"name": "Car", "viewerUrl": "https://sketchfab.com/3d-models/car-u1", "license": licence}
    service.document("/v3/models/u1", {**about, "user": {"displayName": "Ann", "username": "ann1"}})
    told = run("download_sketchfab_model", uid="u1").document
    assert told["source"] == {
        "service": "Sketchfab",
        "url": "https://sketchfab.com/3d-models/car-u1",
        "title": "Car",
        "author": "Ann",
        "licence": "CC Attribution; Author must be credited.; http://cc/by/4.0/",
    }
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "kept.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "kept.blend"))
    for name in told["imported_objects"]:
        assert dict(bpy.data.objects[name]["asset_source"]) == told["source"]


def test_a_model_whose_licence_is_not_told_comes_all_the_same(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    sketchfab_car(bpy, service, tmp_path)
    told = run("download_sketchfab_model", uid="u1").document
    assert told["source"]["licence"] == "not told; see the address"
    assert told["source"]["url"] == "https://sketchfab.com/models/u1"


def test_poly_haven_names_its_authors_and_a_size_is_kept_to(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rock.blend"), copy=True)
    main = service.file("/dl/rock.blend", (tmp_path / "rock.blend").read_bytes())
    service.document("/files/rock", {"blend": {"1k": {"blend": main}}})
    service.document("/info/rock", {"name": "Rock", "authors": {"Zoe": "All", "Ann": "Scan"}})
    bpy.ops.wm.read_factory_settings(use_empty=True)
    asked = {"asset_id": "rock", "asset_type": "models", "file_format": "blend", "target_size": 3.5}
    told = run("download_polyhaven_asset", **asked).document
    assert max(told["dimensions"]) == pytest.approx(3.5)
    assert told["source"] == {
        "service": "Poly Haven",
        "url": "https://polyhaven.com/a/rock",
        "author": "Ann, Zoe",
        "licence": "CC0",
    }
    assert bpy.data.objects["Cube"]["asset_source"]["licence"] == "CC0"


def test_a_rodin_model_gets_the_size_asked_for_and_keeps_its_job(
    bpy: Any, service: ServiceDouble, tmp_path: Path
) -> None:
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "m.glb"), export_format="GLB")
    service.answers["/m.glb"] = Served((tmp_path / "m.glb").read_bytes())
    service.document("/api/v2/download", {"list": [{"name": "m.glb", "url": f"{service.url}/m.glb"}]})
    service.document("/api/v2/rodin", {"uuid": "t", "jobs": {"subscription_key": "s"}})
    run("create_rodin_job", text_prompt="a dog")
    assert b'name="tier"\r\n\r\nGen-2' in service.asked[0].body
    run("create_rodin_job", text_prompt="a dog", tier="Sketch")
    assert b'name="tier"\r\n\r\nSketch' in service.asked[1].body
    assert "tier must be one of Gen-2" in run("create_rodin_job", text_prompt="a dog", tier="Gen-9").error
    bpy.ops.wm.read_factory_settings(use_empty=True)
    told = run("import_generated_asset", name="Dog", task_uuid="t", target_size=0.25).document
    assert max(told["dimensions"]) == pytest.approx(0.25)
    assert told["source"] == {"service": "Hyper3D Rodin", "job": "t"}


def test_search_by_words_lists_what_has_them_all(bpy: Any, service: ServiceDouble) -> None:
    about = {"type": 2, "categories": ["Furniture"], "download_count": 3}
    found = {"a1": {"name": "Old Couch", "tags": ["red"], **about}, "a2": {"name": "Lamp", "tags": ["red"], **about}}
    service.document("/assets", found)
    listed = run("search_polyhaven_assets", asset_type="models", query="red couch").document
    assert [item["id"] for item in listed["assets"]] == ["a1"]
    assert listed["assets"][0]["url"] == "https://polyhaven.com/a/a1"


def test_a_thumbnail_comes_as_an_image(bpy: Any, service: ServiceDouble) -> None:
    thumbnail = service.file("/t.png", PICTURE)["url"]
    service.document("/info/rock", {"name": "Rock", "thumbnail_url": thumbnail, "authors": {"Ann": "All"}})
    told = run("get_asset_preview", service="polyhaven", asset_id="rock").document
    assert told["image"] == {"mime_type": "image/png", "data": base64.b64encode(PICTURE).decode()}
    assert (told["name"], told["authors"]) == ("Rock", ["Ann"])
    images = {"images": [{"url": thumbnail, "width": 640}]}
    service.document("/v3/models/u1", {"name": "Car", "thumbnails": images, "user": {"username": "ann"}})
    assert run("get_asset_preview", service="sketchfab", asset_id="u1").document["author"] == "ann"
    service.answers["/t.png"] = Served(b"<html>")
    assert "sent no picture" in run("get_asset_preview", service="polyhaven", asset_id="rock").error
    assert "service must be one of polyhaven, sketchfab" in run("get_asset_preview", service="x", asset_id="y").error
    allow(integrations=frozenset({"polyhaven"}))
    assert "Sketchfab is switched off" in run("get_asset_preview", service="sketchfab", asset_id="u1").error
