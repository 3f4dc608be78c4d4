"""MCP over plain HTTP: what a client sends, with nothing of a client library in between.

`Answer` is what came back; `ModernClient` speaks revision 2026-07-28 (stateless), `LegacySession` the older ones
(`initialize`, a session id, a GET stream). Both are for tests that look at the wire; FastMCP drives the rest.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
CLIENT_INFO = {"name": "bus-tests", "version": "1"}
ACCEPT = "application/json, text/event-stream"
NAMED_BY = {  # method -> what Mcp-Name repeats
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}


async def login(base_url: str, username: str = "demo", password: str | None = None) -> str:
    """An access token by `POST /auth/login`. The password of a test account is its name, or ada's."""
    password = password or {"ada": "lovelace"}.get(username, username)
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{base_url}/auth/login", json={"username": username, "password": password})
    if answer.status_code != 200:
        raise RuntimeError(f"login of {username!r} was refused: {answer.status_code} {answer.text}")
    token = answer.json()["access_token"]
    assert isinstance(token, str)
    return token


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    data: str
    id: str | None = None
    name: str = "message"

    @property
    def message(self) -> dict[str, Any]:
        parsed = json.loads(self.data)
        assert isinstance(parsed, dict)
        return parsed


async def events(lines: AsyncIterator[str], comments: list[str] | None = None) -> AsyncIterator[Event]:
    """Server-sent events of a stream's lines. Comments go to `comments`."""
    fields: dict[str, list[str]] = {}
    async for line in lines:
        if line.startswith(":"):
            if comments is not None:
                comments.append(line[1:].strip())
        elif line:
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        elif fields:
            data = "\n".join(fields.get("data", []))
            ids = fields.get("id")
            yield Event(data, ids[-1] if ids else None, fields.get("event", ["message"])[-1])
            fields = {}


@dataclass
class Answer:
    """A server's answer to one POST, whether it came as JSON or as an event stream."""

    status: int
    headers: httpx.Headers
    body: str = ""
    message: dict[str, Any] | None = None  # the JSON-RPC response
    batch: list[dict[str, Any]] = field(default_factory=list)  # all responses, where a batch was answered
    notifications: list[dict[str, Any]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    @property
    def streamed(self) -> bool:
        return str(self.headers.get("content-type", "")).startswith("text/event-stream")

    @property
    def result(self) -> dict[str, Any]:
        assert self.message is not None and "result" in self.message, f"no result: {self.status} {self.body}"
        result = self.message["result"]
        assert isinstance(result, dict)
        return result

    @property
    def error(self) -> dict[str, Any]:
        assert self.message is not None and "error" in self.message, f"no error: {self.status} {self.body}"
        error = self.message["error"]
        assert isinstance(error, dict)
        return error

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document of a tool result: one text block and `structuredContent`, which have to agree."""
        texts = [block["text"] for block in self.result["content"] if block["type"] == "text"]
        assert len(texts) == 1, f"not one text block: {self.result['content']}"
        document = json.loads(texts[0])
        assert self.result.get("structuredContent") == document
        assert isinstance(document, dict)
        return document


async def post(http: httpx.AsyncClient, url: str, content: bytes | str, headers: Mapping[str, str]) -> Answer:
    """Posts a body as it is and reads the answer to its end."""
    async with http.stream("POST", url, content=content, headers=headers) as response:
        answer = Answer(response.status_code, response.headers)
        if answer.streamed:
            async for event in events(response.aiter_lines(), answer.comments):
                answer.body += event.data + "\n"
                message = event.message if event.data else {}
                if "result" in message or "error" in message:
                    answer.message = message
                    answer.batch.append(message)
                elif message:
                    answer.notifications.append(message)
            return answer
        answer.body = (await response.aread()).decode()
        if response.headers.get("content-type", "").startswith("application/json"):
            parsed = json.loads(answer.body)
            answer.message = parsed if isinstance(parsed, dict) else None
            answer.batch = parsed if isinstance(parsed, list) else []
        return answer


class HttpClient:
    """What both eras share: a connection, a token, counted ids."""

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 30.0) -> None:
        self.url = url
        self.http = httpx.AsyncClient(timeout=timeout)
        self.ids = itertools.count(1)
        self.headers = {"Content-Type": "application/json", "Accept": ACCEPT}
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def post(self, content: bytes | str, headers: Mapping[str, str | None] | None = None) -> Answer:
        """Posts any body, valid or not. A header given as None is left out."""
        merged = {**self.headers, **(headers or {})}
        return await post(self.http, self.url, content, {k: v for k, v in merged.items() if v is not None})


class ModernClient(HttpClient):
    """Stateless MCP, revision 2026-07-28: every request carries its version, client and capabilities."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        capabilities: Mapping[str, Any] | None = None,
        log_level: Any = None,
        timeout: float = 30.0,
    ) -> None:
        super().__init__(url, token, timeout=timeout)
        prefix = "io.modelcontextprotocol/"
        self.meta = {
            f"{prefix}protocolVersion": MODERN,
            f"{prefix}clientInfo": CLIENT_INFO,
            f"{prefix}clientCapabilities": dict(capabilities or {}),
        }
        if log_level is not None:
            self.meta[f"{prefix}logLevel"] = log_level

    async def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str | None] | None = None,
        meta: Mapping[str, Any] | None = None,
        request_id: int | str | None = None,
    ) -> Answer:
        """One request. `headers` override or (None) remove what is sent; `meta` replaces the whole `_meta`."""
        params = dict(params or {})
        standard = {"Mcp-Method": method, "MCP-Protocol-Version": MODERN}
        if name := params.get(NAMED_BY.get(method, "")):
            standard["Mcp-Name"] = str(name)
        params["_meta"] = self.meta if meta is None else dict(meta)
        identifier = next(self.ids) if request_id is None else request_id
        body = json.dumps({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})
        return await self.post(body, {**standard, **(headers or {})})

    async def call(self, tool: str, /, **arguments: Any) -> Answer:
        return await self.request("tools/call", {"name": tool, "arguments": arguments})

    async def until_ended(self, job_id: str, seconds: float = 30) -> dict[str, Any]:
        """The job's status once it has ended, or as it is after so many seconds. A wait of `blender_job_status` ends at
        each change, such as a record of progress: one alone does not do."""
        give_up = time.monotonic() + seconds
        while True:
            document = (await self.call("blender_job_status", job_id=job_id, wait_seconds=5)).document
            if document["status"] not in ("queued", "running") or time.monotonic() > give_up:
                return document


class LegacySession(HttpClient):
    """MCP with `initialize`: a session id on every request, notifications on a GET stream."""

    session_id: str | None = None

    def __init__(self, url: str, token: str | None = None, *, version: str = LEGACY, timeout: float = 30.0) -> None:
        super().__init__(url, token, timeout=timeout)
        self.version = version

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def initialize(self, version: str | None = None) -> Answer:
        """Opens the session; later requests carry its id and the version the server chose."""
        params = {"protocolVersion": version or self.version, "capabilities": {}, "clientInfo": CLIENT_INFO}
        answer = await self.request("initialize", params)
        if answer.message is not None and "result" in answer.message:
            self.session_id = answer.headers.get("mcp-session-id")
            self.headers["MCP-Protocol-Version"] = answer.result["protocolVersion"]
            if self.session_id:
                self.headers["Mcp-Session-Id"] = self.session_id
            await self.notify("notifications/initialized")
        return answer

    async def request(
        self, method: str, params: Mapping[str, Any] | None = None, request_id: int | str | None = None
    ) -> Answer:
        identifier = next(self.ids) if request_id is None else request_id
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": identifier, "method": method}
        return await self.post(json.dumps(body if params is None else {**body, "params": params}))

    async def notify(self, method: str, params: Mapping[str, Any] | None = None) -> Answer:
        body: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        return await self.post(json.dumps(body if params is None else {**body, "params": params}))

    async def call(self, tool: str, /, **arguments: Any) -> Answer:
        return await self.request("tools/call", {"name": tool, "arguments": arguments})

    async def stream(
        self, *, last_event_id: str | None = None, comments: list[str] | None = None
    ) -> AsyncIterator[Event]:
        """The session's GET stream, until the server ends it or the caller stops listening."""
        headers = {**self.headers, "Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        async with self.http.stream("GET", self.url, headers=headers, timeout=None) as response:
            if response.status_code != 200:
                raise RuntimeError(f"GET stream: {response.status_code} {(await response.aread()).decode()}")
            async for event in events(response.aiter_lines(), comments):
                yield event

    async def delete(self) -> httpx.Response:
        return await self.http.delete(self.url, headers=self.headers)
