"""Poly Haven, Rodin and Sketchfab on real Blender, against local servers that answer as those services document."""

from __future__ import annotations

import base64
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.services import Served, ServiceDouble
from running import run, run_locally

from addon.fetch import http, polyhaven, rodin, sketchfab
from addon.fetch.workers import workers
from addon.link.outgoing import abort_all
from addon.link.queue.main_thread import MainThreadQueue
from addon.link.records import Job

pytestmark = pytest.mark.bpy

ALL = frozenset({"polyhaven", "hyper3d", "sketchfab"})


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceDouble]:
    with ServiceDouble() as double:
        monkeypatch.setattr(http, "allow_plain_http", True)
        monkeypatch.setattr(polyhaven, "API", double.url)
        monkeypatch.setattr(rodin, "MAIN_API", f"{double.url}/api/v2")
        monkeypatch.setattr(rodin, "FAL_API", f"{double.url}/fal")
        monkeypatch.setattr(sketchfab, "API", f"{double.url}/v3")
        allow(hyper3d_key="rodin-key", sketchfab_key="sketch-key")
        yield double
    allow(integrations=frozenset())


def allow(**chosen: Any) -> None:
    from addon.commands.allowed import settings

    made = settings.Settings(**{"integrations": ALL, **chosen})
    settings.provide(lambda: made)


def picture(bpy: Any, folder: Path, name: str, kind: str = "PNG") -> bytes:
    """Return the bytes of a small image file, written by Blender itself."""
    image = bpy.data.images.new("t", 8, 8, float_buffer=kind in ("HDR", "OPEN_EXR"))
    path = folder / name
    image.file_format, image.filepath_raw = kind, str(path)
    image.save()
    bpy.data.images.remove(image)
    return path.read_bytes()


def glb(bpy: Any, folder: Path, **options: Any) -> Path:
    """Return a file with a cube in it, exported by Blender itself."""
    path = folder / "out.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), export_format="GLB", **options)
    return next(folder.glob("out.gl*"))


def test_categories_of_one_type_and_of_all(bpy: Any, service: ServiceDouble) -> None:
    for kind, found in {"hdris": {"outdoor": 5, "sky": 2}, "textures": {"wood": 7}, "models": {"outdoor": 1}}.items():
        service.document(f"/categories/{kind}", found)
    assert run("get_polyhaven_categories", asset_type="textures").document == {"categories": {"wood": 7}}
    counted = run("get_polyhaven_categories", asset_type="all").document["categories"]
    assert counted == {"outdoor": 6, "sky": 2, "wood": 7}
    assert service.asked[0].headers["User-Agent"].startswith("BlenderBus/")
    assert "asset_type must be one of hdris" in run("get_polyhaven_categories", asset_type="cars").error


def test_search_returns_the_twenty_most_downloaded(bpy: Any, service: ServiceDouble) -> None:
    service.document("/assets", {f"a{n}": {"name": f"A{n}", "type": 1, "download_count": n} for n in range(50)})
    found = run("search_polyhaven_assets", asset_type="textures", categories="wood,floor").document
    assert (found["total_count"], found["returned_count"], len(found["assets"])) == (50, 20, 20)
    assert set(found["assets"]) == {f"a{n}" for n in range(30, 50)}
    assert service.asked[0].query == {"type": "textures", "categories": "wood,floor"}
    assert run("search_polyhaven_assets").document["total_count"] == 50
    assert service.asked[1].query == {"type": "all"}


def test_newer_local_servers_search_by_words_and_get_a_list(bpy: Any, service: ServiceDouble) -> None:
    about = {"type": 2, "authors": {"Ann": "All"}, "categories": ["Furniture"], "dimensions": [500, 900, 400]}
    service.document(
        "/assets",
        {
            "a1": {"name": "Old Couch", "tags": ["red"], "download_count": 1, **about},
            "a2": {"name": "Lamp", "tags": ["couch", "red"], "download_count": 9, **about},
            "a3": {"name": "Couch", "tags": ["blue"], "download_count": 5, **about},
        },
    )

    def search(**params: Any) -> Any:
        return run_locally("search_polyhaven_assets", **params).document

    found = search(asset_type="models", category=None, attributes=None, query="red couch", limit=20, min_size_m=None)
    assert [item["id"] for item in found["assets"]] == ["a1", "a2"]
    assert found["assets"][0] == {
        "id": "a1",
        "name": "Old Couch",
        "type": "models",
        "url": "https://polyhaven.com/a/a1",
        "authors": ["Ann"],
        "category": "furniture",
        "categories": ["furniture"],
        "tags": ["red"],
        "dimensions_mm": [500, 900, 400],
        "download_count": 1,
    }
    assert [item["id"] for item in search(query="couch", limit=1)["assets"]] == ["a3"]
    assert search(query="couch", min_size_m=2)["assets"] == []
    assert "try fewer" in search(query="piano")["note"]
    assert isinstance(search(asset_type="models")["assets"], dict), "older servers need the names as keys"
    wrong = run_locally("search_polyhaven_assets", colour="red")
    assert wrong.error == "search_polyhaven_assets() got an unexpected keyword argument 'colour'"


def serve_texture(bpy: Any, service: ServiceDouble, folder: Path) -> None:
    maps = {}
    for name in ("Diffuse", "nor_gl", "arm", "Displacement"):
        about = service.file(f"/dl/{name}.png", picture(bpy, folder, f"{name}.png"))
        maps[name] = {"1k": {"png": about}}
    service.document("/files/wood", maps)


def test_texture_becomes_a_principled_material_on_the_object(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    serve_texture(bpy, service, tmp_path)
    assert "download_polyhaven_asset gets them" in run("set_texture", object_name="Cube", texture_id="wood").error
    got = run("download_polyhaven_asset", asset_id="wood", asset_type="textures", file_format="png").document
    assert (got["success"], got["material"]) == (True, "wood")
    assert got["maps"] == ["diffuse", "normal", "arm", "displacement"]
    images = {image.name: image for image in bpy.data.images if image.get("blender_bus_asset")}
    assert {name: image.colorspace_settings.name for name, image in images.items()} == {
        "wood_diffuse": "sRGB", "wood_normal": "Non-Color", "wood_arm": "Non-Color", "wood_displacement": "Non-Color",
    }  # fmt: skip
    assert all(image.packed_file is not None for image in images.values())

    result = run("set_texture", object_name="Cube", texture_id="wood").document
    assert (result["success"], result["material"], result["maps"]) == (True, "wood", got["maps"])
    assert [slot.material.name for slot in bpy.data.objects["Cube"].material_slots] == ["wood"]
    tree = bpy.data.materials["wood"].node_tree
    joined = {
        (link.from_node.bl_idname, link.from_socket.name, link.to_node.bl_idname, link.to_socket.name)
        for link in tree.links
    }
    assert {
        ("ShaderNodeTexImage", "Color", "ShaderNodeMix", "A"),
        ("ShaderNodeSeparateColor", "Red", "ShaderNodeMix", "B"),
        ("ShaderNodeMix", "Result", "ShaderNodeBsdfPrincipled", "Base Color"),
        ("ShaderNodeSeparateColor", "Green", "ShaderNodeBsdfPrincipled", "Roughness"),
        ("ShaderNodeSeparateColor", "Blue", "ShaderNodeBsdfPrincipled", "Metallic"),
        ("ShaderNodeNormalMap", "Normal", "ShaderNodeBsdfPrincipled", "Normal"),
        ("ShaderNodeDisplacement", "Displacement", "ShaderNodeOutputMaterial", "Displacement"),
        ("ShaderNodeBsdfPrincipled", "BSDF", "ShaderNodeOutputMaterial", "Surface"),
    } <= joined
    info = result["material_info"]
    assert (info["has_nodes"], info["node_count"]) == (True, len(tree.nodes))
    assert {node["image"] for node in info["texture_nodes"]} == set(images)
    assert "Color -> Mix.A" in [line for node in info["texture_nodes"] for line in node["connections"]]


def test_single_maps_are_used_where_there_is_no_packed_one(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    names = ("Diffuse", "Rough", "Metal", "AO")
    about = {name: service.file(f"/dl/{name}.jpg", picture(bpy, tmp_path, f"{name}.jpg", "JPEG")) for name in names}
    service.document("/files/rust", {name: {"1k": {"jpg": entry}} for name, entry in about.items()})
    got = run("download_polyhaven_asset", asset_id="rust", asset_type="textures").document
    assert got["maps"] == ["diffuse", "roughness", "metallic", "ao"]
    inputs = next(n for n in bpy.data.materials["rust"].node_tree.nodes if n.type == "BSDF_PRINCIPLED").inputs
    assert all(inputs[name].is_linked for name in ("Base Color", "Roughness", "Metallic"))
    # Once more replaces it and leaves no copies behind.
    run("download_polyhaven_asset", asset_id="rust", asset_type="textures")
    assert len([item for item in bpy.data.materials if item.name.startswith("rust")]) == 1
    assert len([item for item in bpy.data.images if item.name.startswith("rust")]) == 4


def test_hdri_lights_the_scene_and_the_old_world_is_not_touched(
    bpy: Any, service: ServiceDouble, tmp_path: Path
) -> None:
    about = service.file("/dl/sky_1k.hdr", picture(bpy, tmp_path, "sky_1k.hdr", "HDR"))
    service.document("/files/sky", {"hdri": {"1k": {"hdr": about}}})
    before = bpy.context.scene.world
    got = run("download_polyhaven_asset", asset_id="sky", asset_type="hdris").document
    assert got["image_name"] == "sky.hdr"
    world = bpy.context.scene.world
    assert world != before
    environment = next(node for node in world.node_tree.nodes if node.type == "TEX_ENVIRONMENT")
    assert environment.image.packed_file is not None
    assert before.name in bpy.data.worlds


def test_model_is_imported_with_its_textures_packed(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    material = bpy.data.objects["Cube"].active_material
    image = bpy.data.images.new("paint", 8, 8)
    image.pack()
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    material.node_tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
    bpy.ops.export_scene.gltf(
        filepath=str(tmp_path / "chair.gltf"), export_format="GLTF_SEPARATE", export_texture_dir="textures"
    )
    include = {}
    for path in [*tmp_path.glob("*.bin"), *tmp_path.glob("textures/*")]:
        name = path.relative_to(tmp_path).as_posix()
        include[name] = service.file(f"/dl/{name}", path.read_bytes())
    main = service.file("/dl/chair.gltf", (tmp_path / "chair.gltf").read_bytes())
    service.document("/files/chair", {"gltf": {"1k": {"gltf": {**main, "include": include}}}})
    bpy.ops.wm.read_factory_settings(use_empty=True)
    got = run("download_polyhaven_asset", asset_id="chair", asset_type="models").document
    assert "Cube" in got["imported_objects"]
    assert [image.packed_file is not None for image in bpy.data.images if image.source == "FILE"] == [True]


def test_blend_is_appended_and_traps_in_file_names_are_refused(
    bpy: Any, service: ServiceDouble, tmp_path: Path
) -> None:
    bpy.data.objects["Cube"].modifiers.new("shape", "MESH_CACHE").filepath = "/somewhere/a.mdd"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rock.blend"), copy=True, relative_remap=False)
    main = service.file("/dl/rock.blend", (tmp_path / "rock.blend").read_bytes())
    service.document("/files/rock", {"blend": {"1k": {"blend": main}}})
    bpy.ops.wm.read_factory_settings(use_empty=True)
    asked = {"asset_id": "rock", "asset_type": "models", "file_format": "blend"}
    got = run("download_polyhaven_asset", **asked).document
    assert sorted(got["imported_objects"]) == ["Camera", "Cube", "Light"]
    assert bpy.context.scene.objects.get("Cube") is not None
    assert "Cube (shape)" in got["note"]
    trap = {"../../evil.txt": service.file("/dl/evil", b"evil")}
    service.document("/files/rock", {"blend": {"1k": {"blend": {**main, "include": trap}}}})
    assert "is not a path inside the folder" in run("download_polyhaven_asset", **asked).error


def test_wrong_hash_wrong_type_and_missing_assets_are_told(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    good = picture(bpy, tmp_path, "a.hdr", "HDR")
    about = service.file("/dl/a.hdr", good)
    ask = {"asset_id": "sky", "asset_type": "hdris"}
    for changed, told in [
        ({"md5": "0" * 32}, "is damaged"),
        ({"size": len(good) + 1}, "is truncated"),
        (service.file("/dl/page.hdr", b"<html>Sorry</html>"), "is not an image that Blender can read"),
        ({"url": "http://elsewhere.example/a.hdr"}, "not an https address"),
    ]:
        service.document("/files/sky", {"hdri": {"1k": {"hdr": {**about, **changed}}}})
        outcome = run("download_polyhaven_asset", **ask)
        assert outcome.status == "failed"
        assert told in outcome.error
        assert "Traceback" not in outcome.error
    assert not [image for image in bpy.data.images if "hdr" in image.name]
    missing = run("download_polyhaven_asset", asset_id="nope", asset_type="hdris")
    assert "Poly Haven does not have this (HTTP 404)" in missing.error
    service.document("/files/sky", {}, 429, **{"Retry-After": "30"})
    assert "try again in 30 s" in run("download_polyhaven_asset", **ask).error
    assert (
        "file_format of hdris must be one of hdr, exr"
        in run("download_polyhaven_asset", **ask, file_format="jpg").error
    )


def test_download_leaves_the_main_thread_free_and_can_be_cancelled(bpy: Any, service: ServiceDouble) -> None:
    from addon.commands import registry

    answers: list[tuple[str, str]] = []
    queue = MainThreadQueue(registry.run, lambda job_id, status, *_: answers.append((job_id, status)))
    service.hold.clear()
    queue.submit(Job("j-slow", "search_polyhaven_assets"))
    queue.submit(Job("j-quick", "get_scene_info", priority=7))
    queue.drain(1.0)
    assert answers == [("j-quick", "completed")]
    until = time.monotonic() + 10
    while not service.asked and time.monotonic() < until:
        time.sleep(0.01)
    assert queue.cancel("j-slow")
    queue.drain(1.0)
    assert answers[1] == ("j-slow", "cancelled")
    abort_all()
    assert workers.join(3)


def test_offline_blender_asks_nobody(bpy: Any, service: ServiceDouble) -> None:
    allow(online=False)
    assert "online access is switched off" in run("search_polyhaven_assets").error
    assert service.asked == []


def test_rodin_main_site_from_prompt_to_object(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    created = {"uuid": "task-1", "jobs": {"uuids": ["j"], "subscription_key": "sub-1"}, "submit_time": "now"}
    service.document("/api/v2/rodin", created)
    assert run("create_rodin_job", text_prompt="a dog", bbox_condition=[100, 50, 50]).document == created
    asked = service.asked[0]
    assert asked.headers["Authorization"] == "Bearer rodin-key"
    assert asked.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="bbox_condition"\r\n\r\n[100, 50, 50]' in asked.body
    image = base64.b64encode(picture(bpy, tmp_path, "dog.png")).decode()
    assert run("create_rodin_job", images=[[".png", image]]).document["uuid"] == "task-1"
    assert b'name="images"; filename="0000.png"' in service.asked[1].body

    service.document("/api/v2/status", {"jobs": [{"uuid": "j", "status": "Done"}, {"uuid": "k", "status": "Waiting"}]})
    assert run("poll_rodin_job_status", subscription_key="sub-1").document == {"status_list": ["Done", "Waiting"]}
    assert json.loads(service.asked[2].body) == {"subscription_key": "sub-1"}

    path = glb(bpy, tmp_path)
    service.answers["/files/model.glb"] = Served(path.read_bytes())
    listed = [{"name": "preview.webp", "url": "x"}, {"name": "model.glb", "url": f"{service.url}/files/model.glb"}]
    service.document("/api/v2/download", {"list": listed})
    bpy.ops.wm.read_factory_settings(use_empty=True)
    told = run("import_generated_asset", name="Dog", task_uuid="task-1").document
    assert (told["succeed"], told["name"], told["type"]) == (True, "Dog", "MESH")
    assert told["world_bounding_box"] == [[-1, -1, -1], [1, 1, 1]]
    assert [item.name for item in bpy.data.objects] == ["Dog"]
    # The key goes to the service, not to where its files are.
    assert "Authorization" not in service.asked[-1].headers


def test_rodin_at_fal(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    allow(hyper3d_provider="fal.ai", hyper3d_key="fal-key")
    assert "Mode: FAL_AI" in run("get_hyper3d_status").document["message"]
    service.document("/fal/rodin/v2", {"status": "IN_QUEUE", "request_id": "r-1"})
    assert run("create_rodin_job", images=["https://example.com/a.png"]).document["request_id"] == "r-1"
    assert service.asked[0].headers["Authorization"] == "Key fal-key"
    assert json.loads(service.asked[0].body)["input_image_urls"] == ["https://example.com/a.png"]
    service.document("/fal/requests/r-1/status", {"status": "COMPLETED"})
    assert run("poll_rodin_job_status", request_id="r-1").document == {"status": "COMPLETED"}
    assert "request_id is needed with fal.ai" in run("poll_rodin_job_status", subscription_key="s").error
    service.document("/fal/requests/r-1", {})
    assert "no model for this request yet" in run("import_generated_asset", name="Dog", request_id="r-1").error
    service.answers["/dog.glb"] = Served(b"<html>expired</html>")
    service.document("/fal/requests/r-1", {"model_mesh": {"url": f"{service.url}/dog.glb"}})
    outcome = run("import_generated_asset", name="Dog", request_id="r-1")
    assert "is not a glb file" in outcome.error


def test_rodin_refusals_are_told(bpy: Any, service: ServiceDouble) -> None:
    assert "either text_prompt or images" in run("create_rodin_job").error
    assert "main site takes images as data" in run("create_rodin_job", images=["https://a/b.png"]).error
    service.document("/api/v2/rodin", {"error": "INSUFFICIENT_FUND", "message": "top up"}, 201)
    assert "refuses: INSUFFICIENT_FUND top up" in run("create_rodin_job", text_prompt="a chair").error
    service.document("/api/v2/rodin", {"error": "API_INSUFFICIENT_FUNDS"}, 402)
    told = run("create_rodin_job", text_prompt="x").error
    assert "no credit left (HTTP 402): API_INSUFFICIENT_FUNDS" in told
    assert "rodin-key" not in told
    service.document("/api/v2/download", {"list": []})
    assert "no .glb for this task yet" in run("import_generated_asset", name="D", task_uuid="t").error
    allow(hyper3d_key="")
    assert run("get_hyper3d_status").document["enabled"] is False
    assert "no API key of hyper3d.ai" in run("create_rodin_job", text_prompt="x").error


def test_sketchfab_search_hands_on_the_provider_s_answer(bpy: Any, service: ServiceDouble) -> None:
    answer = {"results": [{"uid": "u1", "name": "Car", "user": {"username": "a"}}], "next": None}
    service.document("/v3/search", answer)
    assert run("search_sketchfab_models", query="car", categories="cars", count=500).document == answer
    assert service.asked[0].headers["Authorization"] == "Token sketch-key"
    assert service.asked[0].query == {
        "type": "models", "q": "car", "count": "24", "downloadable": "true", "archives_flavours": "false",
        "categories": "cars",
    }  # fmt: skip
    service.document("/v3/search", {"detail": "Invalid token."}, 401)
    assert "does not accept the API key" in run("search_sketchfab_models", query="car").error


def test_sketchfab_model_is_unpacked_and_imported(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "scene.gltf"), export_format="GLTF_SEPARATE")
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as target:
        for path in tmp_path.glob("scene.*"):
            target.write(path, path.name)
    service.answers["/m.zip"] = Served((tmp_path / "m.zip").read_bytes())
    link = {"url": f"{service.url}/m.zip", "size": (tmp_path / "m.zip").stat().st_size, "expires": 300}
    service.document("/v3/models/u1/download", {"gltf": link})
    bpy.ops.wm.read_factory_settings(use_empty=True)
    got = run("download_sketchfab_model", uid="u1").document
    assert (got["success"], "Cube" in got["imported_objects"]) == (True, True)
    assert (got["normalized"], max(got["dimensions"])) == (False, 2.0)
    sized = run("download_sketchfab_model", uid="u1", normalize_size=True, target_size=0.5).document
    assert (sized["normalized"], round(max(sized["dimensions"]), 4)) == (True, 0.5)
    low, high = sized["world_bounding_box"]
    assert round(high[0] - low[0], 4) == 0.5
    [*_, fetched] = [one for one in service.asked if one.path == "/m.zip"]
    assert "Authorization" not in fetched.headers
    service.answers["/m.zip"] = Served(b"not a zip")
    service.document("/v3/models/u1/download", {"gltf": {"url": f"{service.url}/m.zip"}})
    assert "archive cannot be unpacked" in run("download_sketchfab_model", uid="u1").error
    service.document("/v3/models/u1/download", {"detail": "Not downloadable"}, 403)
    assert "does not allow this" in run("download_sketchfab_model", uid="u1").error
    assert "HTTP 404" in run("download_sketchfab_model", uid="../u2").error
    assert service.asked[-1].path == "/v3/models/..%2Fu2/download"


def test_status_tells_what_is_missing(bpy: Any, service: ServiceDouble) -> None:
    assert run("get_polyhaven_status").document["enabled"] is True
    assert run("get_sketchfab_status").document["enabled"] is True
    allow(sketchfab_key="")
    assert "has no API key" in run("get_sketchfab_status").document["message"]
    assert service.asked == []
