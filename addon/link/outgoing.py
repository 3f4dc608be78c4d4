"""Outgoing HTTP connections that can all be cut at once, so that no thread waits for what nobody wants any more."""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import urllib.request
import weakref
from typing import Any

_sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def abort_all() -> None:
    """Cut every connection: the threads that wait for one end now, with an error."""
    for open_socket in list(_sockets):
        with contextlib.suppress(OSError):
            open_socket.shutdown(socket.SHUT_RDWR)


class _Plain(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _sockets.add(self.sock)


class _Secure(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _sockets.add(self.sock)


class _PlainHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Plain, req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(functools.partial(_Secure), req)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: followed blindly it would carry a secret to another place."""

    def redirect_request(self, *_: Any) -> None:
        return None


opener = urllib.request.build_opener(_PlainHandler, _SecureHandler, _NoRedirect)
