"""Login by code, for a Blender whose user has a browser elsewhere (RFC 8628, no bpy).

`Polling` decides and touches neither network nor clock; `DeviceLogin` does what it says in a thread of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .credentials import Credentials, HttpRefused, LoginRequired, LoginUnavailable, fetch_json
from .discovery import SCOPE, AuthorizationServer, discover, register_client
from .login import Done, LoginAttempt, LoginCancelled

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
DEFAULT_INTERVAL = 5.0
MIN_INTERVAL, MAX_INTERVAL = 1.0, 60.0
SLOW_DOWN = 5.0
MAX_LIFETIME = 3600.0
MAX_CODE_CHARS = 64


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the server gave out (section 3.2). `lifetime` and `interval` are seconds."""

    device_code: str
    user_code: str
    page: str
    # The page with the code filled in; the same as `page` where the server offers none.
    page_with_code: str
    lifetime: float
    interval: float

    @classmethod
    def read(cls, answer: Mapping[str, Any], issuer: str) -> DeviceCode:
        """Check an answer of the device authorization endpoint. Raises LoginUnavailable."""
        code, shown, page = (answer.get(name) for name in ("device_code", "user_code", "verification_uri"))
        if not (isinstance(code, str) and code and isinstance(shown, str) and 0 < len(shown) <= MAX_CODE_CHARS):
            raise LoginUnavailable(f"{issuer} gave out no usable code to log in with")
        if not _is_page(page, issuer):
            raise LoginUnavailable(f"{issuer} names no usable page to enter the code at")
        complete = answer.get("verification_uri_complete")
        lifetime = _seconds(answer.get("expires_in"), MAX_LIFETIME)
        interval = _seconds(answer.get("interval"), DEFAULT_INTERVAL)
        return cls(
            device_code=code,
            user_code=shown,
            page=str(page),
            page_with_code=str(complete if _is_page(complete, issuer) else page),
            lifetime=min(lifetime, MAX_LIFETIME),
            interval=min(max(interval, MIN_INTERVAL), MAX_INTERVAL),
        )


def _is_page(url: object, issuer: str) -> bool:
    """Tell whether `url` may be opened in a browser: a page as safe to reach as the server itself."""
    if not isinstance(url, str) or not url.isprintable():
        return False
    parts = urlsplit(url)
    return bool(parts.netloc) and parts.scheme in ("https", urlsplit(issuer).scheme)


def _seconds(value: object, otherwise: float) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
    return float(value) if usable else otherwise  # type: ignore[arg-type]


class Polling:
    """When to ask for the token, and what an answer means (section 3.5). Times are seconds of any steady clock."""

    def __init__(self, code: DeviceCode, now: float) -> None:
        self.interval = code.interval
        self.ends_at = now + code.lifetime
        self.next_at = now + code.interval
        self._lifetime = code.lifetime

    def wait(self, now: float) -> float:
        """Return the seconds until the next question. Raises LoginRequired once the code has ended."""
        if now >= self.ends_at:
            raise self._ended()
        return max(0.0, min(self.next_at, self.ends_at) - now)

    def refused(self, refusal: HttpRefused, now: float) -> None:
        """Judge an error answer. Raises LoginRequired where asking again is of no use."""
        if refusal.code == "slow_down" or refusal.status == 429:
            self.interval = min(self.interval + SLOW_DOWN, MAX_INTERVAL)
        elif refusal.code == "access_denied":
            raise LoginRequired("The login was refused on the page where the code was entered")
        elif refusal.code == "expired_token":
            raise self._ended()
        elif refusal.code != "authorization_pending" and refusal.status < 500:
            raise LoginRequired(f"The server gave no token: {refusal}")
        self.next_at = now + self.interval

    def unreachable(self, now: float) -> None:
        """The question or its answer was lost: ask again, ever more rarely."""
        self.interval = min(self.interval * 2, MAX_INTERVAL)
        self.next_at = now + self.interval

    def _ended(self) -> LoginRequired:
        return LoginRequired(
            f"Nobody entered the code within {self._lifetime / 60:.0f} minutes; log in again for a new one"
        )


class DeviceLogin(LoginAttempt):
    """Shows a code and waits until its user has entered it elsewhere. `show(code)` is called once, on the thread."""

    def __init__(self, server: str, done: Done, show: Callable[[DeviceCode], None]) -> None:
        super().__init__(server, done)
        self._show = show

    def _log_in(self) -> Credentials:
        server = discover(self.server)
        if not server.device_authorization_endpoint:
            raise LoginUnavailable(f"{self.server} offers no login by code; use Login, or paste a token")
        about = {"redirect_uris": [], "grant_types": [GRANT_TYPE, "refresh_token"], "response_types": []}
        client_id = register_client(server, about)
        form = {"client_id": client_id, "scope": SCOPE, "resource": server.resource}
        try:
            answer = fetch_json(server.device_authorization_endpoint, form, form=True)
        except HttpRefused as error:
            raise LoginUnavailable(f"{self.server} gave out no code to log in with: {error}") from None
        code = DeviceCode.read(answer, self.server)
        polling = Polling(code, time.monotonic())
        self._show(code)
        return self._poll(server, client_id, code, polling)

    def _poll(self, server: AuthorizationServer, client_id: str, code: DeviceCode, polling: Polling) -> Credentials:
        form = {
            "grant_type": GRANT_TYPE,
            "device_code": code.device_code,
            "client_id": client_id,
            "resource": server.resource,
        }
        while True:
            if self._cancelled.wait(polling.wait(time.monotonic())):
                raise LoginCancelled
            polling.wait(time.monotonic())
            try:
                answer = fetch_json(server.token_endpoint, form, form=True)
            except HttpRefused as error:
                polling.refused(error, time.monotonic())
            except LoginUnavailable:
                polling.unreachable(time.monotonic())
            else:
                blank = Credentials("", "", 0.0, server.token_endpoint, client_id, server.resource)
                return blank.renewed(answer, time.time())
