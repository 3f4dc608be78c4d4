"""One loopback port for the WebSocket double and the HTTP double, as the real server has: POST goes to the latter."""

from __future__ import annotations

import contextlib
import socket
import threading


class Front:
    """Forwards each connection by its first bytes; use as a context manager."""

    def __init__(self, socket_port: int, http_port: int) -> None:
        self._ports = socket_port, http_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Front:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        first = client.recv(65536)
        server = socket.create_connection(("127.0.0.1", self._ports[first.startswith(b"POST")]))
        server.sendall(first)
        threading.Thread(target=pump, args=(server, client), daemon=True).start()
        pump(client, server)


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until either side ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
