"""Export and import on real Blender: every format there and back, and what is not what it says."""

from __future__ import annotations

import json
import struct
import threading
import wave
import zipfile
import zlib
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from running import MAX_SECONDS, Outcome, run_locally

from addon.link.queue.main_thread import MainThreadQueue, Route
from addon.link.records import Job
from addon.link.transfers.model import Downloaded, Transfer, TransferFailed

pytestmark = pytest.mark.bpy
FILE_ID = "f-" + "A" * 22


class Disk:
    """Where files go and come from in these tests: a folder. tests/test_files.py has the same with real transfers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: dict[str, tuple[str, str]] = {}
        self.offered: tuple[Path, str, str] | None = None

    def upload(self, path: Path, name: str, mime_type: str, *, report: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        kept = self.folder / f"sent-{len(self.sent)}"
        kept.write_bytes(path.read_bytes())
        self.sent[name] = (str(kept), mime_type)
        report(Transfer("up", name, total=1, done=1))
        future.set_result({"file_id": FILE_ID, "name": name, "bytes": kept.stat().st_size})
        return future

    def download(self, file_id: str, path: Path, *, report: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.offered is None:
            future.set_exception(TransferFailed("there is no such file"))
            return future
        source, name, mime_type = self.offered
        path.write_bytes(source.read_bytes())
        report(Transfer("down", name, total=1, done=1))
        future.set_result(Downloaded(path, name, mime_type, path.stat().st_size, ""))
        return future


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def run(disk: Disk, command: str, **params: Any) -> Outcome:
    """Run a command as a job of the bus, with `disk` at the other end."""
    from addon.commands import registry

    answers: list[tuple[Any, ...]] = []
    queue = MainThreadQueue(registry.run)
    route = Route(registry.run, lambda *answer: answers.append(answer), files=disk)  # type: ignore[arg-type]
    queue.submit(Job("j-test", command, params), route)
    for _ in range(int(MAX_SECONDS / 0.05)):
        if answers:
            break
        if queue.wait(0.05):
            queue.drain()
    [(_, status, result, error, *extra)] = answers
    return Outcome(status, result, error, *extra)


def export(disk: Disk, **params: Any) -> tuple[Path, str, dict[str, Any]]:
    """Return the file that an export sent, its name, and the answer."""
    disk.sent.clear()
    outcome = run(disk, "export_file", **params)
    document = outcome.document
    [(name, (path, _))] = disk.sent.items()
    assert document["file"]["name"] == name and outcome.extra["files"] == [document["file"]]
    return Path(path), name, document


def bring(disk: Disk, path: Path, name: str, mime_type: str = "application/octet-stream", **params: Any) -> Outcome:
    disk.offered = (path, name, mime_type)
    return run(disk, "import_file", file_id=FILE_ID, **params)


def scene(bpy: Any) -> None:
    """A cube and a cone, with materials of their own and a picture on the cube."""
    cube = bpy.data.objects["Cube"]
    image = bpy.data.images.new("wood", 8, 8)
    image.pixels = [0.25, 0.5, 0.75, 1.0] * 64
    image.file_format, image.filepath_raw = "PNG", str(Path(bpy.app.tempdir) / "wood.png")
    image.save()
    material = cube.data.materials[0]
    material.name = "Wood"
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    principled = next(item for item in material.node_tree.nodes if item.type == "BSDF_PRINCIPLED")
    material.node_tree.links.new(node.outputs["Color"], principled.inputs["Base Color"])
    bpy.ops.mesh.primitive_cone_add(vertices=12, location=(3, 0, 0))
    cone = bpy.context.object
    cone.name = "Cone"
    other = bpy.data.materials.new("Stone")
    other.use_nodes = True
    cone.data.materials.append(other)
    bpy.context.view_layer.update()


def corners(bpy: Any, names: list[str]) -> set[tuple[float, ...]]:
    """The places of all vertices of these objects in the world, whatever object they are in."""
    found: set[tuple[float, ...]] = set()
    graph = bpy.context.evaluated_depsgraph_get()
    for name in names:
        item = bpy.data.objects[name]
        if item.type == "MESH":
            mesh = item.evaluated_get(graph).data
            found |= {tuple(round(value, 3) + 0.0 for value in item.matrix_world @ v.co) for v in mesh.vertices}
    return found


def arrivals(bpy: Any) -> set[Path]:
    """What imports keep on disk."""
    return set(Path(bpy.utils.user_resource("DATAFILES", path="blender_bus/imports", create=True)).iterdir())


def state(bpy: Any) -> list[Any]:
    layer, at = bpy.context.view_layer, bpy.context.scene
    active = layer.objects.active
    return [
        sorted(item.name for item in layer.objects.selected),
        None if active is None else (active.name, active.mode),
        (at.frame_current, at.frame_start, at.frame_end, at.render.fps),
        sorted(image.name for image in bpy.data.images if image.packed_file is not None),
    ]


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


# -- media -------------------------------------------------------------------------------------------------------------


def png(width: int = 4, height: int = 4) -> bytes:
    rows = b"".join(b"\0" + bytes((200, 100, 50)) * 4 for _ in range(4))
    parts = [
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    body = b"".join(struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts)
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_reference_image_as_data_in_the_scene_and_as_light(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(png())
    told = bring(disk, path, "ref.png", "image/png").document
    assert (told["objects"], told["images"]) == ([], ["ref.png"])
    assert bpy.data.images["ref.png"].packed_file is not None and bpy.data.images["ref.png"].use_fake_user
    told = bring(disk, path, "ref.png", options={"as": "reference"}).document
    [empty] = told["objects"]
    assert bpy.data.objects[empty].empty_display_type == "IMAGE"
    assert bpy.data.objects[empty].data.packed_file is not None
    world = bpy.context.scene.world
    assert bring(disk, path, "ref", "image/png", format="hdri").status == "completed"
    assert bpy.context.scene.world != world
    assert "options.as must be one of image, reference" in bring(disk, path, "ref.png", options={"as": "x"}).error
    assert "options.size is unknown" in bring(disk, path, "ref.png", options={"size": 1}).error


def test_a_sound_and_a_font_are_packed(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\1" * 800)
    assert bring(disk, path, "beep.wav").document["sounds"] == ["beep.wav"]
    assert bpy.data.sounds["beep.wav"].packed_file is not None
    fonts = Path(bpy.utils.system_resource("DATAFILES")) / "fonts"
    font = next(file for file in sorted(fonts.iterdir()) if file.suffix in (".woff2", ".ttf"))
    told = bring(disk, font, font.name).document
    assert bpy.data.fonts[told["fonts"][0]].packed_file is not None


def test_a_movie_stays_on_disk_as_long_as_the_file_needs_it(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    render = bpy.context.scene.render
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format = "MPEG4"
    render.engine = "BLENDER_WORKBENCH"
    render.resolution_x = render.resolution_y = 32
    render.filepath = str(tmp_path / "movie.mp4")
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 1, 2
    bpy.ops.render.render(animation=True)
    [movie] = tmp_path.glob("movie*")
    [name] = bring(disk, movie, "walk.mp4").document["movieclips"]
    kept = Path(bpy.data.movieclips[name].filepath)
    assert kept.is_file() and kept.is_relative_to(bpy.utils.user_resource("DATAFILES", path="blender_bus/imports"))


# -- what is not what it says ------------------------------------------------------------------------------------------


def test_lies_about_the_type_are_told(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.write_text("<html><script>alert(1)</script></html>")
    picture = tmp_path / "picture"
    picture.write_bytes(png())
    objects = len(bpy.data.objects)
    for name, path, params, told in [
        ("a.png", page, {}, "'a.png' is no png file, which its name says: it begins with b'<html>"),
        ("a.glb", picture, {}, "'a.glb' is no glb file, which its name says: it looks like png"),
        ("a", page, {"mime_type": "image/png"}, "is no png file, which its type image/png says"),
        ("a.png", picture, {"format": "fbx"}, "is no fbx file, which was asked for: it looks like png"),
        ("a", page, {}, "say its format: glb, gltf"),
        ("a.png", picture, {"format": "exe"}, "format must be one of glb"),
        ("a.png", picture, {"format": "sound"}, "cannot be told to be a kind of sound"),
        ("a.png", picture, {"format": "zip"}, "is no zip file"),
    ]:
        outcome = bring(disk, path, name, **params)
        assert outcome.status == "failed" and told in outcome.error, outcome.error
    assert len(bpy.data.objects) == objects


@pytest.mark.parametrize("data", [b"", b"glTF", b"glTF\2\0\0\0\xff\xff\xff\xff\0\0\0\0JSON", b"ply\n" + b"\xff" * 99])
def test_damaged_files_fail_and_bring_nothing(bpy: Any, disk: Disk, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    before = [len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.images)]
    outcome = bring(disk, path, "x.ply" if data.startswith(b"ply") else "x.glb")
    assert outcome.status == "failed", outcome.result
    assert [len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.images)] == before


def test_a_picture_that_would_fill_the_memory_is_refused_by_its_head(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(png(60_000, 60_000))
    assert "60000 x 60000 pixels" in bring(disk, path, "x.png").error


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def test_a_zip_of_a_model_with_its_textures(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    obj = b"mtllib a.mtl\no Tri\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl Red\nf 1 2 3\n"
    members = [("m/a.obj", obj), ("m/a.mtl", b"newmtl Red\nmap_Kd tex/red.png\n"), ("m/tex/red.png", png())]
    path = zipped(tmp_path / "z", *members)
    for params in ({}, {"format": "obj"}):
        told = bring(disk, path, "model.zip", **params).document
        assert told["format"] == "obj" and told["images"] and told["materials"]
        assert bpy.data.images[told["images"][0]].packed_file is not None
    assert "the archive holds no file of the format fbx" in bring(disk, path, "model.zip", format="fbx").error


def test_hostile_archives_are_refused(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    for number, (members, told) in enumerate(
        [
            ([("../../evil.obj", b"v 0 0 0")], "is not a path inside the folder"),
            ([("/etc/evil.obj", b"v 0 0 0")], "is not a path inside the folder"),
            ([("a\\..\\..\\evil.obj", b"v 0 0 0")], "is not a path inside the folder"),
            ([("bomb.obj", bytes(300 * 1_048_576))], "which is too much"),
            ([("readme.txt", b"hello")], "the archive holds no file that can be imported"),
            ([("lie.glb", b"<html>")], "is no glb file"),
        ]
    ):
        outcome = bring(disk, zipped(tmp_path / f"z{number}", *members), "m.zip")
        assert outcome.status == "failed" and told in outcome.error, outcome.error
    broken = tmp_path / "broken"
    broken.write_bytes(b"PK\x03\x04" + b"\xff" * 100)
    assert "cannot be unpacked" in bring(disk, broken, "m.zip").error


def gltf(**parts: Any) -> bytes:
    return json.dumps({"asset": {"version": "2.0"}, **parts}).encode()


@pytest.mark.parametrize(
    "uri", ["/etc/passwd", "../../../../etc/passwd", "file:///etc/passwd", "%2e%2e/%2e%2e/secret.png", "missing.bin"]
)
def test_a_model_cannot_name_files_of_this_computer(bpy: Any, disk: Disk, tmp_path: Path, uri: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(gltf(buffers=[{"uri": uri, "byteLength": 4}]))
    outcome = bring(disk, path, "m.gltf")
    assert outcome.status == "failed"
    assert "is not a path inside" in outcome.error or "did not come along" in outcome.error


def test_pictures_of_this_computer_that_a_material_names_are_not_looked_into(
    bpy: Any, disk: Disk, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    obj = b"mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl Red\nf 1 2 3\n"
    path = zipped(tmp_path / "z", ("a.obj", obj), ("a.mtl", f"newmtl Red\nmap_Kd {secret}\n".encode()))
    told = bring(disk, path, "m.zip").document
    assert told["images"] == [] and "elsewhere on this computer" in told["note"]
    assert not any(image.name.startswith("secret") for image in bpy.data.images)


def test_an_svg_with_entities_is_refused(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text('<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg><text>&b;</text></svg>')
    assert "declares entities" in bring(disk, path, "x.svg").error


def test_scripts_of_an_uploaded_blend_never_run(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    bpy.context.preferences.filepaths.use_scripts_auto_execute = True
    cube = bpy.data.objects["Cube"]
    curve = cube.driver_add("location", 0)
    curve.driver.expression = f"__import__('pathlib').Path({str(ran)!r}).touch() or 1.0"
    cube.driver_add("location", 1).driver.expression = "frame * 2"
    text = bpy.data.texts.new("startup.py")
    text.from_string(f"open({str(ran)!r}, 'w')")
    text.use_module = True
    cube["script"] = text
    path, name, _ = export(disk, format="blend", names=["Cube"])
    bpy.ops.wm.read_factory_settings()
    bpy.context.preferences.filepaths.use_scripts_auto_execute = True
    ran.unlink(missing_ok=True)
    told = bring(disk, path, name).document
    bpy.context.scene.frame_set(5)
    bpy.context.view_layer.update()
    assert not ran.exists()
    assert "drivers with Python were left out" in told["note"]
    assert bpy.data.objects[told["objects"][0]].location.y == 10
    assert not any(item.use_module for item in bpy.data.texts)
    assert bpy.context.preferences.filepaths.use_scripts_auto_execute
    bpy.context.preferences.filepaths.use_scripts_auto_execute = False


# -- who may, and when -------------------------------------------------------------------------------------------------


def test_without_a_server_both_say_what_to_do(bpy: Any) -> None:
    for command, params in (("export_file", {"format": "glb"}), ("import_file", {"file_id": FILE_ID})):
        outcome = run_locally(command, **params)
        assert outcome.status == "failed" and "execute_code" in outcome.error


def test_an_import_makes_a_checkpoint_of_what_a_person_has_made(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    from addon.commands.checkpoints.keeper import keeper

    keeper.watch(attended=True)
    try:
        bpy.data.objects["Cube"].location.x = 5
        bpy.context.view_layer.update()
        keeper.edited()
        path = tmp_path / "p"
        path.write_bytes(png())
        outcome = bring(disk, path, "a.png")
        assert outcome.extra["checkpoint"]["checkpoint_id"]
        assert "checkpoint" not in run(disk, "export_file", format="stl").extra
    finally:
        keeper.unwatch()
        keeper.forget()


def test_a_read_only_blender_exports_and_does_not_import(bpy: Any, disk: Disk) -> None:
    from addon.commands.allowed import settings
    from addon.commands.allowed.settings import Settings

    settings.provide(lambda: Settings(policy="read-only"))
    try:
        assert run(disk, "export_file", format="stl").status == "completed"
        assert "read-only" in run(disk, "import_file", file_id=FILE_ID).error
    finally:
        settings.provide(Settings)


def test_a_cancel_while_a_file_is_on_its_way_ends_the_job_and_leaves_nothing(bpy: Any, disk: Disk) -> None:
    from addon.commands import registry

    class Slow(Disk):
        cancelled: threading.Event | None = None

        def download(self, file_id: str, path: Path, *, cancelled: Any = None, **_: Any) -> Future[Any]:
            self.cancelled = cancelled
            return Future()

    slow, answers, kept = Slow(disk.folder), list[tuple[Any, ...]](), arrivals(bpy)
    queue = MainThreadQueue(registry.run)
    route = Route(registry.run, lambda *answer: answers.append(answer), files=slow)  # type: ignore[arg-type]
    queue.submit(Job("j-1", "import_file", {"file_id": FILE_ID}), route)
    queue.drain()
    assert not answers and queue.cancel("j-1", route)
    queue.drain()
    assert answers[0][1] == "cancelled"
    assert slow.cancelled is not None and slow.cancelled.is_set()
    assert arrivals(bpy) == kept


def test_an_import_that_fails_half_way_takes_back_what_it_brought(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    scene(bpy)
    path, _, _ = export(disk, format="glb")
    data = bytearray(path.read_bytes())
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    document["accessors"][-1]["bufferView"] = 99
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = bytes(data[20 + length :])
    whole = struct.pack("<4sII", b"glTF", 2, 20 + len(text) + len(rest)) + struct.pack("<I4s", len(text), b"JSON")
    broken = tmp_path / "broken"
    broken.write_bytes(whole + text + rest)
    bpy.ops.wm.read_factory_settings()
    before = {name: len(getattr(bpy.data, name)) for name in ("objects", "meshes", "materials", "images")}
    assert bring(disk, broken, "b.glb").status == "failed"
    assert {name: len(getattr(bpy.data, name)) for name in before} == before


def test_what_is_wrong_with_a_download_is_told(bpy: Any, disk: Disk) -> None:
    assert "there is no such file" in run(disk, "import_file", file_id=FILE_ID).error
    assert "is missing" in run(disk, "import_file").error
