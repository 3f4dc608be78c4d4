"""What published local servers ask beyond the commands of the bus: previews, looking things up, picking, exporting."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from harness.services import Served, ServiceDouble
from running import run_locally
from test_assets_bpy import allow, picture, service  # noqa: F401 - a fixture

pytestmark = pytest.mark.bpy


def test_previews_come_as_pictures(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:  # noqa: F811
    image = picture(bpy, tmp_path, "thumb.png")
    service.answers["/thumb"] = Served(image)
    sizes = [{"url": f"{service.url}/large", "width": 4096}, {"url": f"{service.url}/thumb", "width": 720}]
    about = {"name": "Car", "user": {"username": "ada"}, "thumbnails": {"images": sizes}}
    service.document("/v3/models/u1", about)
    got = run_locally("get_sketchfab_model_preview", uid="u1").document
    assert (got["format"], got["model_name"], got["author"]) == ("png", "Car", "ada")
    assert base64.b64decode(got["image_data"]) == image
    service.document("/v3/models/u1", {"name": "Car"})
    assert "has no picture of u1" in run_locally("get_sketchfab_model_preview", uid="u1").error
    service.document(
        "/info/sofa", {"name": "Sofa", "authors": {"B": 1, "A": 1}, "thumbnail_url": f"{service.url}/thumb"}
    )
    got = run_locally("get_polyhaven_asset_preview", asset_id="sofa").document
    assert (got["name"], got["authors"], base64.b64decode(got["image_data"])) == ("Sofa", ["A", "B"], image)
    service.answers["/thumb"] = Served(b"<html>")
    assert "sent no picture" in run_locally("get_polyhaven_asset_preview", asset_id="sofa").error
    allow(integrations=frozenset())
    assert "is switched off" in run_locally("get_polyhaven_asset_preview", asset_id="sofa").error


def test_a_node_is_described_and_leaves_nothing_behind(bpy: Any) -> None:
    before = len(bpy.data.node_groups)
    mix = run_locally("describe_node_type", bl_idname="ShaderNodeMix", property_overrides={"data_type": "RGBA", "x": 1})
    assert {item["name"]: item["value"] for item in mix.document["properties"]}["data_type"] == "RGBA"
    assert [socket["name"] for socket in mix.document["inputs"] if socket["enabled"]] == ["Factor", "A", "B"]
    assert list(mix.document["refused_overrides"]) == ["x"]
    script = run_locally("describe_node_type", bl_idname="ShaderNodeScript", property_overrides={"filepath": "/x.osl"})
    assert list(script.document["refused_overrides"]) == ["filepath"]
    geometry = run_locally("describe_node_type", bl_idname="GeometryNodeMeshCube").document
    assert geometry["inputs"][0]["default"] == [1.0, 1.0, 1.0]
    unknown = run_locally("describe_node_type", bl_idname="ShaderNodeMixx").document
    assert "ShaderNodeMix" in unknown["did_you_mean"]
    assert len(bpy.data.node_groups) == before


@pytest.mark.parametrize(
    ("query", "kind", "known"),
    [
        ("bpy.types.Object", "type", {"name": "Object"}),
        ("Object.ray_cast", "function", {"name": "ray_cast"}),
        ("RenderSettings.fps", "property", {"min": 1}),
        ("bpy.ops.mesh.primitive_cube_add", "operator", {"label": "Add Cube"}),
    ],
)
def test_the_api_is_looked_up(bpy: Any, query: str, kind: str, known: dict[str, Any]) -> None:
    found = run_locally("bpy_api_lookup", query=query).document
    assert found["kind"] == kind and found.items() >= known.items()


def test_a_name_that_is_not_there_brings_similar_ones(bpy: Any) -> None:
    for query, meant in (("Objekt", "Object"), ("Object.ray_cst", "ray_cast"), ("bpy.ops.mesh.cube_add", "cube_add")):
        found = run_locally("bpy_api_lookup", query=query).document
        assert any(meant in name for name in found["did_you_mean"]), found


def test_the_object_under_a_point_is_found(bpy: Any) -> None:
    scene = bpy.context.scene
    camera = scene.camera
    depsgraph = bpy.context.evaluated_depsgraph_get()
    seen = camera.calc_matrix_camera(depsgraph, x=640, y=480)
    view = [list(row) for row in camera.matrix_world.inverted()]
    asked = {"view_matrix": view, "window_matrix": [list(row) for row in seen], "width": 640, "height": 480}
    assert run_locally("pick_viewport_object", **asked, x=0.5, y=0.5).document["object"]["name"] == "Cube"
    assert run_locally("pick_viewport_object", **asked, x=0.01, y=0.01).document == {"object": None}
    other = run_locally("pick_viewport_object", **asked, x=0.5, y=0.5, scene="Other").document
    assert (other["mismatch"], other["current"]) == ("scene", scene.name)
    flat = {**asked, "view_matrix": [[0.0] * 4] * 4}
    assert "no view of a picture" in run_locally("pick_viewport_object", **flat, x=0.5, y=0.5).error


def test_exporting_writes_what_is_asked_and_keeps_the_selection(bpy: Any, tmp_path: Path) -> None:
    path = tmp_path / "new" / "cube.fbx"
    got = run_locally("export_scene", filepath=str(path), format="fbx", object_names=["Cube"]).document
    assert (got["objects"], got["bytes"]) == (["Cube"], path.stat().st_size)
    assert [item.name for item in bpy.context.view_layer.objects if item.select_get()] == ["Cube"]
    bpy.ops.object.mode_set(mode="EDIT")
    for kind in ("glb", "fbx"):
        assert "path" in run_locally("export_scene", filepath=str(tmp_path / f"edited.{kind}"), format=kind).document
        active = bpy.context.view_layer.objects.active
        assert (active.name, active.mode, [item.name for item in bpy.context.selected_objects]) == (
            "Cube",
            "EDIT",
            ["Cube"],
        )
    bpy.ops.object.mode_set(mode="OBJECT")
    missing = run_locally("export_scene", filepath=str(path), object_names=["Nothing"]).document
    assert missing["error"].endswith("Nothing")
    assert "must be absolute" in run_locally("export_scene", filepath="cube.glb").error
    from addon.commands.allowed.policy import Effect
    from addon.commands.field import export_effect

    (tmp_path / "hero.glb").touch()
    (tmp_path / "hero.txt.glb").touch()
    for name in ("hero.glb", "hero", "hero.txt"):  # the exporter adds the ending
        assert export_effect({"filepath": str(tmp_path / name)}) is Effect.DANGER, name
    assert export_effect({"filepath": str(tmp_path / "hero"), "format": "fbx"}) is not Effect.DANGER
    allow(policy="read-only")
    assert "refused" in run_locally("export_scene", filepath=str(tmp_path / "x.glb")).error
    allow(integrations=frozenset())


def test_a_long_name_is_cut_where_blender_cuts_it_and_told(bpy: Any) -> None:
    from addon.commands.files.models import describe, single_object

    wanted = "\u6905" * 85
    told = describe(single_object([bpy.data.objects["Cube"]], wanted))
    limit = 255 if bpy.app.version >= (5, 0) else 63
    assert told["name"] == wanted.encode()[:limit].decode()
