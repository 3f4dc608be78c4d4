"""`npm run serve`: the Worker on plain workerd for good, with backup and restore of what it keeps."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness.mcp import ModernClient
from harness.peer import Peer
from harness.workerd import ROOT
from oauth.accounts import sign_up as make_account
from oauth.flow import Flow
from test_nothing_left import await_health
from test_runtime import environment, free_port

SETUP = {"SETUP_CODE": "a code of the test"}
PASSWORD = "correct horse"


class Serving:
    """A server of the script; `stop` ends it as a service manager does."""

    def __init__(self, state: Path, *options: str, **variables: str) -> None:
        self.port, self.log = free_port(), state.with_suffix(".log")
        command = ["node", "scripts/serve.mjs", "--port", str(self.port), "--state", str(state), *options]
        with self.log.open("ab") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = subprocess.Popen(command, cwd=ROOT, env={**environment(), **SETUP, **variables}, **streams)
        await_health(self.port)
        self.url = f"http://localhost:{self.port}"

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=15)


@contextlib.contextmanager
def serving(state: Path, *options: str, **variables: str) -> Iterator[Serving]:
    running = Serving(state, *options, **variables)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


LOOPBACK = "http://localhost:8787"


def script(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = ["node", f"scripts/{name}.mjs", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment() | variables, capture_output=True, text=True, timeout=60)


async def sign_up(url: str) -> str:
    page = await asyncio.to_thread(make_account, Flow(url), "ada", PASSWORD, SETUP["SETUP_CODE"])
    assert page.status_code < 400, page.text
    return await token(url)


async def token(url: str) -> str:
    async with httpx.AsyncClient(base_url=url) as http:
        answer = await http.post("/auth/login", json={"username": "ada", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


async def make_job(url: str, bearer: str) -> str:
    async with ModernClient(f"{url}/", bearer) as client, Peer(url.replace("http", "ws") + "/ws", bearer, "b1") as peer:
        job = (await client.call("blender_submit", command="get_scene_info", params={})).document["job_id"]
        await peer.next_job()
        await peer.update(str(job), "completed", "kept")
        return str(job)


async def result(url: str, bearer: str, job: str) -> object:
    async with ModernClient(f"{url}/", bearer) as client:
        return (await client.call("blender_job_result", job_id=job)).document.get("result")


async def test_it_keeps_what_it_was_given_over_a_stop_and_a_kill(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        job = await make_job(server.url, await sign_up(server.url))
        async with httpx.AsyncClient(base_url=server.url) as http:
            kinds = {"/addon.zip": "application/zip", "/favicon.ico": "image/", "/icon.svg": "image/svg+xml"}
            for path, kind in kinds.items():
                served = await http.get(path)
                assert served.content == (ROOT / "public" / path[1:]).read_bytes()
                assert served.headers["content-type"].startswith(kind)
        assert server.stop() == 0
    for how in (signal.SIGKILL, signal.SIGTERM):
        with serving(tmp_path / "state") as server:
            assert await result(server.url, await token(server.url), job) == "kept"
            server.stop(how)
            await asyncio.sleep(0.5)  # what was killed ends a moment later


async def test_objects_that_keep_nothing_leave_no_file_over_a_start_and_the_others_all_of_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with serving(state) as server:
        job = await make_job(server.url, await sign_up(server.url))
        async with httpx.AsyncClient(base_url=server.url) as http:
            # Each is answered by one of sixteen objects that such names share, whichever: by three at the least.
            for number in range(12):
                unknown = await http.post("/auth/login", json={"username": f"eve-{number}", "password": "wrong"})
                assert unknown.status_code == 401
        assert server.stop() == 0
    files = {file: file.read_bytes() for file in (state / "objects").rglob("*.sqlite")}
    empty = {file for file, content in files.items() if b"CREATE TABLE" not in content}
    # Both look empty, and neither is: one has a write in its journal, one is no database.
    [journal, alien, *others] = sorted(empty)
    journal.with_name(f"{journal.name}-wal").write_bytes(b"x")
    alien.write_bytes(b"x" * 4096)
    with serving(state) as server:
        left = set((state / "objects").rglob("*.sqlite"))
        assert left >= files.keys() - empty | {journal, alien}
        assert others and not left & set(others)
        assert await result(server.url, await token(server.url), job) == "kept"


async def test_a_backup_is_made_while_it_runs_and_restores_elsewhere(tmp_path: Path) -> None:
    state, copy, other = tmp_path / "state", tmp_path / "copy", tmp_path / "other"
    with serving(state) as server:
        bearer = await sign_up(server.url)
        job = await make_job(server.url, bearer)
        made = script("backup", "--state", str(state), "--to", str(copy))
        assert made.returncode == 0, made.stderr
        later = await make_job(server.url, bearer)
        again = script("backup", "--state", str(state), "--to", str(copy))
        assert again.returncode == 1 and "is there already" in again.stderr
    restored = script("backup", "--from", str(copy), "--state", str(other))
    assert restored.returncode == 0, restored.stderr
    with serving(other) as server:
        bearer = await token(server.url)
        assert await result(server.url, bearer, job) == "kept"
        assert await result(server.url, bearer, later) is None
    twice = script("backup", "--from", str(copy), "--state", str(other))
    assert twice.returncode == 1 and "holds data already" in twice.stderr
    next(copy.rglob("*.sqlite")).write_bytes(b"damaged")
    damaged = script("backup", "--from", str(copy), "--state", str(tmp_path / "third"))
    assert damaged.returncode == 1 and "the backup is damaged" in damaged.stderr


async def test_behind_a_proxy_it_has_one_name_and_counts_the_addresses_of_its_clients(tmp_path: Path) -> None:
    public = "https://bus.example.com"
    with serving(tmp_path / "state", "--behind-proxy", PUBLIC_ORIGIN=public) as server:
        async with httpx.AsyncClient(base_url=server.url) as http:
            metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
            assert metadata["issuer"].rstrip("/") == public

            async def attempts(address: str) -> set[int]:
                headers = {"X-Forwarded-For": f"192.0.2.200, {address}", "X-Forwarded-Proto": "https"}
                body = {"token": "none", "client_id": "none"}
                answers = [await http.post("/revoke", data=body, headers=headers) for _ in range(245)]
                return {answer.status_code for answer in answers}

            # Whichever window of a minute they fall into, more than twice the limit is too many.
            assert 429 in await attempts("192.0.2.1")
            headers = {"X-Forwarded-For": "192.0.2.1, 192.0.2.2"}
            assert (await http.post("/revoke", data={"token": "none"}, headers=headers)).status_code != 429


def test_it_fetches_nothing_from_this_machine_or_its_network(tmp_path: Path) -> None:
    """The provider's address stands for any that the server is led to: the runtime reaches public addresses alone."""
    with socket.create_server(("127.0.0.1", 0)) as private:
        private.settimeout(0.5)
        address = f"localhost:{private.getsockname()[1]}"
        with serving(tmp_path / "state", OIDC_ISSUER=f"http://{address}", OIDC_CLIENT_ID="bus") as server:
            answer = httpx.get(f"{server.url}/login/oidc")
            assert answer.status_code >= 500, answer.text
            with pytest.raises(TimeoutError):
                private.accept()
            assert f"connecting to {address} is not allowed" in server.log.read_text()


def test_what_cannot_be_served_is_named(tmp_path: Path) -> None:
    with serving(tmp_path / "state"):
        used = script("serve", "--port", str(free_port()), "--state", str(tmp_path / "state"))
        assert used.returncode == 1 and "is in use by process" in used.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = script("serve", "--port", str(port), "--state", str(tmp_path / "state"))
        assert refused.returncode == 1 and f"port {port} is taken by another program" in refused.stderr
    open_to_all = script("serve", "--host", "0.0.0.0", "--state", str(tmp_path / "state"))
    assert open_to_all.returncode == 1 and "set PUBLIC_ORIGIN" in open_to_all.stderr
    for strangers in (["--host", "0.0.0.0"], ["--behind-proxy"]):
        demo = script("serve", "--demo", *strangers, "--state", str(tmp_path / "state"), PUBLIC_ORIGIN=LOOPBACK)
        assert demo.returncode == 1 and "--demo makes an account whose password everybody knows" in demo.stderr
    file = tmp_path / "file"
    file.write_text("")
    no_folder = script("serve", "--port", str(free_port()), "--state", str(file / "below"))
    assert no_folder.returncode == 1 and "cannot be written" in no_folder.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small disk")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("may not mount here")
    try:
        full = script("serve", "--port", str(free_port()), "--state", str(disk / "state"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert full.returncode == 1 and "cannot be written" in full.stderr and "no space left" in full.stderr
