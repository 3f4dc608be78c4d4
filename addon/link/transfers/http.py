"""One request to the server's files: the peer's token, renewed when it is refused, and what an error means (blocking).

Addresses of proxies come from the system, as everywhere in the extension. No redirect is followed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..address import origin
from ..credentials import LoginRequired, LoginUnavailable, TokenSource
from ..outgoing import opener
from ..words import in_words
from .model import Broken, Refused

READ_TIMEOUT = 30.0
ERROR_BYTES = 4096
MAX_PAUSE = 60.0
# Trouble that may pass. 507 is no such: the quota is used up.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
TUS = {"Tus-Resumable": "1.0.0"}


class FileServer:
    """The server that this peer is attached to."""

    def __init__(self, server: str, tokens: TokenSource, user_agent: str) -> None:
        self.origin = origin(server)
        self._tokens = tokens
        self._user_agent = user_agent

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | Iterable[bytes] | None = None
    ) -> http.client.HTTPResponse:
        """Send a request and return the answer to it, to be closed. Raises Refused or Broken.

        A body that comes in pieces needs a Content-Length among the headers, and is asked for anew only if it is bytes.
        """
        for attempt in (1, 2):
            token = self._token()
            sent = {"User-Agent": self._user_agent, "Authorization": f"Bearer {token}", **headers}
            url = f"{self.origin}{path}"
            asked = urllib.request.Request(url, data=body, headers=sent, method=method)  # noqa: S310 (ours)
            try:
                return opener.open(asked, timeout=READ_TIMEOUT)  # type: ignore[no-any-return]
            except urllib.error.HTTPError as error:
                with error:
                    problem = self._problem(error)
            except (OSError, ValueError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", None) or error
                raise Broken(f"{urlsplit(url).netloc} cannot be reached: {in_words(reason)}") from None
            if not (isinstance(problem, Refused) and problem.status == 401):
                raise problem
            self._tokens.rejected(token)
            if attempt == 2 or not (body is None or isinstance(body, bytes)):
                raise Broken("the token was refused, and is renewed") if attempt == 1 else problem
        raise AssertionError("one of the two attempts returns or raises")

    def json(self, method: str, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Send a JSON document and return the one that is answered. Raises Refused or Broken."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        with self.request(method, path, headers, json.dumps(document).encode()) as response:
            try:
                answer = json.loads(response.read(65_536))
            except (OSError, ValueError, http.client.HTTPException):
                raise Broken("the server's answer is no JSON") from None
        if not isinstance(answer, dict):
            raise Broken("the server's answer is no JSON object")
        return answer

    def _token(self) -> str:
        try:
            return self._tokens.token()
        except LoginRequired as error:
            raise Refused(401, str(error)) from None
        except LoginUnavailable as error:
            raise Broken(str(error)) from None

    def _problem(self, error: urllib.error.HTTPError) -> Refused | Broken:
        told = ""
        with contextlib.suppress(OSError, ValueError, RecursionError, http.client.HTTPException):
            document = json.loads(error.read(ERROR_BYTES))
            if isinstance(document, dict):
                told = str(document.get("error_description") or document.get("error") or "")[:500]
        words = f"the server answered HTTP {error.code}" + (f": {told}" if told else "")
        if error.code in _PASSING:
            after = error.headers.get("Retry-After", "")
            return Broken(words, min(MAX_PAUSE, float(after)) if after.isdecimal() else 0.0)
        return Refused(error.code, words)
