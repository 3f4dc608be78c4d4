"""A peer put together: protocol, connection and main-thread queue, wired to each other (no bpy)."""

from __future__ import annotations

import getpass
import hashlib
import platform
import re
import secrets
from collections.abc import Callable

from .backoff import Backoff
from .connection import Link, LinkEvents
from .credentials import TokenSource
from .large_results import LargeResults
from .protocol import PeerIdentity, PeerProtocol
from .queue.main_thread import MainThreadQueue, QueueFull, Route, Runner
from .records import MAX_NAME_CHARS, Job
from .status import Status
from .transfers.carrier import Carrier


class Peer:
    """One Blender on the bus. The queue, its own or a shared one, is drained on the main thread by the peer's owner."""

    def __init__(
        self,
        server: str,
        identity: PeerIdentity,
        tokens: TokenSource,
        run: Runner,
        *,
        on_status: Callable[[Status], None] = lambda status: None,
        on_trouble: Callable[[str], None] = lambda message: None,
        user_agent: str = "BlenderBus",
        backoff: Backoff | None = None,
        queue: MainThreadQueue | None = None,
    ) -> None:
        self.protocol = PeerProtocol(identity)
        self._capabilities = identity.capabilities
        events = LinkEvents(
            self._take,
            lambda job_id, reason: self.cancel(job_id),
            lambda job_id, allow: self.queue.decide(job_id, allow, self._route),
            on_status,
            on_trouble,
        )
        self.link = Link(server, self.protocol, tokens, events, user_agent=user_agent, backoff=backoff)
        self.files = Carrier(server, tokens, user_agent)
        self._results = LargeResults(self.files, self.link.answer, self.link.progress)
        self._route = Route(
            run, self._results.answer, self.link.progress, remote=True, began=self.link.began, files=self.files
        )
        # An empty queue is false.
        self.queue = MainThreadQueue(run) if queue is None else queue

    def start(self) -> None:
        """Connect. Raises InvalidServerUrl."""
        self.link.start()

    def retire(self, reason: str, timeout: float = 4.0) -> bool:
        """As `stop`, for good: the job that runs is answered too, since nobody will be left to do so when it ends."""
        running = self.queue.running
        if running is not None:
            # One of the local port is not open here, so that this changes nothing.
            self.link.answer(running.job.job_id, "failed", "", reason)
        return self.stop(reason, timeout)

    def stop(self, reason: str, timeout: float = 4.0) -> bool:
        """Refuse what still waits, end what is on its way, tell the bus, and disconnect.

        Returns whether the thread has ended.
        """
        self.queue.close(reason, self._route)
        self.files.close(reason)
        return self.link.stop(timeout)

    def identify(self, capabilities: tuple[str, ...]) -> None:
        """Tell the bus other capabilities; without effect if it knows them. One thread calls this."""
        if capabilities != self._capabilities:
            self._capabilities = capabilities
            self.link.identify(capabilities)

    def _take(self, job: Job) -> None:
        try:
            self.queue.submit(job, self._route)
        except QueueFull as error:
            self.link.answer(job.job_id, "failed", "", str(error))

    def cancel(self, job_id: str) -> None:
        """Drop a job, ask it to stop, or stop sending its result; without effect on one that is not here."""
        if not self.queue.cancel(job_id, self._route):
            self._results.cancel(job_id)


def fresh_uuid() -> str:
    """Return a new uuid for a Blender, to be kept in its preferences."""
    return f"blender-{_host()}-{secrets.token_hex(4)}"


def derived_uuid(*parts: str) -> str:
    """Return the uuid of a Blender without preferences: the same for the same machine, user and `parts`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = ""
    digest = hashlib.sha256("\0".join([platform.node(), user, *parts]).encode("utf-8", "replace")).hexdigest()
    return f"blender-{_host()}-{digest[:8]}"


def checked_uuid(uuid: str) -> str:
    """Return `uuid` if the bus takes it. Raises ValueError."""
    if not re.fullmatch(rf"[A-Za-z0-9._:-]{{1,{MAX_NAME_CHARS}}}", uuid):
        raise ValueError(f"a uuid has 1 to {MAX_NAME_CHARS} letters, digits, '.', '_', ':' or '-', not {uuid[:200]!r}")
    return uuid


def _host() -> str:
    name = re.sub(r"[^a-z0-9-]+", "-", platform.node().split(".")[0].lower()).strip("-")
    return name[:32] or "computer"
