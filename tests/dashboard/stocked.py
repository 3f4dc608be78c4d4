"""A bus with very much on it: jobs are copied in its database, from some that were made as all are."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

from harness.mcp import login
from harness.peer import Payload, Peer
from harness.workerd import Workerd

FACTS = ["blender:5.0.1", "window", "file:castle.blend", "policy:ask"]
CODE = "import bpy\nfor number in range(10):\n    bpy.ops.mesh.primitive_cube_add(size=number)\n"
ERROR = 'Traceback (most recent call last):\n  File "x", line 3, in <module>\nRuntimeError: no such cube'


@asynccontextmanager
async def blenders(server: Workerd, names: Sequence[str], facts: Sequence[str] = FACTS) -> AsyncIterator[list[Peer]]:
    """Connected Blenders of the user demo."""
    token = await login(server.url)
    async with AsyncExitStack() as stack:
        peers = [Peer(server.ws_url, token, uuid=name, capabilities=facts) for name in names]
        for peer in peers:
            await stack.enter_async_context(peer)
        yield peers


async def give(peer: Peer, job_id: str, command: str = "execute_code", code: str = CODE) -> str:
    """A job that the Blender has taken."""
    payload: Payload = {"message_type": "command_dispatch", "job_id": job_id, "command": command}
    await peer.call("blender_send_message", payload=payload | {"params": {"code": code}}, target_uuid=peer.uuid)
    taken: str = (await peer.next_job())["job_id"]
    return taken


def copy_jobs(server: Workerd, count: int) -> None:
    """Makes as many more jobs of those that have ended. The server starts anew."""
    server.kill()
    for path in Path(server.folder, "state", "UserBus").glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as database, database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            if "jobs" not in tables:
                continue
            columns = [row[1] for row in database.execute("PRAGMA table_info(jobs)")]
            kept = [name for name in columns if name not in ("seq", "job_id", "idempotency_key")]
            ended = database.execute("SELECT COUNT(*) FROM jobs WHERE finished_at IS NOT NULL").fetchone()[0]
            if ended:
                database.execute(
                    f"""WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count - 1}),
                    old AS (SELECT *, row_number() OVER (ORDER BY seq) - 1 AS place FROM jobs
                      WHERE finished_at IS NOT NULL)
                    INSERT INTO jobs (job_id, {", ".join(kept)})
                    SELECT 'copy-' || i, {", ".join(kept)} FROM n JOIN old ON place = i % {ended}"""
                )
    server.start()
