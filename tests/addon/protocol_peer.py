"""The peer's state machine as a test drives it: what it sends, what the bus says to that."""

from __future__ import annotations

import json
from typing import Any

from bus_double import record, tool_result

from addon.link import protocol as p


def peer() -> p.PeerProtocol:
    return p.PeerProtocol(p.PeerIdentity("blender-1", ("window",), "farm"))


def frames(machine: p.PeerProtocol, now: float = 0.0) -> list[Any]:
    taken = []
    while (frame := machine.next_frame(now)) is not None:
        taken.append(frame if frame in ("ping", "pong") else json.loads(frame))
    return taken


def answered(call: dict[str, Any], document: dict[str, Any] | None = None, is_error: bool = False) -> str:
    result = tool_result(document or {"status": "ok"}, is_error)
    return json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result})


def registered(now: float = 0.0) -> p.PeerProtocol:
    machine = peer()
    register(machine, now)
    return machine


def register(machine: p.PeerProtocol, now: float = 0.0) -> None:
    machine.connection_opened(now)
    [call] = frames(machine, now)
    [event] = machine.receive(answered(call, {"status": "ok", "client": {"uuid": "blender-1"}}), now)
    assert event == p.Registered({"uuid": "blender-1"})


def command(job_id: str = "j-1", name: str = "get_scene_info", priority: int = 6, **params: Any) -> str:
    payload = {"message_type": "command_dispatch", "job_id": job_id, "command": name, "params": params}
    return record(payload, priority)
