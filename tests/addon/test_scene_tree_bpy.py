"""get_scene_tree on real Blender: every object once, page by page, whatever the scene is like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy

HOSTILE = ["🧊🔥", "quo\"te's", "new\nline\ttab", "\x01\x02", "x" * 63, "日本語の名前", "..", "%s{0}</script>", " "]


def tree(**params: Any) -> dict[str, Any]:
    document: dict[str, Any] = run("get_scene_tree", **params).document
    return document


def rows(node: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """All rows of a kind below a node, those that only lead to others left out."""
    for child in node.get("children", ()):
        if child["kind"] == kind and not child.get("continued"):
            yield child
        yield from rows(child, kind)


def names(document: dict[str, Any], kind: str = "object") -> list[str]:
    return [row["name"] for row in rows(document["tree"], kind)]


def make(bpy: Any, collection: Any, *wanted: str) -> list[Any]:
    made = [bpy.data.objects.new(name, None) for name in wanted]
    for item in made:
        collection.objects.link(item)
    return made


def test_the_factory_scene(bpy: Any) -> None:
    document = tree()
    [collection] = document["tree"]["children"]
    assert (collection["name"], collection["objects"], collection["visible"]) == ("Collection", 3, True)
    cube = collection["children"][0]
    assert cube == {
        "name": "Cube",
        "kind": "object",
        "type": "MESH",
        "visible": True,
        "materials": ["Material"],
        "selected": True,
        "active": True,
    }
    assert {key: document[key] for key in ("scene", "mode", "active", "selected", "frame", "total_objects")} == {
        "scene": "Scene",
        "mode": "OBJECT",
        "active": "Cube",
        "selected": ["Cube"],
        "frame": 1,
        "total_objects": 3,
    }


def test_every_object_is_on_one_page_and_each_page_says_where_it_belongs(bpy: Any) -> None:
    scene = bpy.context.scene
    for outer in range(3):
        parent = bpy.data.collections.new(f"outer {outer}")
        scene.collection.children.link(parent)
        make(bpy, parent, *(f"o{outer} {n}" for n in range(11)))
        child = bpy.data.collections.new(f"inner {outer}")
        parent.children.link(child)
        make(bpy, child, *(f"i{outer} {n}" for n in range(7)))
    pages = [tree(page_size=8)]
    pages += [tree(page_size=8, page=page) for page in range(2, pages[0]["total_pages"] + 1)]
    found = [name for page in pages for name in names(page)]
    assert sorted(found) == sorted(item.name for item in scene.objects)
    assert len([name for page in pages for name in names(page, "collection")]) == 7
    for page in pages:
        for outer in page["tree"]["children"]:
            own = [row["name"] for row in outer.get("children", ()) if row["kind"] == "object"]
            assert all(name.startswith(f"o{outer['name'][-1]}") for name in own) or outer["name"] == "Collection"


def test_only_a_part_and_only_some_levels(bpy: Any) -> None:
    deepest = bpy.context.scene.collection
    for level in range(20):
        made = bpy.data.collections.new(f"level {level}")
        deepest.children.link(made)
        make(bpy, made, f"at {level}")
        deepest = made
    document = tree(collection="level 15", depth=2)
    assert names(document) == ["at 16", "at 15"]
    assert names(document, "collection") == ["level 16", "level 17"]
    assert document["total_objects"] == 5
    assert len(names(tree(depth=16))) == 3 + 15


def test_marks_of_what_stands_behind_an_object(bpy: Any) -> None:
    cube, camera = bpy.data.objects["Cube"], bpy.data.objects["Camera"]
    cube.modifiers.new("Rounded", "BEVEL")
    camera.parent = cube
    camera.constraints.new("TRACK_TO").target = cube
    bpy.data.objects["Light"].hide_set(True)
    away = bpy.data.collections.new("away")
    bpy.context.scene.collection.children.link(away)
    bpy.context.view_layer.layer_collection.children["away"].exclude = True
    [instance] = make(bpy, away, "instance")
    instance.instance_type, instance.instance_collection = "COLLECTION", bpy.data.collections["Collection"]
    found = {row["name"]: row for row in rows(tree(detail="full")["tree"], "object")}
    assert found["Cube"]["modifiers"] == [{"name": "Rounded", "type": "BEVEL", "shown": True}]
    assert found["Cube"]["mesh"] == {"vertices": 8, "edges": 12, "polygons": 6}
    assert found["Camera"]["parent"] == "Cube"
    assert (found["Camera"]["constraints"][0]["type"], found["Camera"]["constraints"][0]["target"]) == (
        "TRACK_TO",
        "Cube",
    )
    assert found["Light"]["visible"] is False
    assert (found["instance"]["instance"], found["instance"]["visible"]) == ("Collection", False)
    excluded = next(row for row in rows(tree()["tree"], "collection") if row["name"] == "away")
    assert (excluded["excluded"], excluded["visible"]) == (True, False)


def test_names_of_any_kind_come_through_as_they_are(bpy: Any) -> None:
    made = make(bpy, bpy.context.scene.collection, *HOSTILE)
    for item, parent in zip(made[1:], made, strict=False):
        item.parent = parent
    kept = [item.name for item in made]
    for detail in ("names", "summary", "full"):
        assert [name for name in names(tree(detail=detail)) if name in kept] == kept


def test_a_page_stays_small_however_long_its_names_are(bpy: Any) -> None:
    longest = "\x01" * (255 if bpy.app.version >= (5, 0, 0) else 63)
    material = bpy.data.materials.new(longest)
    mesh = bpy.data.meshes.new(longest)
    for _ in range(20):
        mesh.materials.append(material)
    for _ in range(1000):
        bpy.context.scene.collection.objects.link(bpy.data.objects.new(longest, mesh))
    for detail in ("full", "summary", "names"):
        outcome = run("get_scene_tree", detail=detail, page_size=1000)
        assert len(outcome.result.encode()) < 512 * 1024
        assert detail == "names" or "ask for" in outcome.document["note"]
    few = tree(detail="full", page_size=10, page=2)
    assert (len(names(few)), few["detail"]) == (10, "full")


def test_what_is_broken_is_told_and_breaks_nothing(bpy: Any) -> None:
    first, second, lost = make(bpy, bpy.context.scene.collection, "first", "second", "lost")
    first.constraints.new("COPY_LOCATION").target = second
    second.constraints.new("COPY_LOCATION").target = first
    curve = first.driver_add("location", 0)
    curve.driver.expression = "no_such_name("
    lost.location = (float("nan"), 0, float("inf"))
    bpy.data.scenes.new("another")
    document = tree(detail="full")
    found = {row["name"]: row for row in rows(document["tree"], "object")}
    assert None in found["lost"]["location"]
    assert found["first"]["animation"]["drivers"] == 1
    assert document["scenes"] == ["another", "Scene"]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"collection": "Colection"}, "there is no collection 'Colection'; there are: Collection"),
        ({"depth": 0}, "depth must be an integer of 1 to 16, got 0"),
        ({"depth": 17}, "depth must be an integer of 1 to 16"),
        ({"page": 2}, "page must be 1 to 1 for 4 rows of 200 a page, got 2"),
        ({"page_size": 1001}, "page_size must be an integer of 1 to 1000"),
        ({"detail": "all"}, "detail must be one of names, summary, full"),
    ],
)
def test_bad_input_is_named(bpy: Any, params: dict[str, Any], told: str) -> None:
    outcome = run("get_scene_tree", **params)
    assert outcome.status == "failed"
    assert told in outcome.error
