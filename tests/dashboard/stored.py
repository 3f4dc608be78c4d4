"""Files of an owner, for tests of the pages that show them."""

from __future__ import annotations

import struct
import zlib

import httpx
from harness.workerd import Workerd


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes([(40 + line) % 256, 90, (200 - line) % 256]) * width for line in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def put(server: Workerd, token: str, name: str, content: bytes) -> str:
    """Uploads a file with a token, as a client does. Returns its id."""
    async with httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as http:
        made = await http.post("/files", json={"name": name})
        assert made.status_code == 201, made.text
        file_id: str = made.json()["file_id"]
        stored = await http.put(f"/files/{file_id}", content=content)
        assert stored.status_code == 201, stored.text
        return file_id
