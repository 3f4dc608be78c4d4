"""Frames as text, and what an answer of the bus says (sans-I/O, no bpy)."""

from __future__ import annotations

import json
from typing import Any

from .records import WAITS_FOR_CONSENT, WAITS_FOR_PERSON

PLACE = "blender-bus/place"
MAX_PLACE_DIGITS = 19


def encode(message: dict[str, Any]) -> str:
    """Return a message as a text frame."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def progress_frame(job_id: str, percent: float, message: str, *, waits: bool = False, busy: float | None = None) -> str:
    """Return a report of progress; `waits` says that the job stands behind others. So do its own words.

    `busy`: for how many seconds it has kept Blender from everything else.
    """
    params: dict[str, Any] = {"progressToken": job_id, "progress": percent, "total": 100}
    if message:
        params["message"] = message
    if message == WAITS_FOR_CONSENT:
        params["_meta"] = {"blender-bus/asks": "consent"}
    elif waits or message.startswith(WAITS_FOR_PERSON):
        params["_meta"] = {"blender-bus/waits": True}
    elif busy is not None:
        params["_meta"] = {"blender-bus/busy": round(busy, 1)}
    return encode({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})


def received_frame(place: int) -> str:
    """Return what confirms all records up to `place`."""
    return encode({"jsonrpc": "2.0", "method": "notifications/received", "params": {"place": str(place)}})


def record_place(params: dict[str, Any]) -> int | None:
    """Return the place that a record has in this client's inbox, if the bus tells one."""
    meta = params.get("_meta")
    place = meta.get(PLACE) if isinstance(meta, dict) else None
    if (
        not isinstance(place, str)
        or not 0 < len(place) <= MAX_PLACE_DIGITS
        or not (place.isascii() and place.isdigit())
    ):
        return None
    return int(place)


def tool_result(message: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return the document of a tools/call response and, if the call was refused, the reason."""
    error = message.get("error")
    if error is not None:
        text = error.get("message") if isinstance(error, dict) else None
        return {}, str(text or "no reason given")[:1000]
    result = message.get("result")
    if not isinstance(result, dict):
        return {}, "its answer has no result"
    content = result.get("content")
    first = content[0] if isinstance(content, list) and content else None
    text = first.get("text") if isinstance(first, dict) else None
    document = result.get("structuredContent")
    if not isinstance(document, dict):
        try:
            document = json.loads(text) if isinstance(text, str) else None
        except (ValueError, RecursionError):
            document = None
    if not isinstance(document, dict):
        document = {}
    if result.get("isError") is True:
        return document, str(document.get("error") or text or "no reason given")[:1000]
    return document, None
