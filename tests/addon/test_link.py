"""The link against a real WebSocket server on loopback, in good times and bad."""

from __future__ import annotations

import gc
import queue
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from bus_double import TOKEN, BusDouble, http_answer, record

from addon.link.backoff import Backoff
from addon.link.credentials import Credentials, RenewingTokens
from addon.link.peer import Peer
from addon.link.protocol import PeerIdentity
from addon.link.queue.control import JobControl
from addon.link.queue.main_thread import run_loop
from addon.link.records import Job
from addon.link.status import State


class Tokens:
    """Tokens to hand out one after the other."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refused: list[str] = []

    def token(self) -> str:
        return self.tokens[0]

    def rejected(self, token: str) -> None:
        self.refused.append(token)
        self.tokens.pop(0)


class Blender:
    """A peer whose main thread is a thread of the test."""

    def __init__(self, server: str, tokens: Any = None, run: Callable[[Job, JobControl], str] | None = None) -> None:
        self.states: queue.Queue[State] = queue.Queue()
        self.troubles: list[str] = []
        self.ran: list[str] = []
        self.run = run or (lambda job, control: f"ran {job.command}")
        self.peer = Peer(
            server,
            PeerIdentity("blender-test"),
            tokens or Tokens(TOKEN),
            self._run,
            on_status=lambda status: self.states.put(status.state),
            on_trouble=self.troubles.append,
            backoff=Backoff(0.02, 0.1, random.Random(1)),
        )
        self._end = threading.Event()
        self._main = threading.Thread(target=run_loop, args=(self.peer.queue, self._end.is_set, 0.05), daemon=True)

    def _run(self, job: Job, control: JobControl) -> str:
        self.ran.append(job.job_id)
        return self.run(job, control)

    def __enter__(self) -> Blender:
        self._main.start()
        self.peer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        assert self.peer.stop("test over", timeout=5.0), "the link's thread survived"
        self._main.join(5)

    def until(self, state: State, timeout: float = 10.0) -> None:
        while self.states.get(timeout=timeout) is not state:
            pass


@pytest.fixture
def blender(bus: BusDouble) -> Iterator[Blender]:
    with Blender(bus.url) as it:
        yield it


def test_link_registers_and_answers_jobs(bus: BusDouble, blender: Blender) -> None:
    assert bus.registered()["client_uuid"] == "blender-test"
    update = bus.ask("get_scene_info")
    assert (update["status"], update["result"]) == ("completed", "ran get_scene_info")
    assert bus.progress.get(timeout=5)["progress"] == 0
    request = bus.requests[0]
    assert request.path == "/ws"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Sec-WebSocket-Protocol"] == "mcp"


def test_answer_leaves_without_waiting_for_a_tick(bus: BusDouble, blender: Blender) -> None:
    bus.registered()
    bus.ask("warm_up")
    started = time.monotonic()
    for _ in range(50):
        bus.ask("x")
    assert (time.monotonic() - started) / 50 < 0.02


def test_cut_socket_is_replaced_and_no_job_is_lost_or_doubled(bus: BusDouble, blender: Blender) -> None:
    for number in range(40):
        bus.registered()
        bus.dispatch("x", job_id=f"j-{number}")
        bus.cut()
    bus.registered()
    bus.dispatch("x", job_id="j-last")
    answered = set()
    while "j-last" not in answered:
        update = bus.updates.get(timeout=10)
        assert update["status"] == "completed"
        answered.add(update["job_id"])
    assert len(blender.ran) == len(set(blender.ran))
    assert set(blender.ran) == answered


def test_answer_that_was_never_confirmed_is_sent_again_on_the_next_connection(bus: BusDouble, blender: Blender) -> None:
    bus.registered()
    bus.answer_updates = False
    first = bus.ask("x")
    bus.answer_updates = True
    bus.cut()
    bus.registered()
    assert bus.updates.get(timeout=5) == first
    with pytest.raises(queue.Empty):
        bus.updates.get(timeout=0.2)


def test_answer_given_while_the_server_is_away_is_sent_when_it_is_back() -> None:
    go = threading.Event()

    def slow(job: Job, control: JobControl) -> str:
        assert go.wait(10)
        return "late"

    with BusDouble() as first:
        blender = Blender(first.url, run=slow)
        with blender:
            first.registered()
            first.dispatch("x", job_id="j-1")
            assert first.progress.get(timeout=5)["progressToken"] == "j-1"
            first.__exit__()
            blender.until(State.WAITING)
            go.set()
            time.sleep(0.2)
            with BusDouble(first.port) as second:
                second.registered()
                assert second.updates.get(timeout=10)["result"] == "late"


def test_replaced_peer_stays_away_until_asked(bus: BusDouble, blender: Blender) -> None:
    bus.registered()
    bus.close(4409, "newer socket")
    blender.until(State.STAYS_AWAY)
    assert "newer socket" in blender.peer.link.status.message
    time.sleep(0.3)
    assert len(bus.requests) == 1
    assert not blender.peer.link.alive()
    blender.peer.start()
    bus.registered()


def test_expired_token_is_renewed_and_the_link_comes_back(bus: BusDouble) -> None:
    tokens = Tokens(TOKEN, "second")
    with Blender(bus.url, tokens):
        bus.registered()
        bus.tokens = {"second"}
        bus.close(4401, "expired")
        bus.registered()
        assert tokens.refused == [TOKEN]
        assert bus.requests[-1].headers["Authorization"] == "Bearer second"


def test_pasted_token_that_is_refused_stops_the_link_and_says_so(bus: BusDouble) -> None:
    with Blender(bus.url, RenewingTokens(bus.url, Credentials("wrong"))) as blender:
        blender.until(State.STAYS_AWAY)
        assert "Log in again" in blender.peer.link.status.message
        assert len(bus.requests) == 1


@pytest.mark.parametrize("code", [1001, 1011, 1012, 4400, 4408])
def test_other_closes_are_followed_by_a_new_connection(bus: BusDouble, blender: Blender, code: int) -> None:
    bus.registered()
    bus.close(code, "why")
    bus.registered()


@pytest.mark.parametrize("code", [1011, 4408])
def test_the_third_trouble_in_a_row_is_waited_out_and_the_user_is_told(
    bus: BusDouble, blender: Blender, code: int
) -> None:
    for _ in range(2):
        bus.registered()
        bus.close(code, "no room")
        blender.until(State.WAITING)
    bus.registered()
    bus.close(code, "no room")
    blender.until(State.WAITING)
    message = blender.peer.link.status.message
    assert f"({code}): no room, 3 times in a row" in message
    assert int(message.rpartition("Trying again in ")[2].removesuffix(" s")) >= 30


def test_uuid_of_another_login_stops_the_link_and_says_what_to_do(bus: BusDouble) -> None:
    bus.registration_refusal = "not_yours: another grant registered blender-test"
    with Blender(bus.url) as blender:
        blender.until(State.STAYS_AWAY)
        message = blender.peer.link.status.message
        assert "blender-test belongs to another login" in message
        assert "Log in again" in message
        assert "another UUID" in message
        time.sleep(0.3)
        assert len(bus.requests) == 1


def test_records_are_confirmed_over_the_socket(bus: BusDouble, blender: Blender) -> None:
    bus.registered()
    for place in ("4", "5"):
        bus.send(record({"kind": "note"}, place=place))
    bus.ask("x")
    confirmed = []
    while "5" not in confirmed:
        confirmed.append(bus.received.get(timeout=5)["place"])
    assert confirmed in (["5"], ["4", "5"])


def test_token_without_the_scope_stops_the_link(bus: BusDouble) -> None:
    bus.refusal = lambda request: http_answer(HTTPStatus.FORBIDDEN)
    with Blender(bus.url) as blender:
        blender.until(State.STAYS_AWAY)
        assert "scope" in blender.peer.link.status.message


def test_busy_server_is_asked_again(bus: BusDouble) -> None:
    refusals = iter([HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.NOT_FOUND])
    bus.refusal = lambda request: http_answer(status) if (status := next(refusals, None)) else None
    with Blender(bus.url):
        bus.registered()
        assert len(bus.requests) == 4


@pytest.mark.parametrize("status", [HTTPStatus.FOUND, HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT])
def test_redirect_never_carries_the_token_elsewhere(bus: BusDouble, status: HTTPStatus) -> None:
    with BusDouble() as stranger:
        target = f"ws://127.0.0.1:{stranger.port}/ws"
        bus.refusal = lambda request: http_answer(status, Location=target)
        with Blender(bus.url) as blender:
            blender.until(State.STAYS_AWAY)
            assert target in blender.peer.link.status.message
        assert stranger.requests == []


def test_garbage_of_the_server_leaves_the_link_working(bus: BusDouble) -> None:
    bus.after_registration = [
        "nonsense",
        b"\x00\xff binary",
        "[" * 50_000,
        '{"jsonrpc":"2.0","id":12345,"result":{}}',
        record({"message_type": "command_dispatch", "job_id": 7}),
        record({"message_type": "command_dispatch", "job_id": "j-bad", "command": None}),
    ]
    with Blender(bus.url) as blender:
        bus.registered()
        assert bus.updates.get(timeout=5)["status"] == "failed"
        assert bus.ask("x")["status"] == "completed"
        assert len(blender.troubles) == 6
        assert len(bus.requests) == 1


def test_frame_over_32_mebibytes_ends_the_connection_and_a_new_one_works(bus: BusDouble, blender: Blender) -> None:
    bus.registered()
    bus.dispatch("x", {"code": "y" * (33 * 1_048_576)})
    bus.registered()
    assert bus.ask("x")["status"] == "completed"


def test_job_of_thirty_mebibytes_arrives(bus: BusDouble, blender: Blender) -> None:
    blender.run = lambda job, control: str(len(job.params["code"]))
    bus.registered()
    assert bus.ask("x", code="y" * (30 * 1_048_576))["result"] == str(30 * 1_048_576)


def test_huge_result_is_refused_by_the_peer_and_the_link_lives(bus: BusDouble, blender: Blender) -> None:
    blender.run = lambda job, control: "x" * 30_000_000 if job.command == "huge" else "ok"
    bus.registered()
    update = bus.ask("huge")
    assert update["status"] == "failed"
    assert "30000000 bytes" in update["error"]
    assert bus.ask("x")["result"] == "ok"
    assert len(bus.requests) == 1


def test_queued_job_is_cancelled_by_the_bus(bus: BusDouble) -> None:
    go = threading.Event()
    with Blender(bus.url, run=lambda job, control: str(go.wait(10))) as blender:
        bus.registered()
        bus.dispatch("first", job_id="j-1")
        bus.dispatch("second", job_id="j-2")
        cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"j-2"}}'
        bus.send(cancel)
        assert bus.updates.get(timeout=5)["status"] == "cancelled"
        go.set()
        assert bus.updates.get(timeout=5)["job_id"] == "j-1"
        assert blender.ran == ["j-1"]


def test_progress_of_a_running_job_reaches_the_bus(bus: BusDouble) -> None:
    def run(job: Job, control: JobControl) -> str:
        control.progress(40, "baking")
        time.sleep(0.2)
        return ""

    with Blender(bus.url, run=run):
        bus.registered()
        bus.ask("x")
        bus.progress.get(timeout=5)
        report = bus.progress.get(timeout=5)
        assert (report["progress"], report["message"]) == (40, "baking")


def test_stop_is_immediate_while_a_server_does_not_answer_the_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        blender = Blender(f"http://127.0.0.1:{mute.getsockname()[1]}")
        with blender:
            blender.until(State.CONNECTING)
            time.sleep(0.1)
            started = time.monotonic()
            assert blender.peer.stop("enough", timeout=5.0)
            assert time.monotonic() - started < 1.0


def test_stop_is_immediate_while_waiting_to_reconnect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    blender = Blender(f"http://127.0.0.1:{port}")
    blender.peer.link._backoff = Backoff(60.0, 60.0, random.Random(3))
    with blender:
        blender.until(State.WAITING)
        started = time.monotonic()
        assert blender.peer.stop("enough", timeout=5.0)
        assert time.monotonic() - started < 1.0


def test_stop_tells_the_bus_about_jobs_that_will_not_run(bus: BusDouble) -> None:
    go = threading.Event()
    blender = Blender(bus.url, run=lambda job, control: str(go.wait(10)))
    with blender:
        bus.registered()
        for number in range(8):
            bus.dispatch("x", job_id=f"j-{number}")
        while len(blender.peer.queue) < 7:
            time.sleep(0.01)
        go.set()
        blender.peer.stop("closing")
    updates = {}
    while not bus.updates.empty():
        update = bus.updates.get()
        updates[update["job_id"]] = update
    assert len(updates) == 8
    assert updates["j-7"]["error"] == "closing"


def test_link_starts_again_after_a_stop(bus: BusDouble, blender: Blender) -> None:
    for _ in range(3):
        bus.registered()
        assert blender.peer.link.stop()
        assert blender.peer.link.status.state is State.STOPPED
        blender.peer.start()
    bus.registered()
    assert bus.ask("x")["status"] == "completed"


def test_two_hundred_cuts_leave_no_thread_and_no_socket_behind(bus: BusDouble) -> None:
    gc.collect()
    before = threading.active_count()
    with Blender(bus.url):
        for _ in range(200):
            bus.registered()
            bus.cut()
        bus.registered()
        assert bus.ask("x")["status"] == "completed"
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("blender-bus-link") == 1
    assert not [t for t in threading.enumerate() if t.name.startswith("blender-bus")]
    until = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < until:
        bus.cut()
        time.sleep(0.05)
    assert threading.active_count() <= before
