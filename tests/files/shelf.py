"""A user's files over plain HTTP, as any client has them."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

TUS = {"Tus-Resumable": "1.0.0"}
PART = {**TUS, "Content-Type": "application/offset+octet-stream"}
MIB = 1024 * 1024


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that are the same in every run, and of which no two MiB are alike."""
    return random.Random(seed).randbytes(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Shelf:
    def __init__(
        self, url: str, username: str = "demo", password: str | None = None, *, token: str | None = None
    ) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=120)
        if token is None:
            password = password or {"ada": "lovelace"}.get(username, username)
            answer = self.http.post("/auth/login", json={"username": username, "password": password})
            assert answer.status_code == 200, answer.text
            token = answer.json()["access_token"]
        self.token = token
        self.http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.http.close()

    def create(self, name: str = "a.glb", **said: Any) -> dict[str, Any]:
        answer = self.http.post("/files", json={"name": name, **said})
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert isinstance(made, dict)
        return made

    def put(self, file_id: str, data: bytes | Iterable[bytes], **headers: str) -> httpx.Response:
        return self.http.put(f"/files/{file_id}", content=data, headers=headers)

    def store(self, data: bytes, name: str = "a.glb", **said: Any) -> dict[str, Any]:
        """A stored file with these bytes."""
        answer = self.put(self.create(name, **said)["file_id"], data)
        assert answer.status_code == 201, answer.text
        file = answer.json()
        assert isinstance(file, dict)
        return file

    def get(self, file_id: str, **headers: str) -> httpx.Response:
        return self.http.get(f"/files/{file_id}", headers=headers)

    def patch(self, file_id: str, offset: int, data: bytes | Iterable[bytes], **headers: str) -> httpx.Response:
        return self.http.patch(
            f"/files/{file_id}", content=data, headers={**PART, "Upload-Offset": str(offset), **headers}
        )

    def offset(self, file_id: str) -> int:
        answer = self.http.head(f"/files/{file_id}", headers=TUS)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["Upload-Offset"])

    def tus(self, length: int, **metadata: str) -> httpx.Response:
        pairs = {"filename": "a.glb", **metadata}
        encoded = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
        return self.http.post("/files", headers={**TUS, "Upload-Length": str(length), "Upload-Metadata": encoded})

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's document, by the stateless revision."""
        return self.result(tool, **arguments)["structuredContent"]

    def result(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return self.mcp("tools/call", {"name": tool, "arguments": arguments}, tool)["result"]

    def mcp(self, method: str, params: Mapping[str, Any], name: str = "") -> dict[str, Any]:
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "shelf", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": method,
            **({"Mcp-Name": name} if name else {}),
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
        answer = self.http.post("/mcp", json=message, headers=headers)
        text = answer.text
        if answer.headers["content-type"].startswith("text/event-stream"):
            text = [line for line in text.splitlines() if line.startswith("data:")][-1].removeprefix("data:")
        answered = json.loads(text)
        assert isinstance(answered, dict)
        return answered
