"""What travels over the link: records and jobs from the bus, and the checks on them (docs/peer-protocol.md).

Everything that comes from the network is judged here, so that the rest of the extension handles typed values only.
No I/O, no bpy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
DEFAULT_PRIORITY = LEVELS.index("info")
BUS_LOGGER = "_message_bus"

# The message of a job that waits for consent; the bus is told by a field of its own too.
WAITS_FOR_CONSENT = "waits for the user's consent"
# How the message of a job begins that waits for what the user is in the middle of.
WAITS_FOR_PERSON = "waiting: "

MAX_NAME_CHARS = 128
MAX_RESULT_BYTES = 1_048_576
MAX_ERROR_BYTES = 262_144


class InvalidFrame(ValueError):
    """A frame that is not a JSON-RPC 2.0 message, or a record that is not shaped as the protocol says."""


class InvalidJob(InvalidFrame):
    """A job that cannot be run but whose id is known, so that it can be answered."""

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(reason)
        self.job_id = job_id


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a job comes from: `key` is what can be allowed for a session, empty if nobody vouches for it."""

    key: str = ""
    words: str = "a client of your account"


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work. `priority` is 0 (emergency) to 7 (debug); lower runs first."""

    job_id: str
    command: str
    params: dict[str, Any] = field(default_factory=dict)
    priority: int = DEFAULT_PRIORITY
    # What the sender calls itself, which it may choose freely.
    from_uuid: str = ""
    origin: Origin = Origin()


def local_origin(words: str, number: int | None = None) -> Origin:
    """Return the origin of a program on this computer; its connection has a number if it holds one."""
    return Origin(f"local:{'' if number is None else number}", words)


def bus_origin(params: dict[str, Any]) -> Origin:
    """Return the origin that the bus vouches for, outside of what a sender can write."""
    meta = params.get("_meta")
    sender = meta.get("blender-bus/sender") if isinstance(meta, dict) else None
    grant = sender.get("grant") if isinstance(sender, dict) else None
    if not isinstance(sender, dict) or not isinstance(grant, str) or not 0 < len(grant) <= MAX_NAME_CHARS:
        return Origin()
    client = sender.get("client")
    named = clean_text(client[:MAX_NAME_CHARS]) if isinstance(client, str) else ""
    return Origin(f"bus:{grant}", f"{named!r}" if named.strip() else Origin().words)


def parse_frame(text: str) -> dict[str, Any]:
    """Return the JSON-RPC message in `text`; raise InvalidFrame with the reason if there is none."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidFrame(f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise InvalidFrame(f"a JSON-RPC message is an object, this is {_json_kind(message)}")
    if message.get("jsonrpc") != "2.0":
        raise InvalidFrame('"jsonrpc" must be "2.0"')
    return message


def parse_job(params: dict[str, Any]) -> Job | None:
    """Return the job carried by the parameters of a `notifications/message`, or None if it carries no job.

    Raises InvalidJob when the record is a job that cannot be run, InvalidFrame when not even its id is usable.
    """
    data = params.get("data")
    if params.get("logger") != BUS_LOGGER or not isinstance(data, dict):
        return None
    payload = data.get("payload")
    if not isinstance(payload, dict):
        return None
    message_type = payload.get("message_type")
    if message_type not in ("command_dispatch", "job_dispatch"):
        return None
    job_id = payload.get("job_id", data.get("job_id"))
    if not isinstance(job_id, str) or not 0 < len(job_id) <= MAX_NAME_CHARS:
        raise InvalidFrame(f"job_id must be a string of 1 to {MAX_NAME_CHARS} characters")
    command, command_params = _work(job_id, payload)
    sender = data.get("from_uuid")
    return Job(
        job_id=job_id,
        command=command,
        params=command_params,
        priority=_priority(data.get("priority"), params.get("level")),
        from_uuid=sender if isinstance(sender, str) else "",
        origin=bus_origin(params),
    )


def _work(job_id: str, payload: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if payload["message_type"] == "job_dispatch":
        script = payload.get("script")
        if not isinstance(script, str):
            raise InvalidJob(job_id, f'"script" of a job_dispatch must be a string, got {_json_kind(script)}')
        return "execute_code", {"code": script}
    command = payload.get("command")
    if not isinstance(command, str) or not 0 < len(command) <= MAX_NAME_CHARS:
        raise InvalidJob(job_id, f'"command" must be a string of 1 to {MAX_NAME_CHARS} characters')
    params = payload.get("params")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise InvalidJob(job_id, f'"params" of {command} must be an object, got {_json_kind(params)}')
    return command, params


def _priority(priority: object, level: object) -> int:
    for value in (priority, level):
        if isinstance(value, bool):
            continue
        if isinstance(value, int) and 0 <= value < len(LEVELS):
            return value
        if isinstance(value, str) and value in LEVELS:
            return LEVELS.index(value)
    return DEFAULT_PRIORITY


def _json_kind(value: object) -> str:
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")


def clean_text(text: str) -> str:
    r"""Return `text` as it can be sent: lone surrogates, which JSON readers refuse, become `\udc..` escapes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


def cut_middle(text: str, limit: int) -> str:
    """Return `text` in at most about `limit` UTF-8 bytes, its middle left out with a note that says how much."""
    raw = text.encode("utf-8")
    if len(raw) <= limit:
        return text
    note = f"\n... {len(raw) - limit} bytes left out ...\n"
    head = raw[: limit // 4].decode("utf-8", "ignore")
    tail = raw[len(raw) - (limit - limit // 4 - len(note)) :].decode("utf-8", "ignore")
    return head + note + tail
