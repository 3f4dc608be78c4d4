"""However a command ends, no process and no port of it stays."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness.workerd import ROOT
from test_runtime import children_of, environment, free_port

ENDINGS = ["INT", "TERM", "HUP", "KILL"]
# A process that has a child in a group of its own, which it does not end itself.
PARENT = "import subprocess, time; subprocess.Popen(['sleep', '300'], start_new_session=True); time.sleep(300)"


def gone(processes: set[int], seconds: float = 8.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() and state(pid) != "Z" for pid in processes):
            return True
        time.sleep(0.05)
    return False


def state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (Path(f"/proc/{pid}") / "stat").read_text().rpartition(")")[2].split()[0]
    return "Z"


@contextlib.contextmanager
def started(command: list[str], **options: object) -> Iterator[subprocess.Popen[bytes]]:
    devnull = subprocess.DEVNULL
    streams = {"stdin": devnull, "stdout": devnull, "stderr": devnull, "start_new_session": True, **options}
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), **streams)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        for pid in {process.pid, *children_of(process.pid)}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def await_health(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            assert httpx.get(f"http://localhost:{port}/health", timeout=10).status_code == 200
            return
        time.sleep(0.1)
    pytest.fail("it never answered")


def assert_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_server_ends_with_its_command(ending: str, tmp_path: Path) -> None:
    port = free_port()
    with started(["node", "scripts/serve.mjs", "--port", str(port), "--state", str(tmp_path)]) as process:
        await_health(port)
        processes = {process.pid, *children_of(process.pid)}
        assert len(processes) == 3, "the command, its leash, the runtime"
        process.send_signal(getattr(signal, f"SIG{ending}"))
        process.wait(timeout=10)
        assert gone(processes)
    assert_free(port)


def test_a_dev_server_ends_when_npm_is_killed(tmp_path: Path) -> None:
    port = free_port()
    with started(["npm", "run", "dev", "--", "--port", str(port), "--persist-to", str(tmp_path)]) as process:
        await_health(port)
        processes = {process.pid, *children_of(process.pid)}
        process.kill()
        process.wait(timeout=10)
        assert gone(processes)
    assert_free(port)


def test_a_server_ends_with_its_terminal(tmp_path: Path) -> None:
    port = free_port()
    ours, theirs = pty.openpty()
    run = ["setsid", "--ctty", "node", "scripts/serve.mjs", "--port", str(port), "--state", str(tmp_path)]
    with started(run, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=False) as process:
        os.close(theirs)
        await_health(port)
        processes = {process.pid, *children_of(process.pid)}
        os.close(ours)
        assert gone(processes)
    assert_free(port)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_a_test_stage_has_started_ends_with_npm_test(ending: str) -> None:
    script = "import { spawnLeashed } from './scripts/process.mjs';\n" + (
        "spawnLeashed(process.argv[1], ['-c', process.argv[2]]); setInterval(() => {}, 1000);"
    )
    run = ["node", "--input-type=module", "-e", script, sys.executable, PARENT]
    with started(run) as process:
        deadline = time.monotonic() + 20
        while len(children_of(process.pid)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        processes = {process.pid, *children_of(process.pid)}
        assert len(processes) == 4, "the starter, the leash, the command and what that started"
        process.send_signal(getattr(signal, f"SIG{ending}"))
        process.wait(timeout=10)
        assert gone(processes)


def test_what_a_command_leaves_behind_is_ended_and_its_code_passed_on() -> None:
    run = ["node", "scripts/leash.mjs", "sh", "-c", "sleep 300 & echo $!; exit 7"]
    with started(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        left = int(process.stdout.readline())
        assert process.wait(timeout=10) == 7
        assert gone({left})
