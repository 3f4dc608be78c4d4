"""Login in the browser: OAuth 2.1 authorization code with PKCE S256 and a loopback redirect (RFC 8252, RFC 9207).

Runs in a thread of its own and never touches bpy; the outcome is handed to a callback.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
import threading
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from .address import origin
from .credentials import Credentials, HttpRefused, LoginRequired, LoginUnavailable, fetch_json
from .discovery import SCOPE, AuthorizationServer, discover, register_client

LOGIN_TIMEOUT = 300.0
CALLBACK_PATH = "/callback"
POLL_INTERVAL = 0.1

Done = Callable[[Credentials | None, str], None]


class LoginCancelled(Exception):
    """The user gave up, or the extension is being switched off."""


class LoginAttempt:
    """One attempt in a thread. `done(credentials, "")` or `done(None, reason)` is called there, once."""

    def __init__(self, server: str, done: Done) -> None:
        self.server = origin(server)
        self._done = done
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="blender-bus-login", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def cancel(self, wait: float = 0.0) -> None:
        """Give up; `wait` up to so many seconds for the thread to end."""
        self._cancelled.set()
        if wait > 0 and self._thread.is_alive():
            self._thread.join(wait)

    def _run(self) -> None:
        try:
            credentials = self._log_in()
        except LoginCancelled:
            self._done(None, "Login cancelled")
        except (LoginRequired, LoginUnavailable) as error:
            self._done(None, str(error))
        except Exception as error:
            self._done(None, f"Login failed: {type(error).__name__}: {error}")
        else:
            self._done(credentials, "")

    def _log_in(self) -> Credentials:
        """Do it. Raises LoginCancelled, LoginRequired or LoginUnavailable."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One attempt: the secrets that tie its answer to it."""

    server: AuthorizationServer
    client_id: str
    redirect_uri: str
    state: str
    verifier: str

    def url(self) -> str:
        """Return the address to open in the browser."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": self.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": self.server.resource,
        }
        joint = "&" if urlsplit(self.server.authorization_endpoint).query else "?"
        return f"{self.server.authorization_endpoint}{joint}{urlencode(query)}"

    def code(self, answer: dict[str, str]) -> str | None:
        """Return the code of a redirect; None if it does not belong to this attempt. Raises LoginRequired."""
        if not hmac.compare_digest(answer.get("state", "").encode(), self.state.encode()):
            return None
        iss = answer.get("iss")
        if iss != self.server.issuer and (iss is not None or self.server.iss_promised):
            raise LoginRequired("The login answer came from another server than the one asked; it was refused")
        if "error" in answer:
            told = answer.get("error_description") or answer["error"]
            raise LoginRequired(f"The login was refused: {told[:300]}")
        if not answer.get("code"):
            raise LoginRequired("The login answer holds no code")
        return answer["code"]

    def exchange(self, code: str, now: float) -> Credentials:
        """Trade the code for tokens. Raises LoginRequired or LoginUnavailable."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
            "resource": self.server.resource,
        }
        try:
            answer = fetch_json(self.server.token_endpoint, form, form=True)
        except HttpRefused as error:
            raise LoginRequired(f"The server gave no token: {error}") from None
        blank = Credentials("", "", 0.0, self.server.token_endpoint, self.client_id, self.server.resource)
        return blank.renewed(answer, now)


class _CallbackServer(ThreadingHTTPServer):
    """Waits on a free loopback port for the browser to come back."""

    daemon_threads = True
    # On Windows address reuse would let another program listen on the same port.
    allow_reuse_address = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _CallbackHandler)
        self.request_made: AuthorizationRequest | None = None
        self.outcome: str | LoginRequired | None = None

    @property
    def redirect_uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{CALLBACK_PATH}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is nothing to print a traceback for."""


class _CallbackHandler(BaseHTTPRequestHandler):
    server: _CallbackServer
    timeout = 10
    server_version = "BlenderBus"
    sys_version = ""

    def do_GET(self) -> None:
        """Take the redirect; anything else that knocks on the port is turned away and changes nothing."""
        parts = urlsplit(self.path)
        request = self.server.request_made
        if parts.path != CALLBACK_PATH or request is None or self.server.outcome is not None:
            return self._page(404, "Nothing here")
        answer = {name: values[0] for name, values in parse_qs(parts.query, max_num_fields=20).items()}
        try:
            code = request.code(answer)
        except LoginRequired as error:
            self._page(400, str(error))
            self.server.outcome = error
            return None
        if code is None:
            return self._page(400, "This answer belongs to no login of this Blender")
        self._page(200, "Logged in. You can close this page and go back to Blender")
        self.server.outcome = code
        return None

    def _page(self, status: int, text: str) -> None:
        body = f"<!doctype html><meta charset=utf-8><title>Blender Bus</title><p>{html.escape(text)}.</p>".encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The request line holds the code: it is not logged."""


class BrowserLogin(LoginAttempt):
    """Waits on a loopback port while the user logs in in the browser of this computer."""

    def __init__(
        self,
        server: str,
        done: Done,
        *,
        open_browser: Callable[[str], object] = webbrowser.open,
        timeout: float = LOGIN_TIMEOUT,
    ) -> None:
        super().__init__(server, done)
        self._open_browser = open_browser
        self._timeout = timeout

    def _log_in(self) -> Credentials:
        server = discover(self.server)
        with _CallbackServer() as callback:
            about = {
                "redirect_uris": [callback.redirect_uri],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
            }
            client_id = register_client(server, about)
            secret = secrets.token_urlsafe
            request = AuthorizationRequest(server, client_id, callback.redirect_uri, secret(32), secret(64))
            callback.request_made = request
            self._open_browser(request.url())
            code = self._wait(callback)
        return request.exchange(code, time.time())

    def _wait(self, callback: _CallbackServer) -> str:
        callback.timeout = POLL_INTERVAL
        until = time.monotonic() + self._timeout
        while callback.outcome is None:
            if self._cancelled.is_set():
                raise LoginCancelled
            if time.monotonic() >= until:
                raise LoginRequired(f"Nobody logged in within {self._timeout:.0f} s")
            callback.handle_request()
        if isinstance(callback.outcome, LoginRequired):
            raise callback.outcome
        return callback.outcome
