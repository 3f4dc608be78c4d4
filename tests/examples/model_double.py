"""An OpenAI-compatible service on loopback that says what its script says, one entry a request.

An entry is what the model answers (`says`, `calls`), or what becomes of the request (`Refuses`, `Drops`, `Hangs`), or a
function of the request's messages that returns one of these. Requests are kept.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass
class Call:
    """A tool call of the model. `arguments` that are a string are sent as they are."""

    name: str
    arguments: dict[str, Any] | str = field(default_factory=dict)


@dataclass
class Answers:
    """The model's turn: text, calls, or both. With `cut` the stream ends after so many chunks, cleanly or `rudely`."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    cut: int | None = None
    rudely: bool = False


@dataclass
class Refuses:
    """A status with an error document, as the service words it."""

    status: int
    message: str = "no"
    headers: dict[str, str] = field(default_factory=dict)
    code: str | None = None


@dataclass
class Hangs:
    """A request that is not answered."""


Entry = Answers | Refuses | Hangs
Script = list[Entry | Callable[[list[dict[str, Any]]], Entry]]


def says(text: str) -> Answers:
    return Answers(text)


def calls(*wanted: Call, text: str = "") -> Answers:
    return Answers(text, wanted)


def chunks_of(answer: Answers) -> list[dict[str, Any]]:
    """What the service streams: text and arguments come in pieces, calls one after the other."""
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    deltas += [{"content": answer.text[at : at + 7]} for at in range(0, len(answer.text), 7)]
    for index, call in enumerate(answer.calls):
        arguments = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
        function = {"name": call.name, "arguments": ""}
        deltas.append(
            {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]}
        )
        for at in range(0, len(arguments), 400):
            piece = {"index": index, "function": {"arguments": arguments[at : at + 400]}}
            deltas.append({"tool_calls": [piece]})
    reasons: list[str | None] = [None] * len(deltas) + ["tool_calls" if answer.calls else "stop"]
    return [
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "scripted",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }
        for delta, reason in zip([*deltas, {}], reasons, strict=True)
    ]


class ModelDouble:
    """Use as a context manager; `asked` has the body of every request, `at` its time."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.keys: list[str] = []
        self.complaints: list[str] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                double.keys.append(self.headers.get("Authorization", ""))
                double.asked.append(body)
                double.at.append(time.monotonic())
                double.complaints += unsound(body["messages"])
                if not double.script:
                    self._refuse(Refuses(400, "the script is at its end"))
                    return
                entry = double.script.pop(0)
                self._act(entry(body["messages"]) if callable(entry) else entry)

            def _act(self, entry: Entry) -> None:
                if isinstance(entry, Refuses):
                    self._refuse(entry)
                elif isinstance(entry, Hangs):
                    double.released.wait(60)
                    self.close_connection = True
                else:
                    self._stream(entry)

            def _refuse(self, entry: Refuses) -> None:
                body = json.dumps({"error": {"message": entry.message, "type": "error", "code": entry.code}}).encode()
                self.send_response(entry.status)
                for name, value in {"Content-Type": "application/json", **entry.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self, answer: Answers) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                chunks = chunks_of(answer)
                for chunk in chunks[: answer.cut]:
                    self._chunk(f"data: {json.dumps(chunk)}\n\n".encode())
                if answer.rudely:
                    self.close_connection = True  # in the middle of a chunked body
                    return
                if answer.cut is None:
                    self._chunk(b"data: [DONE]\n\n")
                self._chunk(b"")

            def _chunk(self, data: bytes) -> None:
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()

            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def answers_to(self, number: int) -> list[str]:
        """The tool answers that the request of this number brought."""
        return [message["content"] for message in self.asked[number]["messages"] if message["role"] == "tool"]


def unsound(messages: list[dict[str, Any]]) -> list[str]:
    """What a strict service would refuse: calls without answers, answers without calls, arguments that are no JSON."""
    found, open_calls = [], set[str]()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                found.append(f"an answer to no call: {message}")
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            found.append(f"calls without answer: {open_calls}")
        open_calls = {call["id"] for call in message.get("tool_calls", [])}
        for call in message.get("tool_calls", []):
            try:
                json.loads(call["function"]["arguments"])
            except ValueError:
                found.append(f"arguments that are no JSON: {call}")
        if message["role"] == "assistant" and not (message["content"] or message.get("tool_calls")):
            found.append("an empty answer")
    return found
