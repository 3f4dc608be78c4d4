"""What every client of the test suite does, in Python: run as `python tour.py URL TOKEN MODE`, with FastMCP 4, 3 or 2.

MODE is auto, legacy or a revision; FastMCP 3 and 2 know none and are given `-`. TOKEN is an access token, or `oauth` to
sign in and only stay for a while.
The last line of the output is the report that the tests read.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

import fastmcp
from fastmcp import Client

FOUR = int(fastmcp.__version__.split(".")[0]) >= 4


async def cancel(client: Client[Any]) -> None:
    """Starts a call that has no end, and gives it up once it runs."""
    started = asyncio.Event()

    async def note(*_: object) -> None:
        started.set()

    asked = client.call_tool("blender_execute_code", {"code": "endless"}, progress_handler=note)
    call = asyncio.create_task(asked)
    await asyncio.wait_for(started.wait(), 20)
    if not FOUR:  # cancelling the task would leave the server alone
        await client.cancel(client.session._request_id - 1, "enough")
    else:
        call.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await asyncio.wait_for(call, 10)


async def tour(url: str, token: str, mode: str) -> dict[str, Any]:
    progress: list[list[float | str | None]] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        progress.append([done, total, message])

    chosen = {} if mode == "-" else {"mode": mode}
    async with Client(url, auth=token, **chosen) as client:
        code = {"code": "quick"}
        report: dict[str, Any] = {
            "revision": client.protocol_version if FOUR else client.initialize_result.protocolVersion,
            "tools": len(await client.list_tools()),
            "resources": len(await client.list_resources()),
            "templates": len(await client.list_resource_templates()),
            "prompts": len(await client.list_prompts()),
            "call": (await client.call_tool("blender_execute_code", code)).structured_content,
            "resource": (await client.read_resource("blender://bus/clients"))[0].text,
        }
        asked = await client.get_prompt("blender_debug_assistant", {"error_text": "E-77"})
        report["prompt"] = asked.messages[0].content.text
        slow = await client.call_tool("blender_execute_code", {"code": "slow"}, progress_handler=note)
        await cancel(client)
        return {**report, "slow": slow.structured_content, "progress": progress}


async def visit(url: str) -> dict[str, Any]:
    """Signs in, then stays for longer than an access token of a second lives."""
    async with Client(url, auth="oauth") as client:
        tokens, tools = set(), 0
        for _ in range(3):
            tools = len(await client.list_tools())
            tokens.add(client.transport.auth.context.current_tokens.access_token)
            await asyncio.sleep(1.5)
        return {"tools": tools, "access_tokens": len(tokens)}


if __name__ == "__main__":
    url, token, mode = sys.argv[1:4]
    print(json.dumps(asyncio.run(visit(url) if token == "oauth" else tour(url, token, mode))))
