"""Errors of the network in words for people (no bpy)."""

from __future__ import annotations

import socket
import ssl


def in_words(error: object) -> str:
    """Return what a network error means, short enough for a sidebar."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        known = "WRONG_VERSION_NUMBER" in str(error) or "HTTP_REQUEST" in str(error)
        return "it does not speak https; is its address http://?" if known else f"no secure connection ({error.reason})"
    if isinstance(error, ConnectionRefusedError):
        return "nothing answers there; is the server running, and the port right?"
    if isinstance(error, socket.gaierror):
        return "there is no host of this name"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
