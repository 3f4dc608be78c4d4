"""Style B: send a script to a Blender as a message, go on, and be told of its outcome.

A client that registers has an address on the bus. Messages to it arrive as log notifications on its stream, so it
needs a session: the URL is `/mcp`. `style_b_stateless.py` does the same without one.

    pip install fastmcp
    python style_b.py                                    # the local server; a browser opens, sign in as demo / demo
    python style_b.py https://bus.example.com/mcp --token TOKEN
"""

import argparse
import asyncio
import uuid
from typing import Any

from fastmcp import Client
from fastmcp.client.messages import MessageHandler

ME = f"style-b-{uuid.uuid4().hex[:8]}"
SCRIPT = "import bpy; print([thing.name for thing in bpy.data.objects])"


class JobUpdates(MessageHandler):
    """Resolves a waiter for each job as the update about it comes in."""

    def __init__(self) -> None:
        self.waiters: dict[str, asyncio.Future[dict[str, Any]]] = {}

    def expect(self, job_id: str) -> asyncio.Future[dict[str, Any]]:
        """Call this before the job is sent: its update may be here before the answer to the call."""
        self.waiters[job_id] = asyncio.get_running_loop().create_future()
        return self.waiters[job_id]

    async def on_logging_message(self, message: Any) -> None:
        if message.params.logger != "_message_bus":
            return
        payload = message.params.data["payload"]
        if payload.get("kind") == "progress":
            print(f"{payload['job_id']}: {payload['percent']} %")
        waiter = self.waiters.get(payload.get("job_id", ""))
        done = payload.get("kind") == "job_update" and payload["status"] in ("completed", "failed", "cancelled")
        if done and waiter is not None and not waiter.done():
            waiter.set_result(payload)


async def quiet(message: Any) -> None:
    """Stands in for FastMCP's own log handler, which would print every message."""


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return (await client.call_tool(tool, arguments)).structured_content


async def a_blender(client: Client) -> str:
    """Return the uuid of a connected Blender."""
    listed = await call(client, "blender_list_available_clients")
    for one in listed["persistent"] + listed["ephemeral"]:
        if one["client_type"] == "blender" and one["connected"]:
            return one["uuid"]
    raise SystemExit("No Blender is connected: open Blender, enable the extension, Login, Connect.")


async def main(url: str, token: str | None) -> None:
    updates = JobUpdates()
    async with Client(url, auth=token or "oauth", message_handler=updates, log_handler=quiet) as client:
        await client.set_logging_level("debug")
        await call(client, "blender_register_client", client_uuid=ME, client_type="llm")
        try:
            target, job_id = await a_blender(client), f"job-{uuid.uuid4().hex[:12]}"
            outcome = updates.expect(job_id)
            job = {"message_type": "job_dispatch", "job_id": job_id, "script": SCRIPT}
            sent = await call(client, "blender_send_message", payload=job, target_uuid=target, from_uuid=ME)
            print(f"Sent {sent['job_id']} to {', '.join(sent['targets'])}")
            update = await asyncio.wait_for(outcome, 60)
            print(f"{update['status']}: {update['result'].strip() or update['error']}")
        finally:
            gone = await call(client, "blender_unregister_client", client_uuid=ME)
            print(f"Unregistered: {gone['status']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Send a script to a Blender and be told of its outcome.")
    parser.add_argument("url", nargs="?", default="http://localhost:8787/mcp", help="MCP endpoint with sessions")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    options = parser.parse_args()
    asyncio.run(main(options.url, options.token))
