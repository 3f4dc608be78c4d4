"""The peer's side of docs/peer-protocol.md as a state machine: frames and the caller's clock in, events and frames out.

No I/O, no threads, no clock, no bpy. One instance lives as long as the peer's uuid, across many connections, because
what must survive a lost connection (jobs taken, answers not yet confirmed, ids seen) lives here.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from typing import Any

from .answers import Extra, KeptAnswers, bounded_answer
from .frames import encode, progress_frame, received_frame, record_place, tool_result
from .records import InvalidFrame, InvalidJob, Job, clean_text, parse_frame, parse_job

PING_INTERVAL = 30.0
PONG_TIMEOUT = 15.0
REGISTER_TIMEOUT = 20.0
UPDATE_TIMEOUT = 120.0
MAX_IN_FLIGHT = 4
MAX_OPEN_JOBS = 10_000
MAX_SEEN_IDS = 10_000
MAX_PROGRESS_CHARS = 2_000
# This peer acknowledges jobs, and confirms records.
PROMISES = ("job_ack", "record_ack")
# How the bus says that a uuid was registered by another login or token.
# Arguments of a registration that a bus of an earlier version refuses.
_TOLD = ("instance_id", "open_jobs", "ping_interval")
_NOT_OURS = re.compile(r"\bnot_yours\b|\banother (?:grant|login|sign-in|token)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Registered:
    """The bus knows this peer; `client` is the ClientInfo it answered with (may be empty)."""

    client: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobArrived:
    """A job to run, acknowledged already. Each id arrives once."""

    job: Job


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The bus asks to drop or stop a job that was taken and is not answered yet."""

    job_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AnswerConfirmed:
    """The bus has the answer; `duplicate` when it already had one."""

    job_id: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something odd worth a line in the log; the connection goes on."""

    message: str


@dataclass(frozen=True, slots=True)
class ConnectionDead:
    """Close the socket and connect again: the reason is for the user."""

    reason: str


@dataclass(frozen=True, slots=True)
class RegistrationRefused:
    """The bus does not take this peer under its uuid; only its user can help. The reason is for the user."""

    reason: str


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """The owner of the bus has answered a question about a job, away from this Blender."""

    job_id: str
    allow: bool


Ending = ConnectionDead | RegistrationRefused
Event = Registered | JobArrived | CancelRequested | ConsentGiven | AnswerConfirmed | Trouble | Ending


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """What this peer tells about itself when it registers."""

    uuid: str
    capabilities: tuple[str, ...] = ()
    group_id: str | None = None
    # Which process this is: another one at each start, so that the bus knows what a Blender that restarted has lost.
    instance_id: str = field(default_factory=lambda: secrets.token_hex(8))

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `blender_register_client`."""
        capabilities = [*PROMISES, *(name for name in self.capabilities if name not in PROMISES)]
        return {
            "client_uuid": self.uuid,
            "client_type": "blender",
            "is_persistent": True,
            "capabilities": capabilities,
            "group_id": self.group_id,
        }


@dataclass(slots=True)
class _Call:
    """A tools/call that waits for its answer; `job_id` is None for the registration."""

    job_id: str | None
    sent_at: float
    seconds: float


class PeerProtocol:
    """See the module. Times are seconds of any steady clock, always given by the caller."""

    def __init__(self, identity: PeerIdentity) -> None:
        self.identity = identity
        self.registered = False
        self._connected = False
        self._control: deque[str] = deque()
        self._progress: OrderedDict[str, tuple[float, str, float | None]] = OrderedDict()
        self._calls: dict[int, _Call] = {}
        self._next_id = 1
        self._open: dict[str, float] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._answers = KeptAnswers()
        self._told = identity
        # Jobs that arrived behind others, until they begin.
        self._behind: set[str] = set()
        # The place of the last record of this connection, until it is confirmed.
        self._place: int | None = None
        # An older bus refuses what it does not know.
        self._tells_jobs = self._tells_extra = True
        self._last_ping = 0.0
        self._last_frame = 0.0

    # -- the connection ------------------------------------------------------------------------------------------

    def connection_opened(self, now: float) -> None:
        """Start over on a fresh socket: registration is the first call."""
        self.connection_closed()
        self._connected = True
        self._last_ping = self._last_frame = now
        self._control.append(self._register(now))

    def connection_closed(self) -> None:
        """The socket is gone: what was not confirmed waits for the next registration."""
        self._connected = self.registered = False
        self._control.clear()
        self._progress.clear()
        self._calls.clear()
        self._place = None
        self._answers.connection_lost()

    def next_frame(self, now: float) -> str | None:
        """Return the next frame to write, or None. Call it when the socket can take one: timers start here."""
        if not self._connected:
            return None
        if now - self._last_ping >= PING_INTERVAL:
            self._last_ping = now
            return "ping"
        if self._control:
            return self._control.popleft()
        if not self.registered:
            return None
        if self._told != self.identity:
            return self._register(now)
        if self._place is not None:
            place, self._place = self._place, None
            return received_frame(place)
        if self._progress:
            job_id, (percent, message, busy) = self._progress.popitem(last=False)
            return progress_frame(job_id, percent, message, busy=busy)
        in_flight = sum(1 for call in self._calls.values() if call.job_id is not None)
        answer = self._answers.next_waiting() if in_flight < MAX_IN_FLIGHT else None
        if answer is None:
            return None
        return self._call("blender_job_update", answer.arguments(self._tells_extra), answer.job_id, now)

    def deadline(self) -> float | None:
        """Return when `tick` or `next_frame` has something to do by time alone; None while offline."""
        if not self._connected:
            return None
        times = [self._last_ping + PING_INTERVAL]
        if self._last_frame < self._last_ping:
            times.append(self._last_ping + PONG_TIMEOUT)
        times.extend(call.sent_at + call.seconds for call in self._calls.values())
        return min(times)

    def tick(self, now: float) -> list[Event]:
        """Return ConnectionDead when the bus has been silent for too long."""
        if not self._connected:
            return []
        if self._last_frame < self._last_ping and now - self._last_ping >= PONG_TIMEOUT:
            return [ConnectionDead(f"No answer to a ping for {PONG_TIMEOUT:.0f} s")]
        for call in self._calls.values():
            if now - call.sent_at >= call.seconds:
                what = "the registration" if call.job_id is None else f"the result of job {call.job_id}"
                return [ConnectionDead(f"The bus did not answer {what} for {call.seconds:.0f} s")]
        return []

    # -- frames from the bus -------------------------------------------------------------------------------------

    def receive(self, text: str, now: float) -> list[Event]:
        """Take one text frame. Garbage yields Trouble and changes nothing else."""
        self._last_frame = now
        if text == "pong":
            return []
        if text == "ping":
            self._control.append("pong")
            return []
        try:
            message = parse_frame(text)
            if "method" not in message:
                return self._response(message)
            params = message.get("params", {})
            method = message["method"]
            if not isinstance(method, str) or not isinstance(params, dict):
                raise InvalidFrame("method must be a string and params an object")
            if "id" in message:
                return self._request(message["id"], method)
            return self._notification(method, params)
        except InvalidJob as error:
            return self._refuse_job(error.job_id, str(error))
        except InvalidFrame as error:
            return [Trouble(f"The bus sent a frame this peer does not understand: {error}")]

    def _request(self, request_id: Any, method: str) -> list[Event]:
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": request_id}
        if method == "ping":
            reply["result"] = {}
        else:
            reply["error"] = {"code": -32601, "message": f"Method not found: {method[:100]}"}
        self._control.append(encode(reply))
        return []

    def _notification(self, method: str, params: dict[str, Any]) -> list[Event]:
        if method == "notifications/message":
            # Confirmed whatever is in it. One that comes twice does no harm: jobs are known by their ids, and other
            # records mean nothing to this peer.
            place = record_place(params)
            if place is not None:
                self._place = max(place, self._place or 0)
            job = parse_job(params)
            return [] if job is None else self._take(job)
        if method == "notifications/cancelled":
            job_id, reason = params.get("requestId"), params.get("reason")
            if isinstance(job_id, str) and job_id in self._open:
                return [CancelRequested(job_id, reason if isinstance(reason, str) else "")]
            if isinstance(job_id, str) and job_id not in self._answers:
                self._answers.add(bounded_answer(job_id, "cancelled", "", "This Blender does not have this job"))
        if method == "notifications/consent":
            job_id, allow = params.get("requestId"), params.get("allow")
            if isinstance(job_id, str) and isinstance(allow, bool) and job_id in self._open:
                return [ConsentGiven(job_id, allow)]
        return []

    def _take(self, job: Job) -> list[Event]:
        if job.job_id in self._open:
            self.progress(job.job_id, self._open[job.job_id])
            return []
        if job.job_id in self._answers:
            return []
        if job.job_id in self._seen:
            return self._refuse_job(job.job_id, "This job ran here before and was answered; it was not run again")
        if len(self._open) >= MAX_OPEN_JOBS:
            return self._refuse_job(job.job_id, f"This peer is busy: {MAX_OPEN_JOBS} jobs wait already")
        if self._open:
            self._behind.add(job.job_id)
        self._open[job.job_id] = 0.0
        self._control.append(progress_frame(job.job_id, 0.0, "", waits=job.job_id in self._behind))
        return [JobArrived(job)]

    def _refuse_job(self, job_id: str, reason: str) -> list[Event]:
        if job_id not in self._open:
            self._answers.add(bounded_answer(job_id, "failed", "", reason))
        return [Trouble(f"Job {job_id} refused: {reason}")]

    def _response(self, message: dict[str, Any]) -> list[Event]:
        call_id = message.get("id")
        call = self._calls.pop(call_id, None) if type(call_id) is int else None
        if call is None:
            error = message.get("error")
            told = f": {str(error.get('message'))[:300]}" if isinstance(error, dict) else ""
            return [Trouble(f"The bus answered a call this peer did not make{told}")]
        document, refusal = tool_result(message)
        if call.job_id is None:
            return self._registration_answered(document, refusal)
        return self._update_answered(call.job_id, document, refusal)

    def _registration_answered(self, document: dict[str, Any], refusal: str | None) -> list[Event]:
        if refusal is None and document.get("status", "ok") != "ok":
            refusal = str(document.get("error") or document.get("status"))
        if refusal is not None and self._tells_jobs and any(argument in refusal for argument in _TOLD):
            self._tells_jobs = False
            self._control.append(self._register(self._last_frame))
            return []
        if refusal is not None and _NOT_OURS.search(refusal):
            return [
                RegistrationRefused(
                    f"The name {self.identity.uuid} belongs to another login of your account ({refusal}). Log in again "
                    "to take it over, or give this Blender another UUID in the preferences"
                )
            ]
        if refusal is not None:
            return [ConnectionDead(f"The bus refused the registration: {refusal}")]
        self.registered = True
        client = document.get("client")
        return [Registered(client if isinstance(client, dict) else {})]

    def _update_answered(self, job_id: str, document: dict[str, Any], refusal: str | None) -> list[Event]:
        if refusal is None:
            self._answers.confirm(job_id)
            self._remember(job_id)
            return [AnswerConfirmed(job_id, document.get("duplicate") is True)]
        if self._tells_extra and '"extra"' in refusal:
            self._tells_extra = self._answers.again(job_id)
            return []
        trouble = Trouble(f"The bus refused the answer to job {job_id}: {refusal}")
        if job_id in self._seen:
            self._answers.confirm(job_id)
        else:
            # Once more as a small failure: the caller then learns why instead of waiting for its time-out.
            self._remember(job_id)
            self._answers.replace(bounded_answer(job_id, "failed", "", f"The bus refused the result: {refusal}"))
        return [trouble]

    def _remember(self, job_id: str) -> None:
        self._seen[job_id] = None
        self._seen.move_to_end(job_id)
        while len(self._seen) > MAX_SEEN_IDS:
            self._seen.popitem(last=False)

    # -- from the side that runs jobs ----------------------------------------------------------------------------

    def progress(self, job_id: str, percent: float, message: str = "", busy: float | None = None) -> None:
        """Report progress of a job that runs; only the newest unsent report is kept."""
        if job_id in self._open:
            self._behind.discard(job_id)
            self._open[job_id] = min(100.0, max(0.0, percent))
            if self.registered:
                self._progress[job_id] = (self._open[job_id], clean_text(message[:MAX_PROGRESS_CHARS]), busy)

    def began(self, job_id: str) -> None:
        """Tell the bus that a job which arrived behind others runs now."""
        if job_id in self._behind:
            self.progress(job_id, self._open.get(job_id, 0.0))

    def answer(self, job_id: str, status: str, result: str = "", error: str = "", extra: Extra = None) -> bool:
        """Keep the answer to a job until the bus has confirmed it; False if the job is not open (a second answer)."""
        if self._open.pop(job_id, None) is None:
            return False
        self._progress.pop(job_id, None)
        self._behind.discard(job_id)
        return self._answers.add(bounded_answer(job_id, status, result, error, extra))

    def identify(self, capabilities: tuple[str, ...]) -> None:
        """Tell the bus other capabilities, such as another file name, now or at the next registration."""
        self.identity = replace(self.identity, capabilities=capabilities)

    def adopt(self, predecessor: PeerProtocol) -> None:
        """Take over what an earlier, ended protocol of the same uuid still owes the bus."""
        if predecessor.identity.uuid == self.identity.uuid:
            self._answers, self._seen, self._open = predecessor._answers, predecessor._seen, predecessor._open

    @property
    def unconfirmed(self) -> int:
        """How many answers the bus has not confirmed yet."""
        return len(self._answers)

    def _register(self, now: float) -> str:
        self._told = self.identity
        arguments = self.identity.arguments()
        if self._tells_jobs:
            told = (self.identity.instance_id, [*self._open, *self._answers.job_ids], int(PING_INTERVAL))
            arguments |= dict(zip(_TOLD, told, strict=True))
        return self._call("blender_register_client", arguments, None, now)

    def _call(self, tool: str, arguments: dict[str, Any], job_id: str | None, now: float) -> str:
        call_id = self._next_id
        self._next_id += 1
        self._calls[call_id] = _Call(job_id, now, REGISTER_TIMEOUT if job_id is None else UPDATE_TIMEOUT)
        params = {"name": tool, "arguments": arguments}
        return encode({"jsonrpc": "2.0", "id": call_id, "method": "tools/call", "params": params})
