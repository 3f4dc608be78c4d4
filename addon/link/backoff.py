"""When to connect again: full jitter over a growing window, and what each close code or refusal asks for."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

CLOSE_PROTOCOL_ERROR = 4400
CLOSE_TOKEN = 4401
CLOSE_TOO_SLOW = 4408
CLOSE_REPLACED = 4409
CLOSE_DISCONNECTED = 4410
CLOSE_ABNORMAL = 1006


class Next(Enum):
    """What the link does after a connection has ended."""

    RETRY = "retry"
    RENEW_TOKEN = "renew_token"  # noqa: S105 (a word, no secret)
    STAY_AWAY = "stay_away"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do next and, in words for the user, why."""

    next: Next
    reason: str


def after_close(code: int, reason: str) -> Verdict:
    """Judge a WebSocket close."""
    told = f": {reason}" if reason else ""
    if code == CLOSE_TOKEN:
        return Verdict(Next.RENEW_TOKEN, f"The token expired or was revoked{told}")
    if code == CLOSE_REPLACED:
        return Verdict(
            Next.STAY_AWAY,
            f"Another Blender connected with the same uuid{told}. Give each its own, or press Connect to take over",
        )
    if code == CLOSE_DISCONNECTED:
        return Verdict(Next.STAY_AWAY, f"Taken off the bus{told}. Press Connect to attach again")
    if code == CLOSE_PROTOCOL_ERROR:
        return Verdict(Next.RETRY, f"The bus reported a protocol error{told}")
    if code == CLOSE_TOO_SLOW:
        return Verdict(Next.RETRY, f"The bus found this peer too slow{told}")
    if code == CLOSE_ABNORMAL:
        return Verdict(Next.RETRY, f"Connection lost{told}")
    return Verdict(Next.RETRY, f"The bus closed the connection ({code}){told}")


def after_refusal(http_status: int, location: str = "") -> Verdict:
    """Judge an HTTP answer that was not 101 Switching Protocols."""
    if http_status == 401:
        return Verdict(Next.RENEW_TOKEN, "The server does not accept the token (HTTP 401)")
    if http_status == 403:
        return Verdict(Next.STAY_AWAY, "The token may not attach a Blender: it lacks the scope peer (HTTP 403)")
    if 300 <= http_status < 400:
        return Verdict(
            Next.STAY_AWAY, f"The server redirects to {location[:200] or 'nowhere'}; enter that address as server URL"
        )
    if http_status == 404:
        return Verdict(Next.RETRY, "There is no Blender Bus at this server URL (HTTP 404)")
    return Verdict(Next.RETRY, f"The server answered HTTP {http_status}")


class Backoff:
    """Delays in seconds, drawn evenly from 0 to a window that doubles with each attempt up to `ceiling`."""

    def __init__(self, base: float = 1.0, ceiling: float = 30.0, rng: random.Random | None = None) -> None:
        self._base = base
        self._ceiling = ceiling
        self._rng = rng or random.Random()
        self._attempts = 0

    def reset(self) -> None:
        """Call once a connection has proved good."""
        self._attempts = 0

    def delay(self) -> float:
        """Return how long to wait before the next attempt."""
        window = min(self._ceiling, self._base * 2.0 ** min(self._attempts, 30))
        self._attempts += 1
        return self._rng.uniform(0.0, window)
