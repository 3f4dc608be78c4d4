"""Say one thing to many: run a script in every Blender (or every one of a group) and collect what each answers.

One message goes to a whole client type or group; every recipient gets a copy, works on its own, and reports to the
sender's inbox. A message without any address would go to everyone else on the bus, people's assistants included.

    pip install fastmcp
    python broadcast.py                                  # the local server; a browser opens, sign in as demo / demo
    python broadcast.py https://bus.example.com/mcp --token TOKEN --group farm --script "print(bpy.data.filepath)"
"""

import argparse
import asyncio
import time
import uuid
from typing import Any

from fastmcp import Client

SCRIPT = "print(bpy.app.version_string, 'with', len(bpy.data.objects), 'objects')"


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return (await client.call_tool(tool, arguments)).structured_content


async def outcomes(
    client: Client, me: str, job_id: str, targets: set[str], seconds: float
) -> dict[str, dict[str, Any]]:
    """Return what each target answered, by its uuid; those that did not answer in time are missing."""
    answered: dict[str, dict[str, Any]] = {}
    after, until = None, time.monotonic() + seconds
    while answered.keys() != targets and (left := until - time.monotonic()) > 0:
        wait = min(50.0, left)
        page = await call(client, "blender_receive_messages", client_uuid=me, after=after, wait_seconds=wait)
        after = page["next"] or after
        for message in page["messages"]:
            payload = message["payload"]
            if payload.get("kind") == "job_update" and payload["job_id"] == job_id:
                answered[message["from_uuid"]] = payload
    return answered


async def main(url: str, token: str | None, group: str | None, script: str, seconds: float) -> None:
    me = f"announcer-{uuid.uuid4().hex[:8]}"
    address = {"group_id": group} if group else {"client_type": "blender"}
    async with Client(url, auth=token or "oauth") as client:
        await call(client, "blender_register_client", client_uuid=me, client_type="announcer")
        try:
            listed = await call(client, "blender_list_available_clients")
            present = {one["uuid"] for one in listed["persistent"] + listed["ephemeral"] if one["connected"]}
            job = {"message_type": "job_dispatch", "job_id": f"job-{uuid.uuid4().hex[:12]}", "script": script}
            sent = await call(client, "blender_send_message", payload=job, from_uuid=me, priority="notice", **address)
            targets = set(sent["targets"]) & present
            for absent in sorted(set(sent["targets"]) - present):
                print(f"{absent}: not connected; the script waits for it")
            answered = await outcomes(client, me, sent["job_id"], targets, seconds)
            for target in sorted(targets):
                update = answered.get(target, {"status": "no answer yet", "result": "", "error": ""})
                print(f"{target}: {update['status']}: {(update['result'] or update['error']).strip()}")
            if not sent["targets"]:
                raise SystemExit(f"Nobody is there: no {f'group {group!r}' if group else 'Blender'} on this bus.")
        finally:
            await call(client, "blender_unregister_client", client_uuid=me)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run a script in every Blender and collect the answers.")
    parser.add_argument("url", nargs="?", default="http://localhost:8787/mcp", help="MCP endpoint of the server")
    parser.add_argument("--script", default=SCRIPT, help="Python for Blender; what it prints is its answer")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    parser.add_argument("--group", help="only the Blenders of this group")
    parser.add_argument("--seconds", type=float, default=60, help="how long to wait for answers")
    asyncio.run(main(**vars(parser.parse_args())))
