"""Style B without a session, for MCP revision 2026-07-28: messages wait in an inbox, and the client fetches them.

It either listens to changes of its inbox (`subscriptions/listen`), or, with --poll, asks again and again with a call
that waits for something to come, up to 50 seconds. The URL is `/`, which serves both eras.

    pip install fastmcp
    python style_b_stateless.py                          # the local server; a browser opens, sign in as demo / demo
    python style_b_stateless.py https://bus.example.com/ --token TOKEN --poll
"""

import argparse
import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastmcp import Client
from mcp.client.subscriptions import listen

ME = f"stateless-{uuid.uuid4().hex[:8]}"
INBOX = f"blender://inbox/{ME}"
ENDED = ("completed", "failed", "cancelled")
SCRIPT = "import bpy; print([thing.name for thing in bpy.data.objects])"


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return (await client.call_tool(tool, arguments)).structured_content


async def by_polling(client: Client) -> AsyncIterator[dict[str, Any]]:
    """Yield every message as it comes; `next` says where to go on."""
    after = None
    while True:
        page = await call(client, "blender_receive_messages", client_uuid=ME, after=after, wait_seconds=20)
        after = page["next"] or after
        for message in page["messages"]:
            yield message


async def by_listening(client: Client) -> AsyncIterator[dict[str, Any]]:
    """Yield every message; the inbox is read when the server says that it has changed."""
    seen: set[str] = set()
    async with listen(client.session, resource_subscriptions=[INBOX]) as changes:
        while True:
            for message in json.loads((await client.read_resource(INBOX))[0].text)["messages"]:
                if message["message_id"] not in seen:
                    seen.add(message["message_id"])
                    yield message
            await anext(changes)


async def outcome_of(job_id: str, messages: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    async for message in messages:
        payload = message["payload"]
        if payload.get("kind") == "job_update" and payload["job_id"] == job_id and payload["status"] in ENDED:
            return payload
    raise RuntimeError("the messages ended before the job did")


async def a_blender(client: Client) -> str:
    """Return the uuid of a connected Blender."""
    listed = await call(client, "blender_list_available_clients")
    for one in listed["persistent"] + listed["ephemeral"]:
        if one["client_type"] == "blender" and one["connected"]:
            return one["uuid"]
    raise SystemExit("No Blender is connected: open Blender, enable the extension, Login, Connect.")


async def main(url: str, token: str | None, poll: bool) -> None:
    async with Client(url, auth=token or "oauth", mode="2026-07-28") as client:
        await call(client, "blender_register_client", client_uuid=ME, client_type="llm")
        try:
            target = await a_blender(client)
            job = {"message_type": "job_dispatch", "job_id": f"job-{uuid.uuid4().hex[:12]}", "script": SCRIPT}
            sent = await call(client, "blender_send_message", payload=job, target_uuid=target, from_uuid=ME)
            messages = by_polling(client) if poll else by_listening(client)
            update = await asyncio.wait_for(outcome_of(sent["job_id"], messages), 60)
            await messages.aclose()
            print(f"{update['status']}: {update['result'].strip() or update['error']}")
        finally:
            await call(client, "blender_unregister_client", client_uuid=ME)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Send a script to a Blender and fetch its outcome.")
    parser.add_argument("url", nargs="?", default="http://localhost:8787/", help="MCP endpoint")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    parser.add_argument("--poll", action="store_true", help="ask for messages instead of listening to changes")
    options = parser.parse_args()
    asyncio.run(main(options.url, options.token, options.poll))
