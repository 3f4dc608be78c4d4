"""What goes wrong between Blender and the real Worker: nothing hangs, no thread stays, no job runs or answers twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from harness.extension import MODULE, ExtendedBlender
from harness.mcp import ModernClient, login
from harness.tunnel import Tunnel
from harness.workerd import Workerd
from oauth.flow import Flow

CUTS = 200
# A job that says how often it ran, and takes its time on Blender's main thread.
COUNTED = (
    "import time\nseen = bpy.app.driver_namespace.setdefault('seen', {{}})\n"
    "seen[{0!r}] = seen.get({0!r}, 0) + 1\ntime.sleep({1})\nprint({0!r})"
)
# Reconnecting takes up to half a minute by design; here there are two hundred.
IMPATIENT = (
    "[setattr(session.peer.link._backoff, '_base', 0.02), setattr(session.peer.link._backoff, '_ceiling', 0.05)]"
)


@pytest_asyncio.fixture
async def tunnel(server: Workerd) -> AsyncIterator[Tunnel]:
    async with Tunnel(server.url) as running:
        yield running


@pytest_asyncio.fixture
async def blender(tunnel: Tunnel, tmp_path: Path) -> AsyncIterator[ExtendedBlender]:
    async with ExtendedBlender("4.2", tmp_path / "profile", tunnel.url) as running:
        yield running


@pytest_asyncio.fixture
async def client(server: Workerd) -> AsyncIterator[ModernClient]:
    async with ModernClient(f"{server.url}/", await login(server.url), timeout=60) as connected:
        yield connected


async def submit(client: ModernClient, name: str, seconds: float = 0.0, target: str | None = None) -> str:
    params = {"code": COUNTED.format(name, seconds)}
    answer = (await client.call("blender_submit", command="execute_code", params=params, target_uuid=target)).document
    assert answer["status"] == "queued", answer
    return str(answer["job_id"])


async def outcome(client: ModernClient, job_id: str) -> dict[str, Any]:
    """The job's end, waited for."""
    await client.until_ended(job_id, 60)
    document = (await client.call("blender_job_result", job_id=job_id)).document
    assert isinstance(document, dict)
    return document


async def runs(blender: ExtendedBlender) -> dict[str, int]:
    """How often each counted job ran."""
    found = await blender.ask("bpy.app.driver_namespace.get('seen', {})")
    assert isinstance(found, dict)
    return found


async def test_two_hundred_cuts_lose_and_double_nothing(
    server: Workerd, tunnel: Tunnel, blender: ExtendedBlender, client: ModernClient
) -> None:
    await blender.connect(await login(tunnel.url))
    await blender.ask(IMPATIENT)
    uuid = await blender.ask("session.peer.protocol.identity.uuid")
    jobs = {}
    for number in range(CUTS):
        if number % 4 == 0:
            jobs[f"n{number}"] = await submit(client, f"n{number}", target=uuid)
        await tunnel.carrying()
        # Before the upgrade, while registering, with a job on its way, with its answer on its way.
        await asyncio.sleep((number % 5) * 0.01)
        tunnel.cut()
    for name, job_id in jobs.items():
        ended = await outcome(client, job_id)
        assert (ended["status"], ended["result"]) == ("completed", f"{name}\n"), ended
    assert await runs(blender) == dict.fromkeys(jobs, 1)
    # The watch beside the main thread goes when there was no job for a while.
    await blender.until('threads() == ["blender-bus-dns_0", "blender-bus-link"]', 5.0)
    await blender.ask("disable()")
    await blender.until("threads() == []", 3.0)


async def test_a_server_that_is_gone_during_a_job_gets_the_result_when_it_is_back(
    server: Workerd, tunnel: Tunnel, blender: ExtendedBlender, client: ModernClient
) -> None:
    await blender.connect(await login(tunnel.url))
    await blender.ask(IMPATIENT)
    job_id = await submit(client, "slow", 1.5)
    await blender.until("session.queue.running is not None or session.queue.finished")
    server.kill()
    await blender.until("session.queue.finished")
    await blender.until("session.status.state.value == 'waiting'")
    server.start()
    ended = await outcome(client, job_id)
    assert (ended["status"], ended["result"]) == ("completed", "slow\n")
    await blender.until("session.peer.protocol.unconfirmed == 0")
    assert await runs(blender) == {"slow": 1}


async def test_a_revoked_token_ends_the_link_and_says_what_to_do(tunnel: Tunnel, blender: ExtendedBlender) -> None:
    flow = Flow(tunnel.url)
    tokens = await asyncio.to_thread(flow.tokens, scope="peer")
    await blender.connect(tokens["access_token"])
    fields = {"token": tokens["refresh_token"], "client_id": flow.client_id}
    revoked = await asyncio.to_thread(flow.http.post, "/revoke", data=fields)
    assert revoked.status_code == 200
    await blender.until("session.status.state.value == 'stays_away'")
    assert "Log in again" in await blender.ask("session.status.message")
    await blender.until("threads() == []", 3.0)


async def test_a_file_that_is_loaded_during_jobs_disturbs_none_of_them(
    server: Workerd, tunnel: Tunnel, blender: ExtendedBlender, client: ModernClient, tmp_path: Path
) -> None:
    await blender.connect(await login(tunnel.url))
    path = str(tmp_path / "other.blend")
    await blender.ask(f"list(bpy.ops.wm.save_as_mainfile(filepath={path!r}, copy=True))")
    loads = f"bpy.ops.wm.open_mainfile(filepath={path!r})\nprint(bpy.data.filepath)"
    loading = (await client.call("blender_submit", command="execute_code", params={"code": loads})).document
    after = await submit(client, "after")
    ended = await outcome(client, loading["job_id"])
    assert (ended["status"], ended["result"]) == ("completed", f"{path}\n")
    assert (await outcome(client, after))["result"] == "after\n"
    # The bus is told the new name.
    async with asyncio.timeout(10):
        while True:
            listed = (await client.call("blender_list_available_clients")).document
            [peer] = [peer for peer in listed["persistent"] if peer["client_type"] == "blender"]
            if "file:other.blend" in peer["capabilities"]:
                break
            await asyncio.sleep(0.1)


async def test_code_that_would_switch_the_extension_off_is_refused_and_the_next_job_runs(
    server: Workerd, tunnel: Tunnel, blender: ExtendedBlender, client: ModernClient
) -> None:
    await blender.connect(await login(tunnel.url))
    code = f"import addon_utils, time\ntime.sleep(1)\naddon_utils.disable({MODULE!r}, default_set=True)\nprint('off')"
    job = (await client.call("blender_submit", command="execute_code", params={"code": code})).document
    after = await submit(client, "after")
    refused = await outcome(client, job["job_id"])
    assert refused["status"] == "failed" and "without it the connection ends" in refused["error"], refused
    ended = await outcome(client, after)
    assert (ended["status"], ended["result"]) == ("completed", "after\n")
    assert await runs(blender) == {"after": 1}
    assert "blender-bus-link" in await blender.ask("threads()")


async def test_a_blender_that_is_closed_during_a_job_ends_at_once_and_its_caller_is_told(
    server: Workerd, tunnel: Tunnel, blender: ExtendedBlender, client: ModernClient
) -> None:
    await blender.connect(await login(tunnel.url))
    call = asyncio.create_task(client.call("blender_execute_code", code="import os\nos._exit(0)"))
    assert blender.process is not None
    async with asyncio.timeout(10):
        assert await blender.process.wait() == 0
    assert (await call).document["status"] == "disconnected"


async def test_an_answer_is_confirmed_once_and_a_second_one_changes_nothing(
    server: Workerd, tunnel: Tunnel, blender: ExtendedBlender, client: ModernClient
) -> None:
    token = await login(tunnel.url)
    await blender.connect(token)
    await blender.ask(IMPATIENT)
    job_id = await submit(client, "once")
    first = await outcome(client, job_id)
    # The connection dies before the confirmation: the peer sends the answer again.
    tunnel.cut()
    await blender.until("session.status.message == 'Connected'")
    again = {"job_id": job_id, "status": "failed", "result": "", "error": "x"}
    # Only the login that registered the Blender may tell of its jobs.
    assert (await client.call("blender_job_update", **again)).result["isError"] is True
    async with ModernClient(f"{tunnel.url}/", token) as own:
        update = (await own.call("blender_job_update", **again)).document
    assert update.get("duplicate") is True
    assert json.dumps(await outcome(client, job_id)) == json.dumps(first)
