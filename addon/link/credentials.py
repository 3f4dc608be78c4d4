"""Access tokens and how they are renewed: pasted, by password, or by the OAuth refresh grant (blocking, no bpy)."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

from .address import origin
from .outgoing import opener
from .words import in_words

HTTP_TIMEOUT = 15.0
MAX_BODY_BYTES = 262_144
RENEW_BEFORE = 60.0


class LoginRequired(Exception):
    """No usable token can be had without the user; the message says what to do."""


class LoginUnavailable(Exception):
    """A token could not be fetched now (network, server); worth another attempt later."""


class TokenSource(Protocol):
    """Where access tokens come from. Called on the link's thread, between connections, and may block for seconds."""

    def token(self) -> str:
        """Return a token that is worth trying, renewed if need be. Raises LoginRequired or LoginUnavailable."""

    def rejected(self, token: str) -> None:
        """The bus refused this token: never return it again."""


class HttpRefused(Exception):
    """The server answered with an error status; `code` is its OAuth error code or empty."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def fetch_json(
    url: str, body: Mapping[str, Any] | None = None, *, form: bool = False, token: str = ""
) -> dict[str, Any]:
    """GET `url`, or POST `body` as JSON or as a form, and return the JSON object answered.

    Raises HttpRefused on an error status, LoginUnavailable when there was no usable answer.
    """
    if not url.startswith(("https://", "http://")):
        raise LoginUnavailable(f"{url[:200]!r} is not an http or https address")
    headers = {"Accept": "application/json", "User-Agent": "BlenderBus"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data: bytes | None = None
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
        data = (urllib.parse.urlencode(body) if form else json.dumps(body)).encode()
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 (checked above)
    try:
        with opener.open(request, timeout=HTTP_TIMEOUT) as response:
            raw = response.read(MAX_BODY_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(url, error) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise LoginUnavailable(f"Cannot reach {urlsplit(url).netloc}: {in_words(reason)}") from None
    if len(raw) > MAX_BODY_BYTES:
        raise LoginUnavailable(f"{url} answered more than {MAX_BODY_BYTES} bytes")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise LoginUnavailable(f"{url} did not answer with a JSON object; is this the address of a Blender Bus?")
    return document


def _refused(url: str, error: urllib.error.HTTPError) -> HttpRefused:
    try:
        document = json.loads(error.read(MAX_BODY_BYTES))
    except (ValueError, RecursionError, OSError):
        document = None
    if not isinstance(document, dict):
        document = {}
    code = document.get("error")
    told = document.get("error_description") or document.get("message") or code or error.headers.get("Location")
    message = f"HTTP {error.code} from {url}" + (f": {str(told)[:300]}" if told else "")
    return HttpRefused(error.code, code if isinstance(code, str) else "", message)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login left. `expires_at` is Unix seconds, 0 when unknown; `token_endpoint` is empty for /auth/refresh."""

    access_token: str
    refresh_token: str = ""
    expires_at: float = 0.0
    token_endpoint: str = ""
    client_id: str = ""
    resource: str = ""

    def to_json(self) -> str:
        """Return this as text for the preferences."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Credentials | None:
        """Return what `to_json` wrote, or None for anything else."""
        try:
            document = json.loads(text)
            return cls(**document) if isinstance(document, dict) and document.get("access_token") else None
        except (ValueError, TypeError, RecursionError):
            return None

    def renewed(self, answer: Mapping[str, Any], now: float) -> Credentials:
        """Return these credentials with the tokens of a token answer. Raises LoginUnavailable if it holds none."""
        access, refresh, lifetime = answer.get("access_token"), answer.get("refresh_token"), answer.get("expires_in")
        if not isinstance(access, str) or not access:
            raise LoginUnavailable("The server's token answer holds no access_token")
        expires_at = now + float(lifetime) if isinstance(lifetime, int | float) else 0.0
        kept = refresh if isinstance(refresh, str) and refresh else self.refresh_token
        return replace(self, access_token=access, refresh_token=kept, expires_at=expires_at)


class RenewingTokens:
    """Tokens of a login, renewed with the refresh token and, where a password is at hand, by logging in again."""

    def __init__(
        self,
        server: str,
        credentials: Credentials | None = None,
        *,
        password_login: tuple[str, str] | None = None,
        on_renewed: Callable[[Credentials], None] = lambda credentials: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._server = origin(server)
        self._credentials = credentials
        self._password_login = password_login
        self._on_renewed = on_renewed
        self._clock = clock
        self._rejected = ""
        self._lock = threading.Lock()

    def token(self) -> str:
        """Return a token that is worth trying. Raises LoginRequired or LoginUnavailable."""
        with self._lock:
            now = self._clock()
            held = self._credentials
            if held is not None and held.access_token != self._rejected and not _expired(held, now):
                return held.access_token
            self._credentials = self._renew(held, now)
            self._on_renewed(self._credentials)
            return self._credentials.access_token

    def rejected(self, token: str) -> None:
        """The bus refused this token."""
        with self._lock:
            self._rejected = token

    def _renew(self, held: Credentials | None, now: float) -> Credentials:
        if held is not None and held.refresh_token:
            try:
                return held.renewed(self._refresh(held), now)
            except HttpRefused as error:
                if error.status >= 500 or error.status == 429:
                    raise LoginUnavailable(str(error)) from None
        if self._password_login is None:
            raise LoginRequired("Your login has ended or the token was revoked. Log in again, then Connect")
        username, password = self._password_login
        try:
            answer = fetch_json(f"{self._server}/auth/login", {"username": username, "password": password})
        except HttpRefused as error:
            if error.status in (400, 401, 403):
                raise LoginRequired(f"Login as {username} was refused: {error}") from None
            raise LoginUnavailable(str(error)) from None
        return Credentials("").renewed(answer, now)

    def _refresh(self, held: Credentials) -> dict[str, Any]:
        if not held.token_endpoint:
            return fetch_json(f"{self._server}/auth/refresh", {"refresh_token": held.refresh_token})
        form = {"grant_type": "refresh_token", "refresh_token": held.refresh_token, "client_id": held.client_id}
        if held.resource:
            form["resource"] = held.resource
        return fetch_json(held.token_endpoint, form, form=True)


def _expired(held: Credentials, now: float) -> bool:
    return bool(held.refresh_token) and held.expires_at > 0 and now >= held.expires_at - RENEW_BEFORE
