"""The local port over real sockets, with a runner in place of Blender."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from local_client import LocalClient, execute

from addon.link import local_port, neighbours
from addon.link.local_port import EXECUTE, LocalPort, PortUnavailable
from addon.link.queue.control import JobControl
from addon.link.queue.main_thread import JobFailed, MainThreadQueue
from addon.link.records import Job


class Desk:
    """A port whose jobs a thread of the test runs, as Blender's main thread would."""

    def __init__(self) -> None:
        self.queue = MainThreadQueue(self.run)
        self.port = LocalPort(self.queue, self.run, 0)
        self.threads: set[str] = set()
        self.order: list[object] = []
        self.ended = False
        self.thread = threading.Thread(target=self._drain, name="main-stand-in")

    def _drain(self) -> None:
        while not self.ended:
            if self.queue.wait(0.01):
                self.queue.drain()

    def run(self, job: Job, control: JobControl) -> str:
        self.threads.add(threading.current_thread().name)
        self.order.append(job.params.get("n"))
        if job.command == EXECUTE:
            return json.dumps({"result": job.params["code"], "stdout": ""})
        if job.command == "fail":
            raise JobFailed("told so")
        if job.command == "slow":
            time.sleep(0.3)
        return json.dumps({"command": job.command, **job.params})


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    desk.thread.start()
    desk.port.start()
    yield desk
    assert desk.port.stop()
    desk.ended = True
    desk.thread.join()


def test_connection_stays_open_and_replies_follow_one_another(desk: Desk) -> None:
    with LocalClient(desk.port.port) as client:
        for n in range(20):
            assert client.ask("echo", n=n) == {"status": "success", "result": {"command": "echo", "n": n}}
    assert desk.threads == {"main-stand-in"}


def test_pipelined_requests_are_answered_strictly_in_order(desk: Desk) -> None:
    with LocalClient(desk.port.port) as client:
        client.send(b"".join(json.dumps({"type": "slow" if n == 0 else "e", "params": {"n": n}}).encode()
                             for n in range(200)))  # fmt: skip
        assert [client.reply()["result"]["n"] for _ in range(200)] == list(range(200))


def test_nul_framed_request_is_answered_and_the_connection_closed(desk: Desk) -> None:
    assert execute(desk.port.port, "x = 1") == {"status": "ok", "result": "x = 1", "stdout": ""}


@pytest.mark.parametrize("strict", ["yes", 1, None])
def test_strict_json_must_be_a_boolean(desk: Desk, strict: object) -> None:
    with LocalClient(desk.port.port) as client:
        client.send({"type": "execute", "code": "1", "strict_json": strict})
        reply = json.loads(client.all().rstrip(b"\0"))
    assert reply == {"status": "error", "message": '"strict_json" must be a boolean'}


def test_failure_is_an_error_reply_and_the_connection_goes_on(desk: Desk) -> None:
    with LocalClient(desk.port.port) as client:
        assert client.ask("fail") == {"status": "error", "message": "told so"}
        client.send({"type": 5})
        assert client.reply()["message"].startswith('"type" must be the name of a command')
        client.send({"type": "echo", "params": [1]})
        assert client.reply()["message"] == '"params" of echo must be an object'
        client.send({"type": EXECUTE, "params": {}})
        assert client.reply()["status"] == "error"
        client.send({"type": "echo", "params": None})
        assert client.reply()["status"] == "success"


def test_garbage_is_answered_with_an_error_and_ends_its_connection_alone(desk: Desk) -> None:
    with LocalClient(desk.port.port) as good, LocalClient(desk.port.port) as bad:
        bad.send(b"GET / HTTP/1.1\r\n\r\n")
        assert json.loads(bad.all())["message"].startswith("A request must be a JSON object")
        assert good.ask("echo")["status"] == "success"


def test_more_than_a_request_may_have_is_an_error(desk: Desk) -> None:
    # The reply may be lost when the port closes while the rest is still coming.
    with LocalClient(desk.port.port) as client, contextlib.suppress(ConnectionError):
        client.send(b'{"type":"' + b"x" * (33 * 1_048_576))
        assert client.reply()["message"] == "A request may have at most 33554432 bytes"
    with LocalClient(desk.port.port) as other:
        assert other.ask("echo")["status"] == "success"


def test_incomplete_request_is_dropped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_port, "INCOMPLETE_TIMEOUT", 0.3)
    with LocalClient(desk.port.port) as idle, LocalClient(desk.port.port) as client:
        started = time.monotonic()
        for byte in b'{"type":"execute",':
            client.send(bytes([byte]))
            time.sleep(0.01)
        assert client.all() == b""
        assert 0.2 < time.monotonic() - started < 2
        # A connection that has not begun a request may stay for ever.
        assert idle.ask("echo")["status"] == "success"
        time.sleep(0.5)
        assert idle.ask("echo")["status"] == "success"


def test_default_is_ten_seconds() -> None:
    assert local_port.INCOMPLETE_TIMEOUT == 10.0


def test_many_clients_at_once(desk: Desk) -> None:
    clients = [LocalClient(desk.port.port) for _ in range(50)]
    for n, client in enumerate(clients):
        client.send({"type": "echo", "params": {"n": n}})
    assert [client.reply()["result"]["n"] for client in clients] == list(range(50))
    assert desk.port.clients == 50
    for client in clients:
        client.socket.close()


def test_one_connection_too_many_is_told_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_port, "MAX_CONNECTIONS", 2)
    with LocalClient(desk.port.port) as one, LocalClient(desk.port.port) as two:
        assert one.ask("echo")["status"] == two.ask("echo")["status"] == "success"
        with LocalClient(desk.port.port) as three:
            assert json.loads(three.all())["message"] == "2 connections are open already"


def test_ten_thousand_requests_at_once(desk: Desk) -> None:
    request = json.dumps({"type": "e"}).encode()
    with LocalClient(desk.port.port) as client:
        sender = threading.Thread(target=client.send, args=(request * 10_000,))
        sender.start()
        assert all(client.reply()["status"] == "success" for _ in range(10_000))
        sender.join()


def test_client_that_vanishes_in_the_middle_harms_nobody(desk: Desk) -> None:
    for data in (b'{"type":', b'{"type":"slow"}', b""):
        client = LocalClient(desk.port.port)
        client.send(data)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
    with LocalClient(desk.port.port) as client:
        assert client.ask("echo")["status"] == "success"


@pytest.mark.parametrize("reset", [False, True])
def test_job_learns_that_its_client_has_left(desk: Desk, reset: bool) -> None:
    seen: list[bool] = []
    begun = threading.Event()

    def run(job: Job, control: JobControl) -> str:
        begun.set()
        seen.append(control.deserted.wait(5.0))
        return "{}"

    desk.port._route = dataclasses.replace(desk.port._route, run=run)
    with LocalClient(desk.port.port) as client:
        client.send({"type": "x"})
        assert begun.wait(5.0)
        if reset:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until = time.monotonic() + 5
    while not seen and time.monotonic() < until:
        time.sleep(0.01)
    assert seen == [True]


def test_client_that_says_it_will_send_no_more_still_gets_its_reply(desk: Desk) -> None:
    with LocalClient(desk.port.port) as client:
        client.send({"type": "slow", "params": {"n": 1}})
        client.socket.shutdown(socket.SHUT_WR)
        assert client.reply()["result"] == {"command": "slow", "n": 1}


def test_clients_that_hold_a_connection_are_told_apart(desk: Desk) -> None:
    senders: list[str] = []

    def run(job: Job, control: JobControl) -> str:
        senders.append(job.origin.key)
        return '{"result":1,"stdout":""}'

    desk.port._route = dataclasses.replace(desk.port._route, run=run)
    with LocalClient(desk.port.port) as first, LocalClient(desk.port.port) as second:
        for client in (first, second, first):
            client.ask("x")
    execute(desk.port.port, "1")
    assert senders[0] == senders[2] != senders[1]
    assert senders[3] == "local:"
    assert all(sender.startswith("local:") for sender in senders)


def test_taken_port_is_a_clear_message_and_free_again_after_stop(desk: Desk) -> None:
    other = LocalPort(desk.queue, desk.run, desk.port.port)
    with pytest.raises(PortUnavailable, match=f"Port {desk.port.port} is taken: another Blender"):
        other.start()
    with LocalClient(desk.port.port) as client:
        client.ask("echo")
        assert desk.port.stop()
        other.start()
    with LocalClient(other.port) as client:
        assert client.ask("echo")["status"] == "success"
    assert other.stop()


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_stop_ends_connections_and_leaves_no_thread(desk: Desk) -> None:
    assert "blender-bus-local" in threads()
    with LocalClient(desk.port.port) as client:
        client.send({"type": "slow"})
        time.sleep(0.1)
        assert desk.port.stop()
        client.all()
    assert not desk.port.running
    # The watch goes by itself when there was no job for a while.
    assert {name for name in threads() if name.startswith("blender-bus")} <= {"blender-bus-watch"}
    with pytest.raises(OSError):
        LocalClient(desk.port.port)
    desk.port.start()
    with LocalClient(desk.port.port) as client:
        assert client.ask("echo")["status"] == "success"


def test_only_loopback_is_served(desk: Desk) -> None:
    if os.name == "posix":
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", desk.port.port), 1)


def test_requests_framed_by_lines_are_answered_by_lines(desk: Desk) -> None:
    with LocalClient(desk.port.port) as client:
        stream = client.socket.makefile("rb")
        for number, command in enumerate(("echo", "fail", "echo")):
            client.send(json.dumps({"id": f"r-{number}", "command": command, "params": {"n": 1}}).encode() + b"\n")
            reply = json.loads(stream.readline())
            if command == "fail":
                assert reply == {"id": "r-1", "success": False, "error": "told so"}
            else:
                assert reply == {"id": f"r-{number}", "success": True, "result": {"command": "echo", "n": 1}}
        client.send(b'{"id":"x","command":7}\n')
        assert '"command" must be' in json.loads(stream.readline())["error"]


def test_a_secret_is_asked_once_a_connection_in_every_framing(desk: Desk) -> None:
    desk.port._secret = "open sesame"
    with LocalClient(desk.port.port) as client:
        client.send({"type": "echo", "secret": "wrong"})
        assert "asks for its secret" in client.reply()["message"]
        client.send({"type": "echo", "secret": "open sesame"})
        assert client.reply()["status"] == "success"
        assert client.ask("echo")["status"] == "success"
    with LocalClient(desk.port.port) as client:
        client.send({"id": 1, "command": "echo", "secret": 5})
        assert "asks for its secret" in client.reply()["error"]
    assert "asks for its secret" in execute(desk.port.port, "1")["message"]
    assert desk.order == [None, None]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose connection it is")
def test_another_user_of_this_computer_is_turned_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalClient(desk.port.port) as client:
        assert client.ask("echo")["status"] == "success"
        ends = client.socket.getsockname()[1], desk.port.port
        assert neighbours.owner(*ends) == os.getuid()
        assert neighbours.owner(ends[1], 1) is None
    mine = os.getuid()
    monkeypatch.setattr(neighbours, "owner", lambda client_port, server_port: mine + 1)
    with LocalClient(desk.port.port) as client:
        assert "another user" in json.loads(client.all())["message"]


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="needs to become another user")
def test_a_process_of_another_user_is_turned_away(desk: Desk) -> None:
    code = (
        "import encodings.idna, os, socket, sys; os.setuid(65534);"
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); print(s.recv(1000).decode())"
    )
    asked = [sys.executable, "-c", code, str(desk.port.port)]
    # Root's own port: everybody but root is another user.
    told = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    assert "another user" in told.stdout, told.stderr
    assert desk.order == []
