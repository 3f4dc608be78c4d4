"""From the server URL a person types to the addresses the link uses (no I/O)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_KNOWN_SUFFIXES = ("/mcp", "/ws")
# A word, a colon and one slash or none: something like http:/host, and no host with a port.
_MISTYPED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//)(?![0-9]+(?:/|$))")


class InvalidServerUrl(ValueError):
    """The server URL cannot be used; the message says why and what is expected."""


def origin(server: str) -> str:
    """Return `scheme://host[:port]` of the bus, as http or https. The MCP address (`/mcp`) is understood as well."""
    text = server.strip()
    if not text:
        raise InvalidServerUrl("Enter the address of your server, such as https://bus.example.com")
    if _MISTYPED.match(text):
        raise InvalidServerUrl(f"{server[:200]!r} must begin with https:// or http://")
    if "://" not in text:
        if _is_local(text):
            raise InvalidServerUrl(f"Write http://{text} for a server on this computer, or https:// if it speaks that")
        text = f"https://{text}"
    try:
        parts: SplitResult = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InvalidServerUrl(f"{server!r} is not a URL: {error}") from None
    scheme = _SCHEMES.get(parts.scheme.lower())
    if scheme is None or not parts.hostname:
        raise InvalidServerUrl(f"{server!r} is not a server URL; expected something like https://bus.example.com")
    if parts.username is not None or parts.password is not None:
        raise InvalidServerUrl("A server URL must not contain a user name or password")
    path = parts.path.rstrip("/")
    if path and path not in _KNOWN_SUFFIXES:
        raise InvalidServerUrl(f"The server URL must have no path, this one has {path!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{scheme}://{host}" + (f":{port}" if port else "")


def socket_url(server: str) -> str:
    """Return the address of the WebSocket: https becomes wss, http becomes ws."""
    return "ws" + origin(server).removeprefix("http") + "/ws"


def protected_origin(server: str) -> str:
    """Return `origin(server)`. Raises InvalidServerUrl too where a login would travel over plain http to elsewhere."""
    here = origin(server)
    if here.startswith("http:") and not is_loopback(here):
        raise InvalidServerUrl(
            f"Use https: over plain http anybody on the way could read your login, got {server.strip()[:200]!r}"
        )
    return here


def is_loopback(server: str) -> bool:
    """Tell whether the server is this machine, the only place where plain http keeps a token private."""
    return _is_loopback_host(urlsplit(origin(server)).hostname or "")


def _is_local(text: str) -> bool:
    try:
        return _is_loopback_host(urlsplit(f"//{text}").hostname or "")
    except ValueError:
        return False


def _is_loopback_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
