"""When to connect again: full jitter over a growing window, and what each close code or refusal asks for."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

CLOSE_SERVER_ERROR = 1011
CLOSE_PROTOCOL_ERROR = 4400
CLOSE_TOKEN = 4401
CLOSE_TOO_SLOW = 4408
CLOSE_REPLACED = 4409
CLOSE_DISCONNECTED = 4410
CLOSE_TOO_FAST = 4429
CLOSE_ABNORMAL = 1006

# So many troubles in a row, and it waits at least so many seconds.
TROUBLES_IN_A_ROW = 3
TROUBLED_DELAY = 30.0


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
    # Coming back at once would not help: the bus, or the way to it, does not stand what this connection does.
    troubled: bool = False


def after_close(code: int, reason: str) -> Verdict:
    """Judge a WebSocket close."""
    told = f": {reason}" if reason else ""
    if code == CLOSE_TOKEN:
        return Verdict(Next.RENEW_TOKEN, f"The token expired or was revoked{told}")
    if code == CLOSE_REPLACED:
        return Verdict(
            Next.STAY_AWAY,
            f"Another Blender connected with the same UUID and took this one's place{told}. "
            "Give each Blender a UUID of its own, or press Connect to take the place back",
        )
    if code == CLOSE_DISCONNECTED:
        return Verdict(Next.STAY_AWAY, f"Taken off the bus{told}. Press Connect to attach again")
    if code == CLOSE_PROTOCOL_ERROR:
        return Verdict(Next.RETRY, f"The bus reported a protocol error{told}")
    if code == CLOSE_TOO_SLOW:
        reason = f"The bus closed the connection because this Blender read too slowly, or hung (4408){told}"
        return Verdict(Next.RETRY, reason, troubled=True)
    if code == CLOSE_TOO_FAST:
        reason = f"The bus closed the connection because this Blender sent too much (4429){told}"
        return Verdict(Next.RETRY, reason, troubled=True)
    if code == CLOSE_SERVER_ERROR:
        reason = f"The bus closed the connection because of an error of its own (1011){told}"
        return Verdict(Next.RETRY, reason, troubled=True)
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
        self.troubles = 0

    def reset(self) -> None:
        """Call once a connection has proved good."""
        self._attempts = 0

    def forgive(self) -> None:
        """Call once a connection has lasted long."""
        self.troubles = 0

    def delay(self, *, troubled: bool = False) -> float:
        """Return how long to wait before the next attempt; `troubled` tells that the last one ended in trouble."""
        window = min(self._ceiling, self._base * 2.0 ** min(self._attempts, 30))
        self._attempts += 1
        self.troubles = self.troubles + 1 if troubled else 0
        if self.troubles >= TROUBLES_IN_A_ROW:
            return self._rng.uniform(TROUBLED_DELAY, 2.0 * TROUBLED_DELAY)
        return self._rng.uniform(0.0, window)
