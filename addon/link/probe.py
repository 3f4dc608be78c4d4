"""Test Connection: is there a Blender Bus at this address, and does it take this login? (blocking, no bpy)"""

from __future__ import annotations

import time
from dataclasses import dataclass

from .address import InvalidServerUrl, protected_origin
from .credentials import HttpRefused, LoginRequired, LoginUnavailable, TokenSource, fetch_json


@dataclass(frozen=True, slots=True)
class Finding:
    """How the test went, in words for the user."""

    fine: bool
    message: str


def probe(server: str, tokens: TokenSource | None) -> Finding:
    """Ask the server who it is and, where there is a login, whether it lets this Blender attach."""
    try:
        here = protected_origin(server)
        version, seconds = _ask_version(here)
        greeting = f"Blender Bus {version} answers in {seconds * 1000:.0f} ms"
        if tokens is None:
            return Finding(False, f"{greeting}, but you are not logged in")
        refusal = _refusal(here, tokens)
    except (InvalidServerUrl, LoginUnavailable, LoginRequired) as error:
        return Finding(False, str(error))
    return Finding(not refusal, f"{greeting}, but {refusal}" if refusal else f"Fine: {greeting} and takes your login")


def _ask_version(here: str) -> tuple[str, float]:
    """Return the server's version and how long it took to answer. Raises LoginUnavailable."""
    started = time.monotonic()
    try:
        health = fetch_json(f"{here}/health")
    except HttpRefused as error:
        if 300 <= error.status < 400:
            raise LoginUnavailable(f"{here} sends elsewhere; enter that address as server URL ({error})") from None
        raise LoginUnavailable(f"There is no Blender Bus at {here}: {error}") from None
    seconds = time.monotonic() - started
    version = health.get("version")
    if health.get("status") != "ok" or not isinstance(version, str):
        raise LoginUnavailable(f"There is no Blender Bus at {here}: something else answers")
    return version[:20], seconds


def _refusal(here: str, tokens: TokenSource) -> str:
    """Knock where a Blender attaches, without attaching; return why it would be turned away, or nothing."""
    try:
        fetch_json(f"{here}/ws", token=tokens.token())
    except HttpRefused as error:
        # 426 Upgrade Required: everything was in order but for the WebSocket.
        reasons = {
            426: "",
            401: "it does not accept your token: it has expired or was revoked. Log in again",
            403: "your token may not attach a Blender: it lacks the scope peer",
        }
        return reasons.get(error.status, f"it would not let this Blender attach: {error}")
    return "what stands where a Blender attaches is something else"
