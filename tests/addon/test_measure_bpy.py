"""measure on real Blender: known forms in known places, faults made on purpose, broken scenes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy

Make = Callable[..., Any]


@pytest.fixture
def box(bpy: Any) -> Make:
    """Makes boxes by name, middle and size, in a scene without other objects."""
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)

    def make(name: str, middle: tuple[float, ...], size: tuple[float, ...] = (1, 1, 1)) -> Any:
        low, high = ([m + side * s / 2 for m, s in zip(middle, size, strict=True)] for side in (-1, 1))
        points = [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
        faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata(points, [], faces)
        item = bpy.data.objects.new(name, mesh)
        bpy.context.scene.collection.objects.link(item)
        return item

    return make


def measured(*names: str, checks: list[str]) -> dict[str, Any]:
    document: dict[str, Any] = run("measure", names=list(names), checks=checks).document
    return document


def pair(first: str, second: str) -> dict[str, Any]:
    [row] = measured(first, second, checks=["distance", "overlap"])["pairs"]
    assert isinstance(row, dict)
    return row


def test_size_is_in_metres_and_includes_modifiers_and_parents(bpy: Any, box: Make) -> None:
    item = box("a", (0, 0, 0), (1, 2, 3))
    item.modifiers.new("twice", "ARRAY")
    parent = bpy.data.objects.new("parent", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.scale, item.parent = (2, 2, 2), parent
    bpy.context.scene.unit_settings.scale_length = 0.01
    size = measured("a", checks=["size"])["objects"]["a"]["size"]
    assert size["dimensions"] == pytest.approx([0.04, 0.04, 0.06])
    assert size["low"] == pytest.approx([-0.01, -0.02, -0.03])
    assert size["faces_shown"] == 12


@pytest.mark.parametrize(
    ("middle", "size", "relation", "distance"),
    [
        ((3, 0, 0), (1, 1, 1), "apart", 2.0),
        ((2, 2, 0), (1, 1, 1), "apart", 2**0.5),
        ((1, 0, 0), (1, 1, 1), "touching", 0.0),
        ((0, 0, 1), (3, 3, 1), "touching", 0.0),
        ((0.5, 0, 0), (1, 1, 1), "overlapping", 0.0),
        ((0.3, 0.2, 0.1), (1, 1, 1), "overlapping", 0.0),
        ((0.05, 0, 0), (0.2, 0.2, 0.2), "inside", 0.0),
        # A bar across: no corner of either is near the other.
        ((0, 0, 0.8), (9, 0.2, 0.2), "apart", 0.2),
    ],
)
def test_how_two_objects_stand(
    box: Make, middle: tuple[float, ...], size: tuple[float, ...], relation: str, distance: float
) -> None:
    box("a", (0, 0, 0))
    box("b", middle, size)
    row = pair("a", "b")
    assert row["relation"] == relation, row
    assert row["distance"] == pytest.approx(distance, abs=1e-4)
    if relation == "inside":
        assert (row["inside"], row["around"]) == ("b", "a")


def test_crossed_edges_are_measured_where_they_come_nearest(bpy: Any, box: Make) -> None:
    lower, upper = box("a", (0, 0, 0), (4, 0.2, 0.2)), box("b", (0, 0, 0), (4, 0.2, 0.2))
    lower.rotation_euler = (0.7853981634, 0, 0)
    upper.rotation_euler, upper.location = (0.7853981634, 0, 1.5707963268), (0, 0, 1)
    assert pair("a", "b")["distance"] == pytest.approx(1 - 0.2 * 2**0.5, abs=0.01)


def test_what_an_object_stands_on_and_what_hangs_in_the_air(box: Make) -> None:
    box("floor", (0, 0, -0.05), (20, 20, 0.1))
    box("table", (0, 0, 0.5), (2, 1, 1))
    box("cup", (0.3, 0, 1.05), (0.1, 0.1, 0.1))
    box("sunk", (5, 0, 0.4), (1, 1, 1))
    box("floating", (-5, 0, 1.5), (1, 1, 1))
    box("away", (40, 0, 0.5), (1, 1, 1))
    rows = measured("table", "cup", "sunk", "floating", "away", checks=["support"])["objects"]
    support = {name: row["support"] for name, row in rows.items()}
    assert (support["table"]["stands_on"], support["cup"]["stands_on"]) == ("floor", "table")
    assert (support["sunk"]["stands_on"], support["sunk"]["sunk_in"]) == ("floor", pytest.approx(0.1, abs=1e-4))
    assert (support["floating"]["stands_on"], support["floating"]["below"]) == (None, "floor")
    assert support["floating"]["gap"] == pytest.approx(1.0, abs=1e-4)
    assert support["away"]["stands_on"] == "z = 0"


def test_what_overlaps_does_not_stand_on_each_other(box: Make) -> None:
    box("left", (0, 0, 1.5))
    box("right", (0.5, 0, 1.5))
    rows = measured("left", "right", checks=["support"])["objects"]
    assert [rows[name]["support"]["stands_on"] for name in ("left", "right")] == [None, None]
    box("floor", (0, 0, 0.5), (9, 9, 1))
    box("room", (0, 50, 5), (9, 9, 9))
    box("guest", (0, 50, 1), (1, 1, 1))
    rows = measured("left", "right", "floor", "room", "guest", checks=["support"])["objects"]
    support = [rows[name]["support"]["stands_on"] for name in ("left", "right", "guest")]
    assert support == ["floor", "floor", "room"]


def test_faults_of_a_mesh_are_counted(bpy: Any, box: Make) -> None:
    good = box("good", (0, 0, 0))
    assert measured("good", checks=["mesh"])["objects"]["good"]["mesh"] == {
        "vertices": 8, "edges": 12, "faces": 6, "triangles": 12, "quads": 6, "ngons": 0, "zero_area_faces": 0,
        "doubles": 0, "not_finite": 0, "loose_vertices": 0, "boundary_edges": 0, "non_manifold_edges": 0,
        "loose_edges": 0, "flipped_edges": 0, "closed": True, "volume": 1.0, "inside_out": False,
    }  # fmt: skip
    good.data.flip_normals()
    assert measured("good", checks=["mesh"])["objects"]["good"]["mesh"]["inside_out"] is True
    mesh = bpy.data.meshes.new("bad")
    points = [
        (0, 0, 0),
        (1, 0, 0),
        (1, 1, 0),
        (0, 1, 0),
        (0.5, 1.5, 0),
        (0, 0, 1),
        (1, 0, -1),
        (0, 0, 0),
        (9, 9, 9),
        (2, 0, 0),
        (1, 1, 1),
    ]
    faces = [(0, 1, 2, 4, 3), (0, 1, 5), (0, 1, 6), (1, 9, 9 - 1)]
    mesh.from_pydata(points, [(5, 10)], faces)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("bad", mesh))
    facts = measured("bad", checks=["mesh"])["objects"]["bad"]["mesh"]
    assert (facts["ngons"], facts["non_manifold_edges"], facts["doubles"]) == (1, 1, 1)
    assert (facts["loose_vertices"], facts["loose_edges"], facts["closed"]) == (1, 1, False)
    assert facts["boundary_edges"] > 0


def test_a_face_turned_round_is_found_by_its_edges(bpy: Any, box: Make) -> None:
    item = box("a", (0, 0, 0))
    item.data.polygons[0].flip()
    assert measured("a", checks=["mesh"])["objects"]["a"]["mesh"]["flipped_edges"] == 4


def test_the_mesh_that_is_being_edited_is_measured_as_it_is(bpy: Any) -> None:
    run("execute_code", code="bpy.ops.object.mode_set(mode='EDIT'); bpy.ops.mesh.delete(type='ONLY_FACE')")
    facts = measured("Cube", checks=["mesh"])["objects"]["Cube"]["mesh"]
    assert (facts["faces"], facts["loose_edges"]) == (0, 12)
    size = measured("Cube", checks=["size"])["objects"]["Cube"]
    assert "no vertices" not in str(size) and "2.0" in str(size), size


def test_what_the_camera_sees_and_how_much_of_the_picture_it_fills(bpy: Any, box: Make) -> None:
    data = bpy.data.cameras.new("eye")
    data.type, data.ortho_scale = "ORTHO", 16.0
    eye = bpy.data.objects.new("eye", data)
    eye.location = (0, 0, 10)
    bpy.context.scene.collection.objects.link(eye)
    scene = bpy.context.scene
    scene.camera = eye
    scene.render.resolution_x, scene.render.resolution_y = 1600, 900
    box("wall", (-4, 0, 0), (8, 9, 1))
    box("behind the wall", (-4, 0, -2))
    box("right", (8, 0, 0), (8, 9, 1))
    box("out", (0, 40, 0))
    document = measured("wall", "behind the wall", "right", "out", checks=["camera"])
    seen = {name: row["camera"] for name, row in document["objects"].items()}
    assert document["camera"]["sees"] == ["wall", "right"]
    assert seen["wall"]["fills"] == pytest.approx(0.5, abs=0.02)
    assert seen["wall"]["distance"] == pytest.approx(9.5, abs=0.2)
    assert seen["wall"]["cut_by"] == ["left", "top", "bottom"]
    assert seen["right"]["fills"] == pytest.approx(0.25, abs=0.02)
    assert (seen["behind the wall"]["visible"], seen["out"]["fills"]) == (False, 0.0)
    scene.camera = None
    assert measured("wall", checks=["camera"])["camera"]["note"] == "The scene has no camera"


def test_objects_without_data_without_vertices_and_without_a_place(bpy: Any, box: Make) -> None:
    box("fine", (0, 0, 0))
    box("lost", (0, 0, 0)).location = (float("nan"), 0, 0)
    torn = box("torn", (0, 0, 0)).data
    torn.vertices.foreach_set("co", [float("inf"), 0, 0, *([0, 0, 0] * 7)])
    torn.update()
    for name, data in (
        ("empty", None),
        ("none", bpy.data.meshes.new("none")),
        ("lamp", bpy.data.lights.new("l", "SUN")),
    ):
        bpy.context.scene.collection.objects.link(bpy.data.objects.new(name, data))
    rows = run("measure").document["objects"]
    assert rows["lost"]["size"]["problem"] == "its transform is not finite"
    assert rows["torn"]["size"]["problem"] == "1 vertices are not finite"
    assert rows["torn"]["mesh"]["not_finite"] == 1
    assert {rows[name]["size"]["problem"] for name in ("empty", "none", "lamp")} == {
        "empty objects have no size", "it has no vertices", "light objects have no size"
    }  # fmt: skip
    assert rows["fine"]["size"]["dimensions"] == [1.0, 1.0, 1.0]


def test_of_many_objects_some_are_measured_and_it_says_so(bpy: Any, box: Make) -> None:
    for number in range(70):
        box(f"{number}", (2 * number, 0, 0))
    document = run("measure", checks=["size", "distance"]).document
    assert (len(document["objects"]), len(document["pairs"])) == (60, 120)
    assert "10 more visible objects" in document["note"] and "120" in document["note"]
    assert all(row["distance"] <= 5.01 for row in document["pairs"])


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"names": ["Cub"]}, "object 'Cub' does not exist; there are: Cube"),
        ({"checks": ["weight"]}, "checks must be of size, distance, overlap, support, camera, mesh, got 'weight'"),
        ({"names": ["x"] * 201}, "names must be at most 200, got 201"),
        ({"names": "Cube"}, "names must be an array"),
    ],
)
def test_bad_input_is_named(bpy: Any, params: dict[str, Any], told: str) -> None:
    outcome = run("measure", **params)
    assert outcome.status == "failed"
    assert told in outcome.error


def test_a_large_mesh_is_looked_at_while_others_use_blender(bpy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.commands.seeing import measure
    from addon.commands.seeing.facts import camera

    exact = run("measure", names=["Cube"]).document
    monkeypatch.setattr(measure, "MAX_AT_ONCE", 0)
    monkeypatch.setattr(camera, "MAX_FACES", 0)
    large = run("measure", names=["Cube"]).document
    assert large["objects"]["Cube"]["mesh"] == exact["objects"]["Cube"]["mesh"]
    told, before = large["objects"]["Cube"]["camera"], exact["objects"]["Cube"]["camera"]
    assert told["visible"] and told["box"] == pytest.approx(before["box"], abs=0.02)
    assert told["fills"] >= before["fills"] and told["cut_by"] == before["cut_by"] == []
    assert "boxes in the picture" in large["camera"]["note"] and large["camera"]["sees"] == ["Cube"]
    monkeypatch.setattr(measure, "BUDGET_SECONDS", -1.0)
    late = run("measure", names=["Cube"], checks=["mesh"]).document
    assert "were left out" in late["note"] and "mesh" not in late["objects"]["Cube"]
