"""What tests of the bus ask of a job."""

from __future__ import annotations

from harness.mcp import ModernClient


async def ending_of(client: ModernClient, job_id: str) -> str:
    """The state of a job once it has ended; after some 25 seconds the state that it is still in."""
    for _ in range(5):
        document = (await client.call("blender_job_status", job_id=job_id, wait_seconds=5)).document
        if document["status"] not in ("queued", "running"):
            break
    return str(document["status"])
