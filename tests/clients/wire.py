"""Whether what a server sent is what the revision says it may send.

The shapes are those of the mcp-types package, which are generated from the schema of the specification: one set for
2026-07-28, one for the revisions before it. Those of the tasks extension, which the package lacks, stand here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from harness.proxy import Exchange
from mcp_types import methods
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

FIRST_WITH_SESSIONS = "2025-03-26"  # what a request without a version header speaks
MODERN = "2026-07-28"


class Task(BaseModel):
    """A task without what it came to."""

    taskId: str
    status: Literal["working", "input_required", "completed", "failed", "cancelled"]
    statusMessage: str = ""
    createdAt: datetime
    lastUpdatedAt: datetime
    ttlMs: int | None
    pollIntervalMs: int = 0


class TaskResult(Task):
    """What a call that became a task is answered with."""

    resultType: Literal["task"]


class Acknowledgement(BaseModel):
    """The empty result of `tasks/update` and `tasks/cancel`."""

    model_config = ConfigDict(extra="forbid")
    resultType: Literal["complete"]
    meta: dict[str, Any] = Field(alias="_meta", default={})


def task_complaint(task: dict[str, Any]) -> str | None:
    """What is wrong with a task that shows what it came to."""
    if wrong := _invalid(Task, task):
        return wrong
    if (task["status"] == "completed") != ("result" in task):
        return "a completed task, and no other, has a result"
    return _invalid(methods.SERVER_RESULTS["tools/call", MODERN], task["result"]) if "result" in task else None


def tasks_complaint(method: str, result: dict[str, Any]) -> str | None:
    if method == "tasks/get":
        return task_complaint(result) if result.get("resultType") == "complete" else "not a complete result"
    return _invalid(Acknowledgement, result)


def revision_of(exchange: Exchange) -> str:
    """The revision an exchange is held in: what `initialize` settled on, or the header says."""
    for message in exchange.received():
        settled = message.get("result", {}).get("protocolVersion")
        if settled and [sent for sent in exchange.sent() if sent.get("method") == "initialize"]:
            return str(settled)
    return exchange.request_headers.get("mcp-protocol-version", FIRST_WITH_SESSIONS)


def complaint(message: dict[str, Any], asked: dict[Any, str], revision: str) -> str | None:
    """What is wrong with a message; `asked` maps the ids of the exchange to their methods."""
    if message.get("jsonrpc") != "2.0":
        return "jsonrpc is not 2.0"
    if "method" in message:
        if "id" in message:
            return "a server of tools sends no requests"
        if message["method"] == "notifications/tasks":
            return task_complaint(message["params"])
        shape: Any = methods.SERVER_NOTIFICATIONS.get((message["method"], revision))
        return f"no {message['method']} in {revision}" if shape is None else _invalid(shape, message)
    identifier = message.get("id")
    if "error" in message:
        error = message["error"]
        well_formed = isinstance(error.get("code"), int) and isinstance(error.get("message"), str)
        answers = "id" not in message or identifier in asked
        return None if well_formed and answers and set(error) <= {"code", "message", "data"} else "a malformed error"
    if identifier not in asked:
        return "answers nothing that was asked"
    if revision == MODERN and asked[identifier].startswith("tasks/"):
        return tasks_complaint(asked[identifier], message["result"])
    if revision == MODERN and message["result"].get("resultType") == "task":
        return _invalid(TaskResult, message["result"]) if asked[identifier] == "tools/call" else "no task of this"
    shape = methods.SERVER_RESULTS.get((asked[identifier], revision))
    return f"no {asked[identifier]} in {revision}" if shape is None else _invalid(shape, message["result"])


def _invalid(shape: Any, value: Any) -> str | None:
    try:
        TypeAdapter(shape).validate_python(value, strict=False)
    except ValidationError as error:
        return str(error)
    return None


def complaints(exchanges: Iterable[Exchange]) -> list[str]:
    """All that is wrong with what a server sent in these exchanges."""
    found = []
    for exchange in exchanges:
        revision = revision_of(exchange)
        asked = {sent["id"]: sent["method"] for sent in exchange.sent() if "id" in sent and "method" in sent}
        for message in exchange.received():
            if wrong := complaint(message, asked, revision):
                found.append(f"{exchange.method} {exchange.path} {revision}: {wrong}\n{str(message)[:500]}")
    return found
