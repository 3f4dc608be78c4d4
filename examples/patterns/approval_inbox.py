"""An approval inbox: what one client wants to run in Blender, another one must approve first.

The one that asks never talks to Blender: it sends its script to the approver and waits. The approver reads its inbox,
shows the script to a person, and on yes dispatches it in the name of whoever asked, so that the outcome goes there.

    pip install fastmcp
    python approval_inbox.py approve                                   # in one terminal, for the person who decides
    python approval_inbox.py ask "bpy.ops.mesh.primitive_cube_add()"   # in another one

This is an agreement between clients of one user. What Blender itself lets anyone run is set there: the extension's
policy "Ask before code".
"""

import argparse
import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastmcp import Client

APPROVER = "approver"


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return (await client.call_tool(tool, arguments)).structured_content


@asynccontextmanager
async def registered(client: Client, kind: str) -> AsyncIterator[str]:
    """An address on the bus for as long as it is used."""
    me = f"{kind}-{uuid.uuid4().hex[:8]}"
    await call(client, "blender_register_client", client_uuid=me, client_type=kind)
    try:
        yield me
    finally:
        await call(client, "blender_unregister_client", client_uuid=me)


async def inbox(client: Client, me: str) -> AsyncIterator[dict[str, Any]]:
    """Yield this client's messages as they come."""
    after = None
    while True:
        page = await call(client, "blender_receive_messages", client_uuid=me, after=after, wait_seconds=50)
        after = page["next"] or after
        for message in page["messages"]:
            yield message


async def approve(client: Client, target: str | None) -> None:
    """Show every request and dispatch what the person at the keyboard approves."""
    async with registered(client, APPROVER) as me:
        print(f"Waiting for requests as {me}", flush=True)
        async for message in inbox(client, me):
            request, asker = message["payload"], message["from_uuid"]
            if request.get("kind") != "approval_request":
                continue
            print(f"\n{asker} wants to run:\n{request['script']}")
            said = await asyncio.to_thread(input, "Run it? [y/N, or why not] ")
            if said.strip().lower() in ("y", "yes"):
                job = {"message_type": "job_dispatch", "job_id": request["job_id"], "script": request["script"]}
                address = {"target_uuid": target} if target else {"client_type": "blender"}
                sent = await call(client, "blender_send_message", payload=job, from_uuid=asker, **address)
                print(f"Approved: {', '.join(sent.get('targets') or ['no Blender'])}", flush=True)
                if sent.get("targets"):
                    continue
                said = "no Blender is connected"
            refusal = {"kind": "approval_refused", "job_id": request["job_id"], "reason": said.strip() or "no reason"}
            await call(client, "blender_send_message", payload=refusal, target_uuid=asker, from_uuid=me)
            print("Refused", flush=True)


async def ask(client: Client, script: str) -> None:
    """Ask, and wait for the refusal or for the outcome of the job. Raises TimeoutError."""
    async with registered(client, "asker") as me:
        job_id = f"job-{uuid.uuid4().hex[:12]}"
        request = {"kind": "approval_request", "job_id": job_id, "script": script}
        sent = await call(client, "blender_send_message", payload=request, client_type=APPROVER, from_uuid=me)
        if not sent["targets"]:
            raise SystemExit("Nobody is there to approve: start `approval_inbox.py approve` first.")
        print(f"Waiting for the approval of {', '.join(sent['targets'])}", flush=True)
        async for message in inbox(client, me):
            payload = message["payload"]
            if payload.get("job_id") != job_id:
                continue
            if payload.get("kind") == "approval_refused":
                raise SystemExit(f"refused: {payload['reason']}")
            if payload.get("kind") == "job_update" and payload["status"] in ("completed", "failed", "cancelled"):
                print(f"{payload['status']}: {(payload['result'] or payload['error']).strip()}")
                return


async def main(role: str, script: str, url: str, token: str | None, target: str | None, seconds: float) -> None:
    async with Client(url, auth=token or "oauth") as client:
        if role == "approve":
            await approve(client, target)
        else:
            await asyncio.wait_for(ask(client, script), seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run nothing in Blender that was not approved.")
    parser.add_argument("role", choices=("approve", "ask"))
    parser.add_argument("script", nargs="?", default="print(len(bpy.data.objects), 'objects')")
    parser.add_argument("--url", default="http://localhost:8787/mcp", help="MCP endpoint of the server")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    parser.add_argument("--target", help="uuid of the Blender that runs what is approved; else every one does")
    parser.add_argument("--seconds", type=float, default=600, help="how long to wait for a decision and the outcome")
    try:
        asyncio.run(main(**vars(parser.parse_args())))
    except TimeoutError:
        raise SystemExit("no decision, or no outcome, in time") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
