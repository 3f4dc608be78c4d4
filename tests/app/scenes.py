"""What the stand-in Blender of these tests answers: pictures that differ by side, and a scene of hostile names."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from harness.mcp import login
from harness.peer import Payload, Peer
from harness.workerd import Workerd

SCRIPT = "<script>document.title='pwned'</script>"
IMAGE = "<img src=x onerror=\"document.title='pwned'\">"
TURNED, EMOJI, LONG = "Cube\u202egnp.exe", "🧊 Würfel 立方体", "long" * 60
HOSTILE = [SCRIPT, IMAGE, TURNED, EMOJI, LONG, "مكعب"]
COLORS = {"front": (196, 90, 60), "right": (70, 130, 180), "top": (90, 160, 90), "persp": (150, 150, 155)}


def picture(color: tuple[int, int, int], width: int = 640, height: int = 360) -> dict[str, str]:
    """A PNG: a box of this color on a floor that grows lighter."""
    rows = bytearray()
    for y in range(height):
        shade = 40 + 40 * y // height
        back = bytes((shade, shade, shade + 6))
        row = back * width
        if height // 4 < y < height * 3 // 4:
            row = back * (width // 3) + bytes(color) * (width // 3) + back * (width - 2 * (width // 3))
        rows += b"\0" + row
    parts = [
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(rows))),
        (b"IEND", b""),
    ]
    png = b"\x89PNG\r\n\x1a\n"
    for kind, body in parts:
        png += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return {"mime_type": "image/png", "data": base64.b64encode(png).decode()}


def tree(page: int) -> dict[str, Any]:
    """Two pages of a scene."""
    furniture = [
        {
            "name": f"Chair.{n:03}",
            "kind": "object",
            "type": "MESH",
            "visible": n % 2 == 0,
            "modifiers": ["Bevel"],
            "materials": ["Wood", "Cloth"],
        }
        for n in range(6)
    ]
    hostile = [{"name": name, "kind": "object", "type": "MESH", "visible": True} for name in HOSTILE]
    inner = [
        {"name": "Furniture", "kind": "collection", "children": furniture},
        {"name": f"{SCRIPT} & co", "kind": "collection", "children": hostile},
        {"name": "Sun", "kind": "object", "type": "LIGHT", "visible": True},
        {"name": "Camera", "kind": "object", "type": "CAMERA", "visible": True},
    ]
    if page == 2:
        inner = [{"name": "Last", "kind": "object", "type": "EMPTY", "visible": True}]
    top = {"name": "Scene Collection", "kind": "collection", "children": inner}
    state = {
        "scene": "Scene",
        "view_layer": "ViewLayer",
        "mode": "OBJECT",
        "active": "Camera",
        "selected": ["Chair.001"],
        "frame": 12,
    }
    return {**state, "total_objects": 15, "page": page, "total_pages": 2, "tree": top}


def answered(job: Payload) -> dict[str, Any]:
    """What a Blender returns for a job that takes no time."""
    command, params = job["command"], job["params"]
    if command == "get_viewport_screenshot":
        return {"success": True, "width": 640, "height": 360, "filepath": None, "image": picture(COLORS["persp"])}
    if command == "render_views":
        angles = params.get("views") or ["persp", "front", "right", "top"]
        image = picture(COLORS.get(angles[0], (120, 90, 160)))
        return {
            "success": True,
            "width": 640,
            "height": 360,
            "views": [{"angle": one} for one in angles],
            "image": image,
        }
    if command == "render":
        return {
            "frames": [{"frame": 12}],
            "width": 1920,
            "height": 1080,
            "engine": "CYCLES",
            "seconds": 42.5,
            "image": picture((200, 170, 60)),
        }
    if command == "set_view":
        return {"success": True, **params}
    if command == "get_scene_tree":
        return tree(params.get("page", 1))
    raise KeyError(command)


class Stage:
    """A stand-in Blender: it answers at once, but for commands in `held`, whose jobs wait to be cancelled or let go."""

    def __init__(self, peer: Peer) -> None:
        self.peer, self.jobs = peer, list[Payload]()
        self.held: set[str] = set()
        self.let_go = asyncio.Event()
        self.fails: dict[str, str] = {}
        self.made: list[dict[str, Any]] = []  # files that a render names

    def commands(self) -> list[str]:
        return [job["command"] for job in self.jobs]

    def last(self) -> dict[str, Any]:
        return dict(self.jobs[-1]["params"])

    async def work(self) -> None:
        while True:
            job = await self.peer.next_job(seconds=600)
            self.jobs.append(job)
            await self._answer(job)

    async def _answer(self, job: Payload) -> None:
        job_id, command = job["job_id"], job["command"]
        while command in self.held and not self.let_go.is_set():
            if job_id in self.peer.cancelled:
                await self.peer.update(job_id, "cancelled", error="stopped by the user")
                return
            await asyncio.sleep(0.02)
        if why := self.fails.get(command):
            await self.peer.update(job_id, "failed", error=why)
            return
        extra = {"extra": {"files": self.made}} if command == "render" and self.made else {}
        result = json.dumps(answered(job))
        await self.peer.call("blender_job_update", job_id=job_id, status="completed", result=result, error="", **extra)


@asynccontextmanager
async def on_stage(server: Workerd, uuid: str = "blender-desk") -> AsyncIterator[Stage]:
    async with Peer(server.ws_url, await login(server.url), uuid) as peer:
        stage = Stage(peer)
        working = asyncio.create_task(stage.work())
        yield stage
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
