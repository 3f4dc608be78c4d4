#!/usr/bin/env python3
"""A peer without Blender: attaches to the bus and answers all commands with a made-up scene.

For trying clients and the bus where no Blender is at hand. It runs nothing it is sent. Needs only `websockets`.

    python fake_blender_peer.py --server http://localhost:8787 --uuid blender-demo01 [--token ...]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import struct
import sys
import time
import urllib.error
import urllib.request
import zlib
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

PING_EVERY = 30.0
PONG_WITHIN = 15.0
LONGEST_DELAY = 30.0
SEEN_KEPT = 10_000

OBJECTS: dict[str, dict[str, Any]] = {
    "Cube": {"type": "MESH", "location": [0.0, 0.0, 0.0], "materials": ["Material"]},
    "Light": {"type": "LIGHT", "location": [4.076245, 1.005454, 5.903862], "materials": []},
    "Camera": {"type": "CAMERA", "location": [7.358891, -6.925791, 4.958309], "materials": []},
}
MATERIALS = ["Material"]


class Refused(Exception):
    """A command cannot do what was asked."""


# -- the commands ------------------------------------------------------------------------------------------------------


def scene_info(params: dict[str, Any]) -> Any:
    objects = [{"name": name, "type": it["type"], "location": it["location"]} for name, it in OBJECTS.items()]
    return {"name": "Scene", "object_count": len(objects), "objects": objects, "materials_count": len(MATERIALS)}


def object_info(params: dict[str, Any]) -> Any:
    name = params.get("name")
    if name not in OBJECTS:
        raise Refused(f"Object not found: {name}")
    info: dict[str, Any] = {
        "name": name,
        **OBJECTS[name],
        "rotation": [0.0, 0.0, 0.0],
        "scale": [1.0, 1.0, 1.0],
        "visible": True,
    }
    if info["type"] == "MESH":
        info["world_bounding_box"] = [[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]
        info["mesh"] = {"vertices": 8, "edges": 12, "polygons": 6}
    return info


def browse_data(params: dict[str, Any]) -> Any:
    collections = {
        "objects": ("Object", list(OBJECTS)),
        "materials": ("Material", MATERIALS),
        "scenes": ("Scene", ["Scene"]),
    }
    collection = params.get("collection")
    if collection is None:
        rows = [{"name": name, "count": len(items), "type": kind} for name, (kind, items) in collections.items()]
        return {"success": True, "collections": rows, "total": len(rows)}
    if collection not in collections:
        raise Refused(f"bpy.data has no collection {collection!r}; it has: {', '.join(collections)}")
    kind, names = collections[collection]
    item = params.get("item_name")
    if item is not None:
        if item not in names:
            raise Refused(f"no {item!r} in {collection}")
        return {"success": True, "item": {"name": item, "type": kind, "users": 1}, "collection": collection}
    page, size = params.get("page", 1), params.get("page_size", 50)
    shown = names[(page - 1) * size : page * size]
    return {
        "success": True,
        "collection": collection,
        "items": [{"name": name, "type": kind, "users": 1} for name in shown],
        "page": page,
        "page_size": size,
        "total_pages": -(-len(names) // size),
        "total_items": len(names),
    }


def execute_code(params: dict[str, Any]) -> Any:
    lines = str(params.get("code", "")).count("\n") + 1
    return f"fake peer: took {lines} line{'s' if lines != 1 else ''} of code and ran nothing\n"


def screenshot(params: dict[str, Any]) -> Any:
    width, height = 64, 36
    row = b"\0" + bytes((60, 60, 60)) * width
    box = b"\0" + bytes((60, 60, 60)) * 24 + bytes((180, 180, 180)) * 16 + bytes((60, 60, 60)) * 24
    pixels = row * 10 + box * 16 + row * 10
    parts = [
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(pixels)),
        (b"IEND", b""),
    ]
    png = b"\x89PNG\r\n\x1a\n"
    for kind, body in parts:
        png += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    image = {"mime_type": "image/png", "data": base64.b64encode(png).decode()}
    note = "Drawn by the fake peer"
    return {"success": True, "width": width, "height": height, "filepath": None, "note": note, "image": image}


def scene_tree(params: dict[str, Any]) -> Any:
    rows = [{"name": name, "kind": "object", "type": it["type"], "visible": True} for name, it in OBJECTS.items()]
    inner = {"name": "Collection", "kind": "collection", "children": rows}
    tree = {"name": "Scene Collection", "kind": "collection", "children": [inner]}
    state = {"scene": "Scene", "view_layer": "ViewLayer", "mode": "OBJECT", "active": "Cube", "selected": ["Cube"]}
    return {**state, "frame": 1, "total_objects": len(rows), "page": 1, "total_pages": 1, "tree": tree}


def file_info(params: dict[str, Any]) -> Any:
    render = {"engine": "BLENDER_WORKBENCH", "resolution": [64, 36], "fps": 24, "frame_start": 1, "frame_end": 250}
    lists: dict[str, Any] = {"missing_files": [], "libraries": [], "packed": [], "orphans": {}}
    state = {"filepath": "", "is_saved": False, "is_dirty": False, "size_bytes": 0, "blender_version": "0.0.0 (fake)"}
    return {**state, **lists, "render": render, "units": {"system": "METRIC", "scale_length": 1.0}}


def measure(params: dict[str, Any]) -> Any:
    return {"objects": {"Cube": {"size": {"dimensions": [2.0, 2.0, 2.0]}}}, "pairs": [], "camera": {"name": "Camera"}}


def set_view(params: dict[str, Any]) -> Any:
    asked = {name: params.get(name) for name in ("target", "angle", "shading")}
    return {"success": True, **asked}


def render_views(params: dict[str, Any]) -> Any:
    shown = screenshot({})
    return {**shown, "views": [{"angle": "persp", "box": [0, 0, shown["width"], shown["height"]]}]}


def render(params: dict[str, Any]) -> Any:
    shown = screenshot({})
    size = {"width": shown["width"], "height": shown["height"]}
    return {"frames": [{"frame": 1}], **size, "engine": "fake", "seconds": 0.0, "image": shown["image"]}


# -- files -------------------------------------------------------------------------------------------------------------


class Files:
    """The server's files, with this peer's token. Small ones only: a peer of Blender sends in pieces and goes on."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.token = ""

    def ask(self, method: str, path: str, body: bytes | None, kind: str) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        request = urllib.request.Request(f"{self.server}{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            told = error.read(500).decode("utf-8", "replace")
            raise Refused(f"the server's files: HTTP {error.code} {told}".rstrip()) from None
        except OSError as error:
            raise Refused(f"the server's files cannot be reached: {error}") from None

    def send(self, name: str, kind: str, data: bytes, job_id: str) -> dict[str, Any]:
        about = {"name": name, "bytes": len(data), "mime_type": kind, "job_id": job_id}
        made = json.loads(self.ask("POST", "/files", json.dumps(about).encode(), "application/json"))
        file = json.loads(self.ask("PUT", f"/files/{made['file_id']}", data, kind))
        return {key: value for key, value in file.items() if key != "url"}


def cube_glb() -> bytes:
    """A cube of two metres, as a binary glTF."""
    corners = [(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = [corner for a, b, c, d in faces for corner in (a, b, c, a, c, d)]
    places = b"".join(struct.pack("<3f", *corner) for corner in corners)
    data = places + struct.pack(f"<{len(triangles)}H", *triangles)
    document = {
        "asset": {"version": "2.0", "generator": "fake peer"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "Cube"}],
        "meshes": [{"name": "Cube", "primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
        "materials": [{"name": "Material"}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 8, "type": "VEC3", "min": [-1] * 3, "max": [1] * 3},
            {"bufferView": 1, "componentType": 5123, "count": len(triangles), "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(places)},
            {"buffer": 0, "byteOffset": len(places), "byteLength": len(data) - len(places)},
        ],
        "buffers": [{"byteLength": len(data)}],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def export_file(params: dict[str, Any], files: Files, job_id: str) -> tuple[Any, list[dict[str, Any]]]:
    if params.get("format") != "glb":
        raise Refused(f"the fake peer exports glb only, not {params.get('format')!r}")
    file = files.send("Cube.glb", "model/gltf-binary", cube_glb(), job_id)
    return {"file": file, "format": "glb", "objects": 1}, [file]


def import_file(params: dict[str, Any], files: Files, job_id: str) -> tuple[Any, list[dict[str, Any]]]:
    data = files.ask("GET", f"/files/{params.get('file_id')}", None, "application/octet-stream")
    return {"objects": ["Imported"], "images": [], "bytes": len(data), "note": "Looked at by the fake peer"}, []


FILE_COMMANDS: dict[str, Any] = {"export_file": export_file, "import_file": import_file}


# -- more commands -----------------------------------------------------------------------------------------------------


def console_output(params: dict[str, Any]) -> Any:
    level = params.get("level", "all")
    lines = [
        {"text": ">>> len(bpy.data.objects)", "type": "input", "source": "python_console"},
        {"text": "3", "type": "output", "source": "python_console"},
    ]
    shown = [line for line in lines if level in ("all", line["type"])]
    return {
        "console_output": "\n".join(line["text"] for line in shown),
        "page": params.get("page", 1),
        "page_size": params.get("page_size", 50),
        "total_pages": 1 if shown else 0,
        "total_lines": len(shown),
        "level": level,
        "has_console": True,
        "lines": shown,
    }


def console_operations(params: dict[str, Any]) -> Any:
    operation = params.get("operation", "get_info")
    if operation == "get_info":
        return {"success": True, "info": {"has_console": True, "console_type": "python"}}
    return {"success": True, "message": f"{operation}: done (by the fake peer)"}


def subscribe(params: dict[str, Any]) -> Any:
    key = f"{params.get('owner_id', 'default')}:{params.get('data_path')}"
    return {"success": True, "message": "Subscribed", "subscription_id": "sub-1", "key": key}


def status_of(name: str) -> Any:
    return lambda params: {"enabled": True, "message": f"{name} is played by the fake peer"}


COMMANDS: dict[str, Any] = {
    "get_scene_info": scene_info,
    "get_object_info": object_info,
    "browse_data": browse_data,
    "execute_code": execute_code,
    "get_viewport_screenshot": screenshot,
    "get_console_output": console_output,
    "console_operations": console_operations,
    "get_polyhaven_status": status_of("Poly Haven"),
    "get_hyper3d_status": status_of("Hyper3D Rodin"),
    "get_sketchfab_status": status_of("Sketchfab"),
    "msgbus_clear_by_owner": lambda p: {"success": True, "message": f"Cleared {p.get('owner_id', 'default')}"},
    "msgbus_publish_rna": lambda p: {"success": True, "message": "Published"},
    "msgbus_subscribe_rna": subscribe,
    "msgbus_get_notifications": lambda p: {"success": True, "notifications": [], "count": 0},
    "msgbus_list_subscriptions": lambda p: {"success": True, "subscriptions": [], "count": 0, "owners": []},
    "get_polyhaven_categories": lambda p: {"categories": {"wood": 12, "metal": 7}},
    "search_polyhaven_assets": lambda p: {
        "assets": {"brown_planks_05": {"name": "Brown Planks 05", "type": 1}},
        "total_count": 1,
        "returned_count": 1,
    },
    "download_polyhaven_asset": lambda p: {
        "success": True,
        "message": f"{p.get('asset_id')} imported",
        "material": p.get("asset_id"),
        "maps": ["Diffuse", "nor_gl", "Rough"],
    },
    "set_texture": lambda p: {
        "success": True,
        "message": f"{p.get('texture_id')} set on {p.get('object_name')}",
        "material": f"{p.get('texture_id')}_material_{p.get('object_name')}",
        "maps": ["Diffuse", "nor_gl", "Rough"],
        "material_info": {"has_nodes": True, "node_count": 6},
    },
    "create_rodin_job": lambda p: {"uuid": "rodin-demo", "jobs": {"subscription_key": "demo-key"}},
    "get_hunyuan3d_status": status_of("Hunyuan3D"),
    "create_hunyuan_job": lambda p: {"job_id": "job_demo", "status": "WAIT"},
    "poll_hunyuan_job_status": lambda p: {"job_id": p.get("job_id"), "status": "DONE"},
    "import_generated_asset_hunyuan": lambda p: {"succeed": True, "name": p.get("name"), "type": "MESH"},
    "get_asset_preview": lambda p: {"success": True, "name": p.get("asset_id"), "authors": ["Ann"]},
    "poll_rodin_job_status": lambda p: {"status_list": ["Done", "Done"]},
    "import_generated_asset": lambda p: {
        "succeed": True,
        "name": p.get("name"),
        "type": "MESH",
        "location": [0.0, 0.0, 0.0],
        "rotation": [0.0, 0.0, 0.0],
        "scale": [1.0, 1.0, 1.0],
    },
    "search_sketchfab_models": lambda p: {
        "results": [{"uid": "demo-uid", "name": f"A {p.get('query')}"}],
        "next": None,
    },
    "download_sketchfab_model": lambda p: {"success": True, "message": "Imported", "imported_objects": ["Model"]},
    "get_scene_tree": scene_tree,
    "get_file_info": file_info,
    "search_api": lambda p: {"blender_version": "0.0.0 (fake)", "matches": []},
    "measure": measure,
    "set_view": set_view,
    "render_views": render_views,
    "render": render,
    "checkpoint": lambda p: {"checkpoint_id": "c-0123456789ab", "label": p.get("label"), "at": 0.0, "bytes": 1},
    "list_checkpoints": lambda p: {"checkpoints": []},
    "restore_checkpoint": lambda p: {"checkpoint_id": p.get("checkpoint_id"), "before": "c-ba9876543210"},
}


def perform(payload: dict[str, Any], files: Files) -> dict[str, Any]:
    """Return status, result and error for a job, and as `extra` the files it made."""
    script = payload.get("message_type") == "job_dispatch"
    command = "execute_code" if script else payload.get("command")
    params = {"code": payload.get("script")} if script else payload.get("params") or {}
    handler = COMMANDS.get(str(command)) or FILE_COMMANDS.get(str(command))
    if handler is None:
        return {"status": "failed", "result": "", "error": f"Unknown command type: {command}"}
    extra: dict[str, Any] = {}
    try:
        if command in FILE_COMMANDS:
            result, made = handler(params, files, str(payload.get("job_id")))
            extra = {"extra": {"files": made}} if made else {}
        else:
            result = handler(params)
    except Refused as error:
        return {"status": "failed", "result": "", "error": str(error)}
    except Exception as error:  # a fake that dies of a strange argument would be of no use
        return {"status": "failed", "result": "", "error": f"{type(error).__name__}: {error}"}
    text = result if isinstance(result, str) else json.dumps(result)
    return {"status": "completed", "result": text, "error": "", **extra}


# -- the link ----------------------------------------------------------------------------------------------------------


class Session:
    """What outlives a connection: answers the bus has not confirmed, and the ids of jobs already done."""

    def __init__(self, uuid: str, group: str | None, files: Files) -> None:
        self.files = files
        self.uuid = uuid
        self.group = group
        self.unconfirmed: dict[str, dict[str, Any]] = {}
        self.seen: dict[str, None] = {}
        self.calls: dict[int, str | None] = {}
        self.next_id = 1

    def call(self, tool: str, arguments: dict[str, Any], job_id: str | None) -> str:
        self.calls[self.next_id] = job_id
        message = {"jsonrpc": "2.0", "id": self.next_id, "method": "tools/call"}
        self.next_id += 1
        return json.dumps({**message, "params": {"name": tool, "arguments": arguments}})

    def registration(self) -> str:
        self.calls.clear()
        arguments = {
            "client_uuid": self.uuid,
            "client_type": "blender",
            "is_persistent": True,
            "capabilities": ["job_ack", "fake"],
            "group_id": self.group,
        }
        return self.call("blender_register_client", arguments, None)

    def update(self, job_id: str) -> str:
        return self.call("blender_job_update", {"job_id": job_id, **self.unconfirmed[job_id]}, job_id)

    def frames_for(self, text: str) -> list[str]:
        """Return what to send in answer to one frame."""
        try:
            message = json.loads(text)
        except ValueError:
            return []
        if not isinstance(message, dict):
            return []
        if "method" not in message:
            return self._answered(message)
        if "id" in message:
            return [json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {}})]
        params = message.get("params")
        data = params.get("data") if isinstance(params, dict) else None
        payload = data.get("payload") if isinstance(data, dict) else None
        if isinstance(payload, dict) and payload.get("message_type") in ("command_dispatch", "job_dispatch"):
            return self._job(payload)
        return []

    def _job(self, payload: dict[str, Any]) -> list[str]:
        job_id = payload.get("job_id")
        if not isinstance(job_id, str) or job_id in self.seen:
            return []
        self.seen[job_id] = None
        while len(self.seen) > SEEN_KEPT:
            del self.seen[next(iter(self.seen))]
        progress = {"progressToken": job_id, "progress": 0, "total": 100}
        acknowledged = json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress})
        self.unconfirmed[job_id] = perform(payload, self.files)
        return [acknowledged, self.update(job_id)]

    def _answered(self, message: dict[str, Any]) -> list[str]:
        call_id = message.get("id")
        if not isinstance(call_id, int) or call_id not in self.calls:
            return []
        job_id = self.calls.pop(call_id)
        if job_id is not None:
            self.unconfirmed.pop(job_id, None)
            return []
        result = message.get("result")
        if not isinstance(result, dict) or result.get("isError"):
            raise ConnectionError(f"the bus refused the registration: {json.dumps(message)[:500]}")
        say("register_client ok")
        say("waiting for jobs...")
        return [self.update(kept) for kept in self.unconfirmed]


async def attend(socket: ClientConnection, session: Session) -> None:
    """Talk to the bus until the connection ends."""
    say(f"Connected as {session.uuid}")
    await socket.send(session.registration())
    pinged = False
    while True:
        try:
            text = await asyncio.wait_for(socket.recv(), PONG_WITHIN if pinged else PING_EVERY)
        except TimeoutError:
            if pinged:
                raise ConnectionError("no answer to a ping") from None
            await socket.send("ping")
            pinged = True
            continue
        pinged = False
        if isinstance(text, str) and text != "pong":
            for frame in session.frames_for(text):
                await socket.send(frame)


def log_in(server: str, username: str, password: str) -> tuple[str, float]:
    """Return an access token and the time (Unix seconds) when it should be replaced."""
    body = json.dumps({"username": username, "password": password}).encode()
    request = urllib.request.Request(f"{server}/auth/login", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=15) as response:
        answer = json.load(response)
    return answer["access_token"], time.time() + float(answer.get("expires_in", 3600)) - 60


async def run(args: argparse.Namespace) -> int:
    """Connect again and again; return an exit status when only a person can help."""
    server = args.server.rstrip("/").removesuffix("/mcp")
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        say(f"--server must be a URL such as http://localhost:8787, not {args.server!r}")
        return 2
    session = Session(args.uuid, args.group, Files(server))
    token, expires, attempts = args.token or "", float("inf") if args.token else 0.0, 0
    while True:
        try:
            if time.time() >= expires:
                token, expires = await asyncio.to_thread(log_in, server, args.username, args.password)
            headers, session.files.token = {"Authorization": f"Bearer {token}"}, token
            async with connect(
                "ws" + server.removeprefix("http") + "/ws",
                additional_headers=headers,
                subprotocols=["mcp"],  # type: ignore[list-item]
                compression=None,
                ping_interval=None,
                max_size=32 * 1_048_576,
            ) as socket:
                attempts = 0
                await attend(socket, session)
        except InvalidStatus as error:
            code = error.response.status_code
            say(f"the server answered HTTP {code}")
            if code in (401, 403) and (args.token or code == 403):
                return 1
            expires = 0.0 if code == 401 else expires
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd else 1006
            say(f"connection closed ({code}) {error.rcvd.reason if error.rcvd else ''}".rstrip())
            if code == 4409 or (code == 4401 and args.token):
                return 1
            expires = 0.0 if code == 4401 else expires
        except urllib.error.HTTPError as error:
            say(f"login as {args.username} failed: HTTP {error.code}")
            if error.code in (400, 401, 403):
                return 1
        except (OSError, InvalidHandshake, ValueError, KeyError) as error:
            say(f"cannot connect: {error or type(error).__name__}")
        delay = random.uniform(0.0, min(LONGEST_DELAY, 2.0**attempts))
        attempts = min(attempts + 1, 10)
        await asyncio.sleep(delay)


def say(message: str) -> None:
    print("[peer]", message, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="A Blender peer without Blender.")
    parser.add_argument("--server", default="http://localhost:8787", help="address of the bus")
    parser.add_argument("--uuid", default="blender-demo01")
    parser.add_argument("--group")
    parser.add_argument("--token", default=os.environ.get("BLENDER_BUS_TOKEN"), help="else it logs in")
    parser.add_argument("--username", default="demo")
    parser.add_argument("--password", default="demo")
    try:
        return asyncio.run(run(parser.parse_args()))
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
