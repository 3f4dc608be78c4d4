"""Every dispatch tool through the real Worker, the real link and every Blender, with the shape of its result.

The asset services are replayed on this computer; the files they hand out are made by the Blender under test.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.services import Served, ServiceDouble
from harness.workerd import Workerd

# Files for the services to hand out, and a scene without what was exported.
MAKE_FILES = """
import bpy, sys
folder = {folder!r}
for name in ("diff", "nor_gl", "arm"):
    image = bpy.data.images.new(name, 8, 8)
    image.file_format, image.filepath_raw = "PNG", f"{{folder}}/{{name}}.png"
    image.save()
    bpy.data.images.remove(image)
bpy.ops.export_scene.gltf(filepath=f"{{folder}}/model.glb", export_format="GLB")
bpy.ops.export_scene.gltf(filepath=f"{{folder}}/scene.gltf", export_format="GLTF_SEPARATE")
print(bpy.app.version_string)
"""
OBJECT_FACTS = {"name", "type", "location", "rotation", "scale", "visible", "materials", "world_bounding_box", "mesh"}
PAGE = {"page", "page_size", "total_pages"}


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workerd]:
    with Workerd(tmp_path_factory.mktemp("bus")) as running:
        yield running


@dataclass
class Caller:
    """Calls dispatch tools and remembers which."""

    client: ModernClient
    services: ServiceDouble
    called: set[str] = field(default_factory=set)

    async def text(self, command: str, **params: Any) -> str:
        """The result of a command as it came."""
        self.called.add(f"blender_{command}")
        answer = (await self.client.call(f"blender_{command}", **params)).document
        assert (answer["status"], answer["error"]) == ("completed", ""), f"{command}: {answer}"
        return str(answer["result"])

    async def ask(self, command: str, **params: Any) -> Any:
        """The result of a command, read as JSON."""
        return json.loads(await self.text(command, **params))


@pytest_asyncio.fixture
async def caller(bus: Workerd, blender_version: str, tmp_path: Path) -> AsyncIterator[Caller]:
    with (
        ServiceDouble() as services,
        HeadlessBlender(bus.url, tmp_path / "home", uuid="blender-all", version=blender_version, services=services.url),
    ):
        async with ModernClient(f"{bus.url}/", await login(bus.url), timeout=120) as client:
            yield Caller(client, services)


async def test_every_command_answers_in_its_shape(caller: Caller, blender_version: str, tmp_path: Path) -> None:
    made = await caller.text("execute_code", code=MAKE_FILES.format(folder=str(tmp_path)))
    assert made.splitlines()[-1].startswith(blender_version)
    await look_at_the_scene(caller)
    await take_a_screenshot(caller, tmp_path)
    await see_and_know(caller, blender_version)
    await see_pictures(caller)
    await carry_files(caller)
    await read_and_use_the_console(caller)
    await watch_properties(caller)
    await make_a_checkpoint_and_go_back(caller)
    await texture_from_poly_haven(caller, tmp_path)
    await model_from_rodin(caller, tmp_path)
    await model_from_hunyuan(caller, tmp_path)
    await model_from_sketchfab(caller, tmp_path)
    listed = (await caller.client.request("tools/list")).result["tools"]
    dispatching = {tool["name"] for tool in listed if "timeout_seconds" in tool["inputSchema"]["properties"]}
    assert len(dispatching) > 24
    assert caller.called == dispatching


async def make_a_checkpoint_and_go_back(caller: Caller) -> None:
    made = await caller.ask("checkpoint", label="as it was")
    assert set(made) == {"checkpoint_id", "label", "at", "bytes"}
    await caller.text("execute_code", code="bpy.data.objects.remove(bpy.data.objects['Cube'])")
    back = await caller.ask("restore_checkpoint", checkpoint_id=made["checkpoint_id"])
    assert back["checkpoint_id"] == made["checkpoint_id"]
    [newest, oldest] = (await caller.ask("list_checkpoints"))["checkpoints"]
    assert (newest["checkpoint_id"], oldest["label"]) == (back["before"], "as it was")
    assert await caller.text("execute_code", code="print('Cube' in bpy.data.objects)") == "True\n"


async def look_at_the_scene(caller: Caller) -> None:
    scene = await caller.ask("get_scene_info")
    assert set(scene) == {"name", "object_count", "objects", "materials_count", "mode", "active", "selected"}
    assert {(thing["name"], thing["type"]) for thing in scene["objects"]} == {
        ("Cube", "MESH"),
        ("Light", "LIGHT"),
        ("Camera", "CAMERA"),
    }
    cube = await caller.ask("get_object_info", name="Cube")
    assert set(cube) == OBJECT_FACTS
    assert cube["mesh"] == {"vertices": 8, "edges": 12, "polygons": 6}
    assert cube["world_bounding_box"] == [[-1, -1, -1], [1, 1, 1]]

    index = await caller.ask("browse_data")
    assert set(index) == {"success", "collections", "total"}
    assert {"name": "objects", "count": 3} in [{k: c[k] for k in ("name", "count")} for c in index["collections"]]
    page = await caller.ask("browse_data", collection="objects", page_size=2, detail_level="full")
    assert set(page) == {"success", "collection", "items", "total_items", *PAGE}
    assert (len(page["items"]), page["total_pages"], page["total_items"]) == (2, 2, 3)
    one = await caller.ask("browse_data", collection="objects", item_name="Light")
    assert set(one) == {"success", "item", "collection"}


async def take_a_screenshot(caller: Caller, folder: Path) -> None:
    path = folder / "shot.jpg"
    caller.called.add("blender_get_viewport_screenshot")
    arguments = {"max_size": 96, "format": "jpg", "filepath": str(path)}
    answer = await caller.client.call("blender_get_viewport_screenshot", **arguments)
    shot = json.loads(answer.document["result"])
    assert {"success", "width", "height", "filepath"} <= set(shot)
    assert (shot["success"], shot["filepath"], max(shot["width"], shot["height"])) == (True, str(path), 96)
    [image] = [block for block in answer.result["content"] if block["type"] == "image"]
    assert base64.b64decode(image["data"]) == path.read_bytes()
    assert path.read_bytes().startswith(b"\xff\xd8\xff")


async def see_and_know(caller: Caller, version: str) -> None:
    tree = await caller.ask("get_scene_tree", detail="full")
    assert (tree["total_objects"], tree["total_pages"], tree["tree"]["kind"]) == (3, 1, "collection")
    assert [row["name"] for row in tree["tree"]["children"][0]["children"]] == ["Cube", "Light", "Camera"]
    info = await caller.ask("get_file_info")
    assert {"filepath", "is_saved", "is_dirty", "missing_files", "libraries", "packed", "orphans", "render"} <= set(
        info
    )
    found = await caller.ask("search_api", query="bevel width", limit=3)
    assert found["blender_version"].startswith(version)
    assert found["matches"][0]["path"] == "bpy.types.BevelModifier.width"
    facts = await caller.ask("measure", names=["Cube"])
    assert set(facts) == {"objects", "pairs", "camera"}
    assert set(facts["objects"]["Cube"]) == {"type", "size", "support", "mesh", "camera"}
    assert facts["objects"]["Cube"]["size"]["dimensions"] == [2, 2, 2]
    told = await caller.ask("set_view", target="Cube", angle="front", shading="solid")
    assert told == {"success": True, "target": "Cube", "angle": "front", "shading": "solid"}


def is_whole(frame: dict[str, Any]) -> bool:
    return bool(frame["file"]["bytes"] == Path(frame["path"]).stat().st_size > 100)


async def see_pictures(caller: Caller) -> None:
    wanted = {
        "render_views": {"views": ["front", "top"], "max_size": 128},
        "render": {"engine": "workbench", "width": 64, "frame": 2, "frame_end": 3},
    }
    for command, arguments in wanted.items():
        caller.called.add(f"blender_{command}")
        answer = await caller.client.call(f"blender_{command}", **arguments)
        assert answer.document["status"] == "completed", answer.document
        document = json.loads(answer.document["result"])
        assert "image" not in document
        [image] = [block for block in answer.result["content"] if block["type"] == "image"]
        assert base64.b64decode(image["data"]).startswith(b"\x89PNG")
        if command == "render":
            assert [row["frame"] for row in document["frames"]] == [2, 3]
            assert all(is_whole(row) for row in document["frames"])
        else:
            assert [view["box"] for view in document["views"]] == [[0, 0, 64, 64], [64, 0, 64, 64]]


async def carry_files(caller: Caller) -> None:
    sent = (await caller.ask("export_file", format="glb", names=["Cube"]))["file"]
    assert {"file_id", "name", "mime_type", "bytes", "sha256"} <= set(sent)
    got = await caller.ask("import_file", file_id=sent["file_id"])
    assert [name.partition(".")[0] for name in got["objects"]] == ["Cube"]
    await caller.text("execute_code", code=f"bpy.data.objects.remove(bpy.data.objects[{got['objects'][0]!r}])")


async def read_and_use_the_console(caller: Caller) -> None:
    output = await caller.ask("get_console_output", level="output", page_size=5)
    assert set(output) == {"console_output", "total_lines", "level", "has_console", "lines", *PAGE}
    assert set(output["lines"][0]) == {"text", "type", "source"}
    told = await caller.ask("console_operations", operation="get_info")
    assert set(told) == {"success", "info"}
    assert {"has_console", "console_type"} <= set(told["info"])
    done = await caller.ask("console_operations", operation="clear")
    assert set(done) == {"success", "message"}


async def watch_properties(caller: Caller) -> None:
    made = await caller.ask("msgbus_subscribe_rna", data_path="Object.location", owner_id="me")
    assert set(made) >= {"success", "message", "subscription_id", "key"}
    listed = await caller.ask("msgbus_list_subscriptions", owner_id="me")
    assert set(listed) >= {"success", "subscriptions", "count", "owners"}
    keys = {"owner_id", "data_path", "key", "persistent", "notify_type", "active"}
    assert [set(item) for item in listed["subscriptions"]] == [keys]
    assert set(await caller.ask("msgbus_publish_rna", data_path="Object.location")) >= {"success", "message"}
    assert set(await caller.ask("msgbus_get_notifications")) >= {"success", "notifications", "count"}
    assert set(await caller.ask("msgbus_clear_by_owner", owner_id="me")) >= {"success", "message"}
    assert (await caller.ask("msgbus_list_subscriptions"))["count"] == 0


async def texture_from_poly_haven(caller: Caller, folder: Path) -> None:
    services = caller.services
    assert (await caller.ask("get_polyhaven_status"))["enabled"] is True
    services.document("/categories/textures", {"wood": 7})
    assert await caller.ask("get_polyhaven_categories", asset_type="textures") == {"categories": {"wood": 7}}
    services.document("/assets", {"planks": {"name": "Planks", "type": 1, "download_count": 3}})
    found = await caller.ask("search_polyhaven_assets", asset_type="textures", categories="wood")
    assert set(found) == {"assets", "total_count", "returned_count"}
    maps = {"Diffuse": "diff", "nor_gl": "nor_gl", "arm": "arm"}
    files = {name: services.file(f"/{file}.png", (folder / f"{file}.png").read_bytes()) for name, file in maps.items()}
    services.document("/files/planks", {name: {"1k": {"png": about}} for name, about in files.items()})
    wanted = {"asset_id": "planks", "asset_type": "textures", "file_format": "png"}
    got = await caller.ask("download_polyhaven_asset", **wanted)
    assert set(got) == {"success", "message", "material", "maps", "source"}
    assert got["source"]["licence"] == "CC0"
    thumbnail = services.file("/thumb.png", (folder / "diff.png").read_bytes())["url"]
    services.document("/info/planks", {"name": "Planks", "thumbnail_url": thumbnail, "authors": {"Ann": "All"}})
    await caller.ask("get_asset_preview", service="polyhaven", asset_id="planks")
    put = await caller.ask("set_texture", object_name="Cube", texture_id="planks")
    assert set(put) == {"success", "message", "material", "maps", "material_info"}
    assert (await caller.ask("get_object_info", name="Cube"))["materials"] == ["planks"]


async def model_from_rodin(caller: Caller, folder: Path) -> None:
    services = caller.services
    assert (await caller.ask("get_hyper3d_status"))["enabled"] is True
    created = {"uuid": "task-1", "jobs": {"uuids": ["j"], "subscription_key": "sub-1"}}
    services.document("/api/v2/rodin", created)
    assert await caller.ask("create_rodin_job", text_prompt="a dog") == created
    services.document("/api/v2/status", {"jobs": [{"uuid": "j", "status": "Done"}]})
    assert await caller.ask("poll_rodin_job_status", subscription_key="sub-1") == {"status_list": ["Done"]}
    services.answers["/model.glb"] = Served((folder / "model.glb").read_bytes())
    services.document("/api/v2/download", {"list": [{"name": "m.glb", "url": f"{services.url}/model.glb"}]})
    told = await caller.ask("import_generated_asset", name="Dog", task_uuid="task-1")
    assert {"succeed", "name", "type", "location", "rotation", "scale"} <= set(told)
    assert (told["succeed"], told["name"]) == (True, "Dog")


async def model_from_hunyuan(caller: Caller, folder: Path) -> None:
    services = caller.services
    assert (await caller.ask("get_hunyuan3d_status"))["enabled"] is True
    services.document("/send", {"uid": "u-1"})
    picture = "data:image/png;base64," + base64.b64encode((folder / "diff.png").read_bytes()).decode()
    assert (await caller.ask("create_hunyuan_job", image=picture))["job_id"] == "job_u-1"
    model = base64.b64encode((folder / "model.glb").read_bytes()).decode()
    services.document("/status/u-1", {"status": "completed", "model_base64": model})
    assert (await caller.ask("poll_hunyuan_job_status", job_id="job_u-1"))["status"] == "DONE"
    told = await caller.ask("import_generated_asset_hunyuan", name="Cat", job_id="job_u-1", target_size=0.5)
    assert (told["name"], max(told["dimensions"])) == ("Cat", 0.5)


def zipped(*paths: Path) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path in paths:
            archive.write(path, path.name)
    return target.getvalue()


async def model_from_sketchfab(caller: Caller, folder: Path) -> None:
    services = caller.services
    assert (await caller.ask("get_sketchfab_status"))["enabled"] is True
    answer = {"results": [{"uid": "u1", "name": "Car"}], "next": None}
    services.document("/v3/search", answer)
    assert await caller.ask("search_sketchfab_models", query="car") == answer
    data = zipped(folder / "scene.gltf", folder / "scene.bin")
    services.answers["/car.zip"] = Served(data)
    services.document("/v3/models/u1/download", {"gltf": {"url": f"{services.url}/car.zip", "size": len(data)}})
    got = await caller.ask("download_sketchfab_model", uid="u1")
    assert set(got) == {
        "success",
        "message",
        "imported_objects",
        "normalized",
        "dimensions",
        "world_bounding_box",
        "source",
    }
    assert got["normalized"] is False
    assert len(got["imported_objects"]) > 0
