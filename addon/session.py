"""What connects this Blender's interface to the bus: one peer, one login at a time. Main thread only."""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import bpy
from bpy.app.handlers import persistent

from .commands import facts, local, registry
from .commands.allowed.policy import Question, Verdict, consent
from .commands.checkpoints.keeper import keeper
from .commands.msgbus import subscriptions
from .commands.person import person
from .commands.place import override
from .display import Display
from .fetch.workers import TooBusy, workers
from .link.address import InvalidServerUrl, protected_origin
from .link.credentials import Credentials, RenewingTokens
from .link.device import DeviceCode, DeviceLogin
from .link.local_port import LocalPort, PortUnavailable
from .link.login import BrowserLogin, LoginAttempt
from .link.outgoing import abort_all
from .link.peer import Peer
from .link.probe import Finding, probe
from .link.protocol import PeerIdentity
from .link.queue.main_thread import BUSY_INTERVAL, IDLE_INTERVAL, MainThreadQueue, start_timer
from .link.status import State, Status
from .link.transfers.model import Transfer

AWAY_INTERVAL = 0.25
NEWS_INTERVAL = 1.0
OFFLINE = (
    "Blender's online access is switched off. Allow it in Edit > Preferences > System > Network, "
    "or start Blender with --online-mode"
)


@persistent  # type: ignore[untyped-decorator]
def _file_loaded(*_: object) -> None:
    subscriptions.file_loaded()


class CannotConnect(Exception):
    """Connecting or logging in is not possible now; the message is for the user."""


class Session:
    """The state behind the panel."""

    def __init__(self, preferences: Callable[[], Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._preferences = preferences
        self._from_threads: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stop_timer: Callable[[], None] | None = None
        self._drawn: object = None
        self._login: LoginAttempt | None = None
        self._tokens: RenewingTokens | None = None
        self._tokens_of: object = None
        # One for all that brings jobs, so that one job runs at a time; it is drained by the timer.
        self.queue = MainThreadQueue(registry.run, clock=clock)
        self._display = Display(self.queue, clock)
        self.peer: Peer | None = None
        self.local: LocalPort | None = None
        self.note = ""
        self.local_note = ""
        # What the user has to enter on a web page, while a login by code waits.
        self.code: DeviceCode | None = None
        # How the last Test Connection went; None while there was none, or one is under way.
        self.finding: Finding | None = None
        self.testing = False
        self.asked: Question | None = None
        self._to_show: deque[Question] = deque()
        self._news_at = 0.0

    # -- life of the extension -----------------------------------------------------------------------------------

    def open(self) -> None:
        """Start the timer that carries jobs and news to the main thread."""
        self._stop_timer = start_timer(self._tick)
        consent.present = None if bpy.app.background else self._present
        bpy.app.handlers.load_post.append(_file_loaded)
        keeper.watch(attended=not bpy.app.background)

    def close(self) -> None:
        """End everything; no thread of the extension outlives this for long."""
        if self._stop_timer is not None:
            self._stop_timer()
            self._stop_timer = None
        if self._login is not None:
            self._login.cancel()
        if self.peer is not None:
            self.peer.retire("The extension was switched off")
            self.peer = None
        self.stop_local()
        consent.forget()
        keeper.unwatch()
        subscriptions.clear_all()
        abort_all()
        if self._login is not None:
            self._login.cancel(wait=1.0)
        workers.join(2.0)
        if _file_loaded in bpy.app.handlers.load_post:
            bpy.app.handlers.load_post.remove(_file_loaded)

    # -- for operators and the panel -----------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """Return where the link stands."""
        return self.peer.link.status if self.peer is not None else Status(State.STOPPED, "Not connected", 0.0)

    @property
    def logging_in(self) -> bool:
        """Tell whether a browser login is under way."""
        return self._login is not None

    @property
    def active(self) -> bool:
        """Tell whether the link is connected or tries to be."""
        return self.peer is not None and self.peer.link.alive()

    @property
    def transfers(self) -> list[Transfer]:
        """Return the files that are on their way."""
        return self.peer.files.transfers if self.peer is not None else []

    def cancel_job(self, job_id: str) -> None:
        """End a job of the bus, or the sending of its result."""
        if self.peer is not None:
            self.peer.cancel(job_id)

    def connect(self) -> None:
        """Attach to the bus. Raises CannotConnect."""
        self._require_online()
        prefs = self._preferences()
        credentials = prefs.credentials()
        if credentials is None:
            raise CannotConnect("Log in first, or paste a token in the extension's preferences")
        try:
            protected_origin(prefs.server_url)
            tokens = self._token_source(credentials)
            registry.commands()
            identity = PeerIdentity(prefs.peer_uuid(), facts.capabilities(), prefs.group_id or None)
            peer = Peer(
                prefs.server_url,
                identity,
                tokens,
                registry.run,
                on_trouble=self._trouble,
                user_agent=f"BlenderBus (Blender {bpy.app.version_string})",
                queue=self.queue,
            )
            self.disconnect()
            if self.peer is not None:
                # Answers the bus has not confirmed yet belong to the uuid, not to one connection.
                peer.link.succeed(self.peer.link)
            peer.start()
        except (InvalidServerUrl, ValueError) as error:
            raise CannotConnect(str(error)) from None
        self.peer = peer
        self.note = ""

    def disconnect(self) -> None:
        """Leave the bus; what waits to run is refused."""
        if self.peer is not None:
            # Not waited for: the thread says goodbye on its own while the interface goes on.
            self.peer.stop("Disconnected by the user of this Blender", timeout=0.0)
        self.note = ""

    def log_in(self, *, by_code: bool = False) -> None:
        """Open the browser, or get a code to enter in a browser elsewhere. Raises CannotConnect."""
        self._require_online()
        self.cancel_login()
        try:
            server = protected_origin(self._preferences().server_url)
        except InvalidServerUrl as error:
            raise CannotConnect(str(error)) from None
        login: LoginAttempt

        def done(credentials: Credentials | None, reason: str) -> None:
            self._from_threads.put(lambda: self._logged_in(login, credentials, reason))

        def show(code: DeviceCode) -> None:
            self._from_threads.put(lambda: self._show_code(login, code))

        login = self._login = DeviceLogin(server, done, show) if by_code else BrowserLogin(server, done)
        self.note = "Asking the server for a code" if by_code else "Waiting for the login in your browser"
        login.start()

    def cancel_login(self) -> None:
        """Stop waiting for the browser."""
        if self._login is not None:
            self._login.cancel()
            self._login = None
        self.code = None
        self.note = ""

    def test_connection(self) -> None:
        """Find out, in a thread, whether the server is there and takes the login. Raises CannotConnect."""
        self._require_online()
        if self.testing:
            return
        prefs = self._preferences()
        server, credentials = prefs.server_url, prefs.credentials()
        try:
            tokens = None if credentials is None else self._token_source(credentials)
            found = workers.submit(lambda: probe(server, tokens))
        except (InvalidServerUrl, TooBusy) as error:
            raise CannotConnect(str(error)) from None
        self.testing, self.finding = True, None
        found.add_done_callback(lambda _: self._from_threads.put(lambda: self._tested(found)))

    def log_out(self) -> None:
        """Forget the login and the pasted token."""
        self.disconnect()
        self.cancel_login()
        self._tokens = self.finding = None
        self._preferences().keep(None)

    # -- the local port ------------------------------------------------------------------------------------------

    @property
    def serving(self) -> bool:
        """Tell whether the local port is open."""
        return self.local is not None and self.local.running

    def start_local(self) -> None:
        """Open the local port. Raises CannotConnect."""
        self.stop_local()
        registry.commands()
        prefs = self._preferences()
        port = LocalPort(self.queue, local.run_local, prefs.local_port, prefs.local_secret)
        try:
            port.start()
        except PortUnavailable as error:
            self.local_note = str(error)
            raise CannotConnect(str(error)) from None
        self.local = port

    def stop_local(self) -> None:
        """Close the local port and its connections."""
        if self.local is not None:
            self.local.stop()
            self.local = None
        self.local_note = ""

    # -- the timer -----------------------------------------------------------------------------------------------

    def _tick(self) -> float:
        with contextlib.suppress(queue.Empty):
            while True:
                self._from_threads.get_nowait()()
        self._redraw_on_change()
        if self.active and not bpy.app.online_access:
            self.disconnect()
            self.note = OFFLINE
        if self._display.announce():
            # Blender draws before it is here again.
            return BUSY_INTERVAL
        self.queue.drain()
        self._display.end()
        self._show_question()
        self._tell_news()
        self._redraw_on_change()
        if len(self.queue):
            return BUSY_INTERVAL
        return IDLE_INTERVAL if self.active or self.serving else AWAY_INTERVAL

    # -- consent -------------------------------------------------------------------------------------------------

    def _present(self, question: Question) -> None:
        self._to_show.append(question)

    def _show_question(self) -> None:
        """Open the dialog of the next question; the panel has the same answers as buttons."""
        windows = bpy.context.window_manager.windows
        while self._to_show and self._to_show[0].answered.done():
            self._to_show.popleft()
        if self._to_show and windows and self.asked is None and not person.at_work():
            question = self.asked = self._to_show.popleft()
            with contextlib.suppress(RuntimeError), override(window=windows[0]):
                bpy.ops.blender_bus.consent("INVOKE_DEFAULT", number=question.number)
        if self.asked is not None and self.asked.answered.done():
            self.asked = None

    def answer_question(self, number: int, verdict: Verdict) -> None:
        """Let a job run, or not."""
        for question in list(consent.questions):
            if question.number == number:
                question.answer(verdict)

    def _tell_news(self) -> None:
        now = time.monotonic()
        if self.peer is not None and self.active and now >= self._news_at:
            self._news_at = now + NEWS_INTERVAL
            self.peer.identify(facts.capabilities())

    def _redraw_on_change(self) -> None:
        begun = [(control.job.job_id, control.percent, control.message) for control in self.queue.active]
        clients = self.local.clients if self.local is not None and self.serving else None
        questions = [question.number for question in consent.questions]
        jobs = (begun, self.queue.finished[-1:], keeper.last)
        files = [(item.name, item.done, item.total, item.waits) for item in self.transfers]
        shown = (self.status, self.note, self.code, self.finding, questions, self.local_note, clients, jobs, files)
        if shown != self._drawn and self._display.redraw():
            self._drawn = shown

    def _token_source(self, credentials: Credentials) -> RenewingTokens:
        """Return what renews the login. Only one may at a time: a refresh token that is used twice ends the login."""
        prefs = self._preferences()
        chosen = (prefs.server_url, credentials.client_id or credentials.access_token)
        if self._tokens is None or self._tokens_of != chosen or not (self.active or self.testing):
            self._tokens = RenewingTokens(prefs.server_url, credentials, on_renewed=self._renewed)
            self._tokens_of = chosen
        return self._tokens

    def _tested(self, found: Future[Finding]) -> None:
        self.testing = False
        problem = found.exception()
        self.finding = found.result() if problem is None else Finding(False, f"The test failed: {problem!r}")

    def _show_code(self, login: LoginAttempt, code: DeviceCode) -> None:
        if login is self._login:
            self.code = code
            self.note = "Enter this code in a browser where you are logged in"

    def _logged_in(self, login: LoginAttempt, credentials: Credentials | None, reason: str) -> None:
        if login is not self._login:
            # Cancelled, or replaced by a newer attempt.
            return
        self._login = self.code = None
        self.note = reason
        if credentials is None:
            return
        self._tokens = self.finding = None
        self._preferences().keep(credentials)
        try:
            self.connect()
        except CannotConnect as error:
            self.note = str(error)

    def _renewed(self, credentials: Credentials) -> None:
        self._from_threads.put(lambda: self._preferences().keep(credentials))

    def _trouble(self, message: str) -> None:
        print("Blender Bus:", message)

    def _require_online(self) -> None:
        if not bpy.app.online_access:
            raise CannotConnect(OFFLINE)
