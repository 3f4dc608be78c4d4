"""The connection to the bus: one daemon thread that connects, carries frames and reconnects until it is stopped.

The thread runs an event loop of its own, so that one thread serves reading, writing and the clock, an answer leaves the
moment it is given, and `stop` interrupts every wait at once, a half-open handshake included. All decisions are made by
`PeerProtocol`, `backoff` and the `TokenSource`; no bpy here, and nothing here runs on Blender's main thread except the
few thread-safe calls of `Link`.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .address import socket_url
from .answers import Extra
from .backoff import CLOSE_ABNORMAL, Backoff, Next, Verdict, after_close, after_refusal
from .bundled import ensure_websockets
from .credentials import LoginRequired, LoginUnavailable, TokenSource
from .protocol import (
    CancelRequested,
    ConnectionDead,
    ConsentGiven,
    Event,
    JobArrived,
    PeerProtocol,
    Registered,
    RegistrationRefused,
    Trouble,
)
from .records import Job
from .status import State, Status
from .words import in_words

ensure_websockets()

from websockets.asyncio.client import ClientConnection, connect  # noqa: E402 (the wheel comes first)
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus  # noqa: E402
from websockets.typing import Subprotocol  # noqa: E402

MAX_FRAME_BYTES = 32 * 1_048_576
OPEN_TIMEOUT = 15.0
CLOSE_TIMEOUT = 1.0
SETTLE_TIMEOUT = 1.5
PROVEN_AFTER = 10.0
# A connection that lasted so long makes earlier troubles a thing of the past.
FORGIVEN_AFTER = 600.0
# A blocked writer leaves a deadline in the past: without a floor the reader would spin.
MIN_TICK, MAX_TICK = 0.1, 5.0


@dataclass(slots=True)
class LinkEvents:
    """What the link tells, always on its own thread: hand over, never work in these."""

    on_job: Callable[[Job], None]
    on_cancel: Callable[[str, str], None] = lambda job_id, reason: None
    on_consent: Callable[[str, bool], None] = lambda job_id, allow: None
    on_status: Callable[[Status], None] = lambda status: None
    on_trouble: Callable[[str], None] = lambda message: None


class _Connect(connect):
    """No redirect is followed: the token would travel to a place the user did not name."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Link:
    """A peer's attachment to the bus. `start`, `stop`, `answer`, `progress` and `status` are safe from any thread."""

    def __init__(
        self,
        server: str,
        protocol: PeerProtocol,
        tokens: TokenSource,
        events: LinkEvents,
        *,
        user_agent: str = "BlenderBus",
        backoff: Backoff | None = None,
    ) -> None:
        self.server = server
        self.protocol = protocol
        self._tokens = tokens
        self._events = events
        self._user_agent = user_agent
        self._backoff = backoff or Backoff()
        self._inbox: deque[Callable[[], object]] = deque()
        self._thread: threading.Thread | None = None
        self._predecessor: Link | None = None
        self._successor: Link | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard = threading.Lock()
        self._stopping = False
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._status = Status(State.STOPPED, "Not connected", time.time())

    # -- from any thread -----------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """Return the newest status."""
        return self._status

    def start(self) -> None:
        """Start connecting; without effect while the thread runs. Raises InvalidServerUrl."""
        url = socket_url(self.server)
        with self._guard:
            before = self._thread
            if before is not None and before.is_alive() and not self._stopping:
                return
            self._stopping = False
            self._thread = threading.Thread(target=self._run, args=(url, before), name="blender-bus-link", daemon=True)
            self._thread.start()

    def stop(self, timeout: float = 3.0) -> bool:
        """End the connection and the thread; return whether the thread is gone within `timeout` seconds."""
        with self._guard:
            self._stopping = True
            thread, loop = self._thread, self._loop
            if loop is not None:
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._stop.set)
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def succeed(self, predecessor: Link) -> None:
        """Before `start`: take over the unconfirmed answers of a stopped link."""
        self._predecessor = predecessor

    def alive(self) -> bool:
        """Tell whether the thread runs (it ends by itself when only the user can help)."""
        return self._thread is not None and self._thread.is_alive()

    def answer(self, job_id: str, status: str, result: str = "", error: str = "", extra: Extra = None) -> None:
        """Answer a job. Kept and sent as soon as there is a connection; a second answer is dropped."""
        self._post(lambda: self.protocol.answer(job_id, status, result, error, extra))

    def progress(self, job_id: str, percent: float, message: str = "", busy: float | None = None) -> None:
        """Report progress of a job; lost while offline. `busy`: seconds for which nothing else could run."""
        self._post(lambda: self.protocol.progress(job_id, percent, message, busy))

    def began(self, job_id: str) -> None:
        """Tell the bus that a job which waited behind others runs now; lost while offline."""
        self._post(lambda: self.protocol.began(job_id))

    def identify(self, capabilities: tuple[str, ...]) -> None:
        """Tell the bus that this peer's capabilities are others now."""
        self._post(lambda: self.protocol.identify(capabilities))

    def _post(self, action: Callable[[], object]) -> None:
        with self._guard:
            successor = self._successor
            if successor is None:
                self._inbox.append(action)
            if self._loop is not None:
                # Without a loop the action waits in the inbox for the next start.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._wake.set)
        if successor is not None:
            successor._post(action)

    def _hand_over(self, successor: Link) -> None:
        """Give what is still owed, and what will still come in from running jobs, to `successor`."""
        if self._thread is not None:
            self._thread.join()
        successor.protocol.adopt(self.protocol)
        with self._guard:
            self._successor = successor
            successor._inbox.extend(self._inbox)
            self._inbox.clear()

    # -- on the link's thread ------------------------------------------------------------------------------------

    def _run(self, url: str, before: threading.Thread | None) -> None:
        if before is not None:
            # Stopped a moment ago and still saying goodbye.
            before.join()
        if self._predecessor is not None:
            self._predecessor._hand_over(self)
            self._predecessor = None
        loop = asyncio.new_event_loop()
        # Name resolution may hang in a thread; leaving that thread behind must not delay the end of this one.
        resolver = ThreadPoolExecutor(1, "blender-bus-dns")
        loop.set_default_executor(resolver)
        self._wake, self._stop = asyncio.Event(), asyncio.Event()
        with self._guard:
            self._loop = loop
            if self._stopping:
                self._stop.set()
        try:
            loop.run_until_complete(self._connect_until_stopped(url))
        except Exception as error:
            self._tell(State.STOPPED, f"The link ended: {error!r}")
            self._events.on_trouble(f"The link ended unexpectedly: {error!r}")
        finally:
            with self._guard:
                self._loop = None
            self._drain_inbox()
            self.protocol.connection_closed()
            resolver.shutdown(wait=False, cancel_futures=True)
            loop.close()

    async def _connect_until_stopped(self, url: str) -> None:
        while not self._stop.is_set():
            verdict = await self._attempt(url)
            self.protocol.connection_closed()
            if self._stop.is_set():
                break
            if verdict.next is Next.STAY_AWAY:
                self._tell(State.STAYS_AWAY, verdict.reason)
                return
            delay = self._backoff.delay(troubled=verdict.troubled)
            again = f", {self._backoff.troubles} times in a row" if self._backoff.troubles > 1 else ""
            self._tell(State.WAITING, f"{verdict.reason}{again}. Trying again in {delay:.0f} s")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stop.wait()
            self._drain_inbox()
        self._tell(State.STOPPED, "Disconnected")

    async def _attempt(self, url: str) -> Verdict:
        """Connect once and stay as long as it lasts; return what to do next."""
        self._tell(State.CONNECTING, f"Connecting to {url}")
        try:
            token = self._tokens.token()
        except LoginRequired as error:
            return Verdict(Next.STAY_AWAY, str(error))
        except LoginUnavailable as error:
            return Verdict(Next.RETRY, str(error))
        verdict = await self._attempt_with(url, token)
        if verdict.next is Next.RENEW_TOKEN:
            self._tokens.rejected(token)
        return verdict

    async def _attempt_with(self, url: str, token: str) -> Verdict:
        try:
            socket = await self._interruptible(self._open(url, token))
        except InvalidStatus as error:
            return after_refusal(error.response.status_code, error.response.headers.get("Location", ""))
        except (TimeoutError, OSError, InvalidHandshake, ImportError, ValueError) as error:
            return Verdict(Next.RETRY, f"Cannot connect: {in_words(error)}")
        if socket is None:
            return Verdict(Next.RETRY, "Stopped")
        opened = asyncio.get_running_loop().time()
        try:
            return await self._converse(socket)
        finally:
            lasted = asyncio.get_running_loop().time() - opened
            if lasted >= PROVEN_AFTER:
                self._backoff.reset()
            if lasted >= FORGIVEN_AFTER:
                self._backoff.forgive()

    async def _open(self, url: str, token: str) -> ClientConnection:
        return await _Connect(
            url,
            additional_headers={"Authorization": f"Bearer {token}"},
            subprotocols=[Subprotocol("mcp")],
            user_agent_header=self._user_agent,
            compression=None,
            max_size=MAX_FRAME_BYTES,
            ping_interval=None,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
        )

    async def _interruptible(self, work: Any) -> Any:
        """Await `work`, but give up (and return None) as soon as the link is stopped."""
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            for pending in (task, stopped):
                if not pending.done():
                    pending.cancel()
                    with contextlib.suppress(asyncio.CancelledError, Exception):
                        await pending

    async def _converse(self, socket: ClientConnection) -> Verdict:
        self._tell(State.CONNECTED, "Connected, registering")
        self.protocol.connection_opened(asyncio.get_running_loop().time())
        reader = asyncio.ensure_future(self._read(socket))
        writer = asyncio.ensure_future(self._write(socket))
        stopped = asyncio.ensure_future(self._settled())
        tasks = (reader, writer, stopped)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_TIMEOUT + 1.0):
                    await socket.close()
        for outcome in outcomes:
            if isinstance(outcome, ConnectionClosed):
                return _closed(outcome)
            if isinstance(outcome, Verdict):
                return outcome
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                return Verdict(Next.RETRY, f"Connection failed: {in_words(outcome)}")
        return Verdict(Next.RETRY, "Connection ended")

    async def _read(self, socket: ClientConnection) -> Verdict:
        loop = asyncio.get_running_loop()
        while True:
            deadline = self.protocol.deadline()
            wait = MAX_TICK if deadline is None else min(MAX_TICK, max(MIN_TICK, deadline - loop.time()))
            events: list[Event] = []
            try:
                # Not wait_for: before Python 3.12 it can swallow the cancellation that ends this task.
                async with asyncio.timeout(wait):
                    message = await socket.recv()
            except TimeoutError:
                pass
            else:
                if isinstance(message, str):
                    events = self.protocol.receive(message, loop.time())
                else:
                    events = [Trouble("The bus sent a binary frame; it was ignored")]
            events += self.protocol.tick(loop.time())
            self._wake.set()
            for event in events:
                if isinstance(event, ConnectionDead):
                    return Verdict(Next.RETRY, event.reason)
                if isinstance(event, RegistrationRefused):
                    return Verdict(Next.STAY_AWAY, event.reason)
                self._handle(event)

    async def _write(self, socket: ClientConnection) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            self._drain_inbox()
            frame = self.protocol.next_frame(loop.time())
            if frame is None:
                await self._wake.wait()
            else:
                await socket.send(frame)

    async def _settled(self) -> None:
        """Return once the link is stopped and the bus has confirmed every answer, or a moment later."""
        await self._stop.wait()
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLE_TIMEOUT
        self._wake.set()
        while self.protocol.registered and (self._inbox or self.protocol.unconfirmed) and loop.time() < until:
            await asyncio.sleep(0.01)

    def _handle(self, event: Event) -> None:
        match event:
            case JobArrived(job):
                self._events.on_job(job)
            case CancelRequested(job_id, reason):
                self._events.on_cancel(job_id, reason)
            case ConsentGiven(job_id, allow):
                self._events.on_consent(job_id, allow)
            case Registered():
                self._tell(State.REGISTERED, "Connected")
            case Trouble(message):
                self._events.on_trouble(message)

    def _drain_inbox(self) -> None:
        while self._inbox:
            self._inbox.popleft()()

    def _tell(self, state: State, message: str) -> None:
        self._status = Status(state, message, time.time())
        self._events.on_status(self._status)


def _closed(closed: ConnectionClosed) -> Verdict:
    if closed.rcvd is None:
        return after_close(CLOSE_ABNORMAL, "")
    return after_close(closed.rcvd.code, closed.rcvd.reason)
