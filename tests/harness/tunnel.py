"""A way to the server that can be cut at any moment, as Wi-Fi is."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Tunnel:
    """Carries bytes between a free port of loopback and the server, until it is cut."""

    def __init__(self, upstream: str) -> None:
        self._port = urlsplit(upstream).port
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._carrying = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"http://localhost:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def carrying(self, seconds: float = 25.0) -> None:
        """Wait until there is a connection that was not cut: longer than the extension waits for a handshake."""
        await asyncio.wait_for(self._carrying.wait(), seconds)

    def hold(self) -> None:
        """Carry nothing any more, with every connection open: neither side hears of it."""
        self._flowing.clear()

    def release(self) -> None:
        """Carry again, first what was held back."""
        self._flowing.set()

    def cut(self) -> None:
        """End every connection without a word."""
        self._carrying.clear()
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            try:
                back, forth = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                writer.transport.abort()  # as the server's own port would, if there were no tunnel
                raise
            self._open |= {writer, forth}
            self._carrying.set()
            both = [asyncio.create_task(self._pump(reader, forth)), asyncio.create_task(self._pump(back, writer))]
            self._tasks |= set(both)
            await asyncio.gather(*both)
            self._tasks -= set(both)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        with contextlib.suppress(OSError):
            sink.close()
