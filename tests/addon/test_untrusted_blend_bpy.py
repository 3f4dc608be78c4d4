"""Files of Blender that name files of this computer, or unpack to more than they say, on real Blender."""

from __future__ import annotations

import gzip
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from carrying import FILE_ID, Disk, arrivals, bring, export, png

from addon.fetch.archive import Stopped
from addon.fetch.workers import workers
from addon.link.queue.main_thread import MainThreadQueue, Route
from addon.link.records import Job

pytestmark = pytest.mark.bpy


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    place.mkdir()
    for name in ("a.png", "a.mdd", "a.abc", "a.vdb", "a.ies", "a.osl", "a.obj", "a.wav"):
        (place / name).write_bytes(png())
    return place


def saved(bpy: Any, tmp_path: Path, *, compress: bool = False, name: str = "upload.blend") -> Path:
    path = tmp_path / name
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=compress, relative_remap=False)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return path


def paths(bpy: Any) -> list[str]:
    """All that the open file names, by Blender's own account where it gives one, and by each property that we know."""
    from addon.commands.files.naming import named_by_all
    from addon.commands.files.outside import needed

    own = {str(named.path) for named in named_by_all()} | {str(path) for path in needed()}
    if hasattr(bpy.data, "file_path_map"):
        for named in bpy.data.file_path_map(include_libraries=True).values():
            own |= set(named)
    return sorted(own)


def test_modifiers_nodes_and_caches_do_not_read_elsewhere(bpy: Any, disk: Disk, tmp_path: Path, secret: Path) -> None:
    cube = bpy.data.objects["Cube"]
    cube.modifiers.new("mesh", "MESH_CACHE").filepath = str(secret / "a.mdd")
    cube.modifiers.new("ocean", "OCEAN").filepath = str(secret)
    cache = cube.modifiers.new("cloth", "CLOTH").point_cache
    cache.use_external, cache.filepath = True, str(secret)
    nodes = cube.modifiers.new("nodes", "NODES")
    nodes.node_group = tree = bpy.data.node_groups.new("Tree", "GeometryNodeTree")
    nodes.bake_directory = str(secret)
    if hasattr(bpy.types, "GeometryNodeImportOBJ"):
        tree.nodes.new("GeometryNodeImportOBJ").inputs[0].default_value = str(secret / "a.obj")
    shading = cube.data.materials[0].node_tree
    light = shading.nodes.new("ShaderNodeTexIES")
    light.mode, light.filepath = "EXTERNAL", str(secret / "a.ies")
    script = shading.nodes.new("ShaderNodeScript")
    script.mode, script.filepath = "EXTERNAL", str(secret / "a.osl")
    shading.nodes.new("ShaderNodeTexImage").image = bpy.data.images.load(str(secret / "a.png"))
    domain = bpy.data.objects.new("Domain", bpy.data.meshes.new("Domain"))
    domain.modifiers.new("fluid", "FLUID").fluid_type = "DOMAIN"
    speaker = bpy.data.objects.new("Speaker", bpy.data.speakers.new("Speaker"))
    speaker.data.sound = bpy.data.sounds.load(str(secret / "a.wav"))
    volume = bpy.data.objects.new("Smoke", bpy.data.volumes.new("Smoke"))
    volume.data.filepath = str(secret / "a.vdb")
    for item in (domain, speaker, volume):
        bpy.context.scene.collection.objects.link(item)
    bpy.ops.cachefile.open(filepath=str(secret / "a.abc"))
    sequence = cube.modifiers.new("abc", "MESH_SEQUENCE_CACHE")
    sequence.cache_file = bpy.data.cache_files[0]
    if hasattr(bpy.data.cameras[0], "custom_filepath"):
        bpy.data.cameras[0].custom_filepath = str(secret / "a.osl")
    told = bring(disk, saved(bpy, tmp_path), "upload.blend").document
    assert [path for path in paths(bpy) if "home" in path] == []
    assert "Taken out, since it may read or write files of this computer" in told["note"]
    assert {"Cube", "Domain", "Speaker", "Smoke", "Camera"} <= set(told["objects"])
    assert "Cube (mesh)" in told["note"] and not bpy.data.objects["Domain"].modifiers
    assert not any(node.type == "SCRIPT" for node in bpy.data.materials[told["materials"][0]].node_tree.nodes)
    for _ in range(2):
        bpy.context.scene.frame_set(bpy.context.scene.frame_current + 1)


def test_what_came_along_is_used_and_kept(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    """A .blend with its cache in a zip: the folder stays while the open file needs it."""
    place = tmp_path / "m"
    place.mkdir()
    (place / "a.mdd").write_bytes(b"x")
    bpy.ops.wm.save_as_mainfile(filepath=str(place / "m.blend"))
    bpy.data.objects["Cube"].modifiers.new("mesh", "MESH_CACHE").filepath = "//a.mdd"
    bpy.ops.wm.save_as_mainfile(filepath=str(place / "m.blend"))
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for file in sorted(place.iterdir()):
            if file.suffix in (".blend", ".mdd"):
                archive.write(file, f"m/{file.name}")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    before = arrivals(bpy)
    told = bring(disk, tmp_path / "z", "m.zip").document
    assert "note" not in told, told["note"]
    kept = Path(bpy.path.abspath(bpy.data.objects["Cube"].modifiers["mesh"].filepath))
    assert kept.is_file() and [folder for folder in arrivals(bpy) - before if kept.is_relative_to(folder)]


def test_folders_that_nothing_needs_are_let_go(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    root = Path(bpy.utils.user_resource("DATAFILES", path="blender_bus/imports", create=True))
    day = 86_400
    made = {}
    for name, kept, days in [("crashed", False, 2), ("begun", False, 0), ("kept", True, 80), ("old", True, 91)]:
        made[name] = root / f"test-{name}-{tmp_path.name}"
        (made[name] / "files").mkdir(parents=True)
        (made[name] / "files/a.mdd").write_bytes(b"x")
        if kept:
            (made[name] / "kept").touch()
        at = (made[name] / "files").stat().st_mtime - days * day
        for place in (*made[name].iterdir(), made[name]):
            os.utime(place, (at, at))
    needed = made["old"].with_name(made["old"].name + "-needed")
    made["old"].rename(needed)
    (made["old"] / "files").mkdir(parents=True)
    (made["old"] / "kept").touch()
    os.utime(made["old"] / "kept", (0, 0))
    bpy.data.objects["Cube"].modifiers.new("mesh", "MESH_CACHE").filepath = str(needed / "files/a.mdd")
    picture = tmp_path / "a.png"
    picture.write_bytes(png())
    assert bring(disk, picture, "a.png").status == "completed"
    there = {name for name, folder in made.items() if folder.exists()}
    assert there == {"begun", "kept"} and needed.exists()
    assert (needed / "kept").stat().st_mtime > (made["kept"] / "kept").stat().st_mtime


def test_a_file_that_links_others_is_refused(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {bpy.data.objects["Cube"]})
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["Cube"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"), copy=True, compress=False)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "b.blend"), copy=True, compress=True)
    (tmp_path / "c.blend").write_bytes(gzip.compress((tmp_path / "a.blend").read_bytes()))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for name in ("a.blend", "b.blend", "c.blend"):
        outcome = bring(disk, tmp_path / name, name)
        assert outcome.status == "failed" and "links other .blend files" in outcome.error, (name, outcome.error)
    assert not bpy.data.libraries and not bpy.data.objects


def test_compressed_files_come_and_bombs_do_not(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    path = saved(bpy, tmp_path, compress=True)
    assert path.read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    assert "Cube" in bring(disk, path, "x.blend").document["objects"]
    plain = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read()
    (tmp_path / "gz").write_bytes(gzip.compress(plain))
    assert bring(disk, tmp_path / "gz", "x.blend").document["objects"]
    before = arrivals(bpy)
    zeros = plain + bytes(600 * 1_048_576)
    for name, data in [("a", zstandard.compress(zeros)), ("b", gzip.compress(zeros, 1))]:
        (tmp_path / name).write_bytes(data)
        outcome = bring(disk, tmp_path / name, "x.blend")
        assert outcome.status == "failed" and "which is too much" in outcome.error, outcome.error
    for name, data in [("d", zstandard.compress(plain)[:5000]), ("e", gzip.compress(plain)[:5000]), ("f", plain[:700])]:
        (tmp_path / name).write_bytes(data)
        assert bring(disk, tmp_path / name, "x.blend").status == "failed"
    assert arrivals(bpy) == before


def test_an_export_says_what_is_only_named_in_it(bpy: Any, disk: Disk, tmp_path: Path, secret: Path) -> None:
    bpy.data.objects["Cube"].modifiers.new("mesh", "MESH_CACHE").filepath = str(secret / "a.mdd")
    bpy.data.sounds.load(str(secret / "a.wav")).use_fake_user = True
    volume = bpy.data.volumes.new("Smoke")
    volume.filepath, volume.use_fake_user = str(secret / "a.vdb"), True
    _, _, document = export(disk, format="blend")
    for name in ("Cube (mesh)", "a.wav", "Smoke"):
        assert name in document["note"], document["note"]


def test_drawings_are_held_to_a_size_and_to_letters_that_can_be_judged(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "a"
    for text, told in [
        (b"\x1f\x8b\x08\x10<svg " + bytes(b"x" * 200), "is no svg file"),
        (b'<?xml version="1.0" encoding="cp037"?><svg/>', "is encoded as"),
        (b"<svg>" + b" " * (65 * 1_048_576) + b"</svg>", "a drawing of at most"),
    ]:
        path.write_bytes(text)
        outcome = bring(disk, path, "x.svg")
        assert outcome.status == "failed" and told in outcome.error, outcome.error


def test_a_cancel_while_it_is_unpacked_leaves_nothing(
    bpy: Any, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is answered at once; what its thread still writes after that is gone, too."""
    from addon.commands import registry
    from addon.commands.files import arriving

    queue, begun, done = MainThreadQueue(registry.run), threading.Event(), threading.Event()

    def slowly(path: Path, folder: Path, cancelled: threading.Event) -> list[Path]:
        begun.set()
        assert cancelled.wait(20)
        while path.exists():
            done.wait(0.02)
        folder.mkdir(parents=True)
        (folder / "late").write_bytes(b"x")
        done.set()
        raise Stopped("cancelled")

    monkeypatch.setattr(arriving, "unpack", slowly)
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("a.obj", "v 0 0 0")
    disk.offered = (tmp_path / "z", "a.zip", "application/zip")
    before, answers = arrivals(bpy), list[Any]()
    route = Route(registry.run, lambda *answer: answers.append(answer), files=disk)  # type: ignore[arg-type]
    queue.submit(Job("j-test", "import_file", {"file_id": FILE_ID}), route)
    while not answers:
        if queue.wait(0.02):
            queue.drain()
        if begun.is_set():
            queue.cancel("j-test", route)
    assert answers[0][1] == "cancelled", answers
    assert done.wait(20) and workers.join(20)
    assert arrivals(bpy) == before


@pytest.mark.parametrize("how", ["sequence", "tiles", "views"])
def test_a_picture_that_is_packed_in_part_reads_no_more_from_elsewhere(
    bpy: Any, disk: Disk, tmp_path: Path, secret: Path, how: str
) -> None:
    image = bpy.data.images.new("half", 4, 4)
    image.pack(data=png(), data_len=len(png()))
    image.source = "FILE"
    image.filepath_raw = str(secret / "a.png")
    if how == "sequence":
        image.source = "SEQUENCE"
    elif how == "tiles":
        image.source = "TILED"
        image.filepath_raw = str(secret / "a.<UDIM>.png")
        image.tiles.new(1002)
    else:
        image.use_multiview, image.views_format = True, "INDIVIDUAL"
    assert image.packed_files
    bpy.data.objects["Cube"].data.materials[0].node_tree.nodes.new("ShaderNodeTexImage").image = image
    told = bring(disk, saved(bpy, tmp_path), "upload.blend").document
    assert told["images"] == [] and "elsewhere on this computer" in told["note"], told
    assert not [path for path in paths(bpy) if "home" in path]


def test_lists_of_addresses_do_not_come_as_sounds_or_movies(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    """Packed in a .blend, and beside it in a zip."""
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.mp3\n#EXT-X-ENDLIST\n"
    place = tmp_path / "m"
    place.mkdir()
    for name in ("packed.mp3", "beside.mp3", "clip.mp4"):
        (place / name).write_bytes(playlist)
    (place / "honest.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0" + bytes(100))
    bpy.ops.wm.save_as_mainfile(filepath=str(place / "m.blend"))
    for name in ("packed.mp3", "beside.mp3", "honest.wav"):
        speaker = bpy.data.objects.new(name, bpy.data.speakers.new(name))
        bpy.context.scene.collection.objects.link(speaker)
        speaker.data.sound = bpy.data.sounds.load(str(place / name))
        speaker.data.sound.filepath = f"//{name}"
    bpy.data.sounds["packed.mp3"].pack()
    camera = bpy.data.cameras[0]
    camera.background_images.new().clip = bpy.data.movieclips.load(str(place / "clip.mp4"))
    bpy.data.movieclips["clip.mp4"].filepath = "//clip.mp4"
    (place / "packed.mp3").unlink()
    bpy.ops.wm.save_as_mainfile(filepath=str(place / "m.blend"))
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for file in sorted(place.iterdir()):
            if not file.name.endswith("1"):
                archive.write(file, f"m/{file.name}")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    told = bring(disk, tmp_path / "z", "m.zip").document
    assert told.get("sounds") == ["honest.wav"], told["note"]
    assert [clip.filepath for clip in bpy.data.movieclips] == [""]
    bpy.context.view_layer.update()
    for name in ("packed.mp3", "beside.mp3", "clip.mp4"):
        assert name in told["note"]
