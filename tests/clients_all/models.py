"""A model on loopback for command-line clients, in the protocols of Anthropic, OpenAI (Responses) and Gemini.

It is as simple as a model can be: where its last instruction says `call TOOL {...}`, it calls the tool whose name ends
so, with these arguments; once a result has come, or where nothing is to be called, it says `done`. What came with the
requests is kept: `tools` by name, `results` of tools, and `texts`, all that was said to it.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

INSTRUCTION = re.compile(r"call (\w+) (\{.*?\})(?=\s|$|<)", re.DOTALL)
Events = list[tuple[str, dict[str, Any]]]


class Model:
    """The service; use as a context manager."""

    def __init__(self) -> None:
        self.tools: dict[str, Any] = {}
        self.results: list[str] = []
        self.texts: list[str] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                model.answer(self, json.loads(self.rfile.read(size) or b"{}"))

            def do_GET(self) -> None:
                send(self, 200, "application/json", json.dumps({"data": [], "models": []}))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        path = request.path.split("?")[0]
        self.requests.append((path, body))
        if path.endswith("/messages"):
            anthropic(self, request, body)
        elif path.endswith("/responses"):
            responses(self, request, body)
        elif "GenerateContent" in path or "generateContent" in path:
            gemini(self, request, body)
        elif path.endswith(":countTokens"):
            send(request, 200, "application/json", json.dumps({"totalTokens": 10}))
        elif path.endswith("/count_tokens"):
            send(request, 200, "application/json", json.dumps({"input_tokens": 10}))
        else:
            send(request, 404, "application/json", json.dumps({"error": {"message": f"no {path}"}}))

    def decide(self, tools: dict[str, Any], text: str, result: str | None) -> tuple[str, dict[str, Any]] | None:
        """The call to make, as (the name the client gave the tool, arguments)."""
        self.texts.append(text)
        self.tools |= tools
        if result is not None:
            self.results.append(result)
            return None
        found = INSTRUCTION.search(text)
        if not found:
            return None
        names = [name for name in tools if name.endswith(found[1])]
        return (names[0], json.loads(found[2])) if names else None


def send(request: BaseHTTPRequestHandler, status: int, kind: str, text: str) -> None:
    data = text.encode()
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    request.wfile.write(data)


def stream(request: BaseHTTPRequestHandler, events: Events) -> None:
    lines = [f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in events]
    send(request, 200, "text/event-stream", "".join(lines))


def text_of(content: Any) -> str:
    """All text in a document of any shape."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(map(text_of, content))
    if isinstance(content, dict):
        return "\n".join(text_of(value) for key, value in content.items() if key not in ("type", "role", "id"))
    return ""


def anthropic(model: Model, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    tools = {tool["name"]: tool for tool in body.get("tools", [])}
    last = next((one for one in reversed(body["messages"]) if one["role"] == "user"), {"content": ""})
    blocks = last["content"] if isinstance(last["content"], list) else [{"type": "text", "text": last["content"]}]
    results = [text_of(block.get("content")) for block in blocks if block.get("type") == "tool_result"]
    call = model.decide(tools, text_of(blocks), "\n".join(results) if results else None)
    if call:
        block = {"type": "tool_use", "id": f"toolu_{len(model.requests)}", "name": call[0], "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
    else:
        block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": "done"}
    usage = {"input_tokens": 1, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": f"msg_{len(model.requests)}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    reason = "tool_use" if call else "end_turn"
    if not body.get("stream"):
        whole = {**block, "input": call[1]} if call else {"type": "text", "text": "done"}
        answer = {**message, "content": [whole], "stop_reason": reason}
        send(request, 200, "application/json", json.dumps(answer))
        return
    stream(
        request,
        [
            ("message_start", {"message": message}),
            ("content_block_start", {"index": 0, "content_block": block}),
            ("content_block_delta", {"index": 0, "delta": delta}),
            ("content_block_stop", {"index": 0}),
            ("message_delta", {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}),
            ("message_stop", {}),
        ],
    )


def response_tools(listed: list[dict[str, Any]]) -> dict[str, Any]:
    """The functions among the tools of a request, those in namespaces included."""
    found: dict[str, Any] = {}
    for tool in listed:
        if tool.get("type") == "namespace":
            found |= {f"{tool['name']}.{one['name']}": one for one in tool["tools"]}
        elif "name" in tool:
            found[tool["name"]] = tool
    return found


def responses(model: Model, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    items = body["input"]
    output = items[-1].get("output") if items[-1].get("type") == "function_call_output" else None
    texts = [text_of(item["content"]) for item in items if item.get("role") == "user"]
    call = model.decide(
        response_tools(body.get("tools", [])), texts[-1] if texts else "", None if output is None else text_of(output)
    )
    if call:
        space, _, name = call[0].rpartition(".")
        item: dict[str, Any] = {
            "type": "function_call",
            "id": f"fc_{len(model.requests)}",
            "call_id": f"call_{len(model.requests)}",
            "name": name,
            "arguments": json.dumps(call[1]),
            **({"namespace": space} if space else {}),
        }
    else:
        said = {"type": "output_text", "text": "done", "annotations": []}
        item = {"type": "message", "id": f"msg_{len(model.requests)}", "role": "assistant", "content": [said]}
    usage = {
        "input_tokens": 1,
        "output_tokens": 1,
        "total_tokens": 2,
        "input_tokens_details": None,
        "output_tokens_details": None,
    }
    about = {"id": f"resp_{len(model.requests)}", "object": "response", "status": "completed", "output": [item]}
    stream(
        request,
        [
            ("response.created", {"response": {**about, "status": "in_progress", "output": []}}),
            ("response.output_item.done", {"output_index": 0, "item": item}),
            ("response.completed", {"response": {**about, "usage": usage}}),
        ],
    )


def gemini(model: Model, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    declared = [one for tool in body.get("tools", []) for one in tool.get("functionDeclarations", [])]
    parts = body["contents"][-1]["parts"]
    results = [text_of(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part]
    text = "\n".join(part.get("text", "") for part in parts)
    call = model.decide({tool["name"]: tool for tool in declared}, text, "\n".join(results) if results else None)
    part = {"functionCall": {"name": call[0], "args": call[1]}} if call else {"text": "done"}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    answer = {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 2}}
    if "stream" in request.path.lower():
        send(request, 200, "text/event-stream", f"data: {json.dumps(answer)}\n\n")
    else:
        send(request, 200, "application/json", json.dumps(answer))
