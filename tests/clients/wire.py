"""Whether what a server sent is what the revision says it may send.

The shapes are those of the mcp-types package, which are generated from the schema of the specification: one set for
2026-07-28, one for the revisions before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.proxy import Exchange
from mcp_types import methods
from pydantic import TypeAdapter, ValidationError

FIRST_WITH_SESSIONS = "2025-03-26"  # what a request without a version header speaks
MODERN = "2026-07-28"


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
