"""What a login begins with: the server's endpoints (RFC 8414, RFC 9728) and this Blender as their client (RFC 7591)."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .address import origin
from .credentials import HttpRefused, LoginUnavailable, fetch_json

SCOPE = "peer"


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """What discovery told: RFC 8414 metadata, checked, and the resource (RFC 9728) to ask a token for."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str
    iss_promised: bool
    resource: str
    # RFC 8628; empty where the server has no login by code.
    device_authorization_endpoint: str = ""


def discover(server: str) -> AuthorizationServer:
    """Return the server's endpoints. Raises LoginUnavailable with what is missing."""
    expected = origin(server)
    try:
        found = fetch_json(f"{expected}/.well-known/oauth-authorization-server")
    except HttpRefused as error:
        raise LoginUnavailable(f"{expected} does not offer a login: {error}") from None
    if found.get("issuer") != expected:
        # RFC 8414 3.3: else one server could speak for another.
        raise LoginUnavailable(
            f"{expected} says its address is {str(found.get('issuer'))[:200]!r}; use that as server URL"
        )
    methods = found.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise LoginUnavailable(f"{expected} does not support PKCE with S256")
    return AuthorizationServer(
        issuer=expected,
        authorization_endpoint=_endpoint(found, "authorization", expected),
        token_endpoint=_endpoint(found, "token", expected),
        registration_endpoint=_endpoint(found, "registration", expected),
        iss_promised=found.get("authorization_response_iss_parameter_supported") is True,
        resource=_resource(expected),
        device_authorization_endpoint=(
            _endpoint(found, "device_authorization", expected) if "device_authorization_endpoint" in found else ""
        ),
    )


def _endpoint(metadata: dict[str, Any], name: str, issuer: str) -> str:
    url = metadata.get(f"{name}_endpoint")
    scheme = urlsplit(issuer).scheme
    if not isinstance(url, str) or not url.startswith(f"{scheme}://"):
        raise LoginUnavailable(f"{issuer} names no usable {name}_endpoint")
    return url


def _resource(server: str) -> str:
    try:
        named = fetch_json(f"{server}/.well-known/oauth-protected-resource").get("resource")
    except (HttpRefused, LoginUnavailable):
        named = None
    return named if isinstance(named, str) and origin_or_empty(named) == server else server


def origin_or_empty(url: str) -> str:
    """Return scheme and host of a URL, or an empty string if it has none."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else ""


def register_client(server: AuthorizationServer, about: dict[str, Any]) -> str:
    """Register this Blender as a public client and return its client_id.

    `about` is what the way of logging in adds: redirect URIs and grant types. Raises LoginUnavailable.
    """
    common = {
        "client_name": f"Blender Bus on {platform.node()[:64] or 'this computer'}",
        "token_endpoint_auth_method": "none",
        "application_type": "native",
        "scope": SCOPE,
    }
    try:
        client_id = fetch_json(server.registration_endpoint, {**common, **about}).get("client_id")
    except HttpRefused as error:
        raise LoginUnavailable(f"The server does not register this Blender: {error}") from None
    if not isinstance(client_id, str) or not client_id:
        raise LoginUnavailable("The server's registration answer holds no client_id")
    return client_id
