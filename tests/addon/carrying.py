"""What the tests of files in Blender share: a folder in place of the server, jobs that carry files, a scene."""

from __future__ import annotations

import struct
import zlib
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from running import MAX_SECONDS, Outcome

from addon.link.queue.main_thread import MainThreadQueue, Route
from addon.link.records import Job
from addon.link.transfers.model import Downloaded, Transfer, TransferFailed

FILE_ID = "f-" + "A" * 22


class Disk:
    """Where files go and come from in these tests: a folder. tests/files/ has the same with real transfers."""

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


def png(width: int = 4, height: int = 4) -> bytes:
    rows = b"".join(b"\0" + bytes((200, 100, 50)) * 4 for _ in range(4))
    parts = [
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    body = b"".join(struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts)
    return b"\x89PNG\r\n\x1a\n" + body
