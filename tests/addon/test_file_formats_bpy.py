"""Export and import on real Blender: every format there and back, with the options of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from carrying import Disk, arrivals, bring, corners, export, run, scene, state

pytestmark = pytest.mark.bpy


# Those that keep materials with their pictures.
WHOLE = {"glb", "gltf", "obj", "fbx", "usdz", "usd", "blend"}
WITH_MATERIALS = WHOLE | {"usda", "usdc"}


@pytest.mark.parametrize(
    "format", ["glb", "gltf", "obj", "fbx", "stl", "ply", "usd", "usda", "usdc", "usdz", "abc", "blend"]
)
def test_every_format_there_and_back_has_the_same_vertices_and_materials(bpy: Any, disk: Disk, format: str) -> None:
    scene(bpy)
    expected = corners(bpy, ["Cube", "Cone"])
    bpy.data.objects["Cone"].select_set(False)
    bpy.context.scene.frame_set(7)
    before = state(bpy)
    path, name, document = export(disk, format=format, names=["Cube", "Cone"])
    assert state(bpy) == before
    assert document["objects"] == 2
    bpy.ops.wm.read_factory_settings()
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.data.materials.remove(bpy.data.materials["Material"])
    before, kept = state(bpy)[:3], arrivals(bpy)
    outcome = bring(disk, path, name)
    told = outcome.document
    assert state(bpy)[:3] == before
    assert corners(bpy, told["objects"]) == expected
    if format in WITH_MATERIALS:
        assert set(told["materials"]) == {"Wood", "Stone"}
    if format in WHOLE:
        images = [image for image in bpy.data.images if image.name in told["images"]]
        assert len(images) == 1, told
        image = images[0]
        assert image.packed_file is not None or image.packed_files
        assert tuple(image.size) == (8, 8)
        assert [round(value, 2) for value in image.pixels[:3]] == pytest.approx([0.25, 0.5, 0.75], abs=0.01)
    if format != "abc":
        assert arrivals(bpy) == kept


def test_all_of_the_file_as_blend_and_the_open_one_stays_as_it_was(bpy: Any, disk: Disk) -> None:
    scene(bpy)
    wood = bpy.data.images["wood"]
    assert wood.packed_file is None
    path, name, _ = export(disk, format="blend")
    assert wood.packed_file is None and Path(wood.filepath).is_file()
    assert name == "Scene.blend"
    bpy.ops.wm.read_factory_settings()
    told = bring(disk, path, name).document
    assert {"Cone", "Cube.001", "Light.001", "Camera.001"} <= set(told["objects"])
    assert bpy.data.images["wood"].packed_file is not None
    assert not bpy.data.libraries


def test_a_drawing_as_svg_and_words_where_there_is_none(bpy: Any, disk: Disk) -> None:
    outcome = run(disk, "export_file", format="svg")
    assert outcome.status == "failed"
    assert "Grease Pencil" in outcome.error and "blender_render" in outcome.error


def test_curves_come_from_an_svg(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0 L9 0 L9 9 Z"/></svg>')
    told = bring(disk, path, "plan.svg").document
    assert [bpy.data.objects[name].type for name in told["objects"]] == ["CURVE"]


def test_edit_mode_of_a_person_is_given_back_and_what_is_edited_goes_along(bpy: Any, disk: Disk) -> None:
    cube = bpy.data.objects["Cube"]
    bpy.context.view_layer.objects.active = cube
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide()
    path, name, _ = export(disk, format="stl", names=["Cube"])
    assert cube.mode == "EDIT"
    told = bring(disk, path, name).document
    assert cube.mode == "EDIT"
    assert told["objects"] == ["Cube.001"]
    assert len(bpy.data.objects["Cube.001"].data.vertices) == 26


def test_the_selection_alone_and_what_is_wrong_with_names(bpy: Any, disk: Disk) -> None:
    scene(bpy)
    bpy.ops.object.select_all(action="DESELECT")
    assert "nothing is selected" in run(disk, "export_file", format="glb", selected_only=True).error
    bpy.data.objects["Cone"].select_set(True)
    path, name, document = export(disk, format="glb", selected_only=True)
    assert (name, document["objects"]) == ("Cone.glb", 1)
    assert "did you mean 'Cone'" in run(disk, "export_file", format="glb", names=["Cones"]).error
    assert "not both" in run(disk, "export_file", format="glb", names=["Cone"], selected_only=True).error
    bpy.data.objects["Cone"].hide_set(True)
    assert "hidden" in run(disk, "export_file", format="glb", names=["Cone"]).error
    assert "names of objects" in run(disk, "export_file", format="glb", names=[3]).error
    assert "one of glb" in run(disk, "export_file", format="dae").error


@pytest.mark.parametrize(
    ("format", "options", "told"),
    [
        ("glb", {"export_aply": True}, "did you mean export_apply"),
        ("glb", {"export_apply": "yes"}, "options.export_apply must be true or false"),
        ("glb", {"filepath": "/tmp/x.glb"}, "options.filepath is not set here: the file goes to the server"),
        ("gltf", {"export_texture_dir": "../../x"}, "is a path on Blender's disk"),
        ("glb", {"export_format": "GLTF_SEPARATE"}, "options.export_format is not set here"),
        ("glb", {"use_selection": True}, "options.use_selection is not set here: objects are chosen with names"),
        ("glb", {"will_save_settings": True}, "options.will_save_settings is unknown"),
        ("glb", {"export_image_format": "GIF"}, "options.export_image_format must be one of AUTO"),
        ("obj", {"global_scale": 0}, "options.global_scale must be a number of"),
        ("obj", {"global_scale": True}, "options.global_scale must be a number of"),
        ("fbx", {"object_types": ["MESH", "GHOST"]}, "options.object_types must be one of"),
        ("fbx", {"object_types": "MESH"}, "options.object_types must be a list of"),
        ("stl", {"nothing_like_it_at_all": 1}, "it takes: apply_modifiers, ascii_format"),
        ("blend", {"compression": 1}, "compress (true or false)"),
    ],
)
def test_options_are_held_against_the_exporter(
    bpy: Any, disk: Disk, format: str, options: dict[str, Any], told: str
) -> None:
    outcome = run(disk, "export_file", format=format, options=options)
    assert outcome.status == "failed" and told in outcome.error, outcome.error
    assert not disk.sent


def test_options_reach_the_exporter_and_the_importer(bpy: Any, disk: Disk) -> None:
    path, name, _ = export(disk, format="stl", names=["Cube"], options={"ascii_format": True, "global_scale": 2.0})
    assert path.read_bytes().startswith(b"solid")
    told = bring(disk, path, name, options={"global_scale": 0.25}).document
    assert told["dimensions"] == [1, 1, 1]
    told = bring(disk, path, name, options={"global_scal": 0.25})
    assert "did you mean global_scale" in told.error
    fbx, name, _ = export(disk, format="fbx", options={"object_types": ["EMPTY", "MESH"]})
    assert bring(disk, fbx, name).document["objects"] == ["Cube.002", "Cube.003"]


def test_every_exporter_of_this_blender_takes_a_selection_and_what_is_given_it(bpy: Any) -> None:
    """What an operator does not know is left out when it is called: a selection must not be among that."""
    from addon.commands.files.exporting import WAYS
    from addon.commands.files.options import find_operator

    for format, way in WAYS.items():
        operator = find_operator(way.operators)
        assert operator is not None, format
        assert {way.selection, "filepath", *way.given} <= operator.properties.keys(), format


def test_an_exporter_without_a_selection_is_not_asked_for_one(
    bpy: Any, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from addon.commands.files import exporting

    way = replace(exporting.WAYS["stl"], selection="only_some")
    monkeypatch.setitem(exporting.WAYS, "stl", way)
    outcome = run(disk, "export_file", format="stl", names=["Cube"])
    assert outcome.status == "failed" and "exports all objects only" in outcome.error
