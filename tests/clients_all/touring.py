"""What every library does in its tour, and the report of it; see tours1.py and tours2.py.

Run as `python tours1.py NAME URL TOKEN`, by the Python that has the libraries. The last line of the output is a JSON
object: `list` is how many tools were listed, the others what came back as text, `cancel` whether a call could be given
up at all. What a library does not offer is missing, what went wrong is `error: ...`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

TOOL = "blender_execute_code"
RESOURCE = "blender://bus/clients"
PROMPT = ("blender_debug_assistant", {"error_text": "E-77"})
SECONDS = 60


class Driver:
    """A library that is connected. What it does not offer stays as it is here."""

    async def list(self) -> int:
        raise NotImplementedError

    async def call(self, code: str) -> Any:
        raise NotImplementedError

    async def resource(self) -> Any:
        raise NotImplementedError

    async def prompt(self) -> Any:
        raise NotImplementedError

    async def stop(self) -> None:
        """Gives up the last call, beside cancelling its task."""

    cancels = True


class SessionDriver(Driver):
    """A library whose session has the calls of MCP under their usual names."""

    def __init__(self, session: Any) -> None:
        self.session = session

    async def list(self) -> int:
        listed = await self.session.list_tools()
        return len(getattr(listed, "tools", listed))

    async def call(self, code: str) -> Any:
        return await self.session.call_tool(TOOL, {"code": code})

    async def resource(self) -> Any:
        return await self.session.read_resource(RESOURCE)

    async def prompt(self) -> Any:
        return await self.session.get_prompt(*PROMPT)


Opening = Callable[[str, dict[str, str]], AbstractAsyncContextManager[Driver]]
DRIVERS: dict[str, Opening] = {}


def driver(name: str) -> Callable[[Callable[[str, dict[str, str]], AsyncIterator[Driver]]], None]:
    """Registers an async generator of (URL, headers) that yields the connected driver once."""
    from contextlib import asynccontextmanager

    def register(opening: Callable[[str, dict[str, str]], AsyncIterator[Driver]]) -> None:
        DRIVERS[name] = asynccontextmanager(opening)

    return register


async def give_up(client: Driver) -> str:
    """Starts a call that has no end and cancels it."""
    if not client.cancels:
        raise NotImplementedError
    call = asyncio.ensure_future(client.call("endless"))
    await asyncio.sleep(2)
    await client.stop()
    call.cancel()
    await asyncio.wait([call], timeout=20)
    await asyncio.sleep(1)  # a bridge passes it on, and the answer back, after that
    return "given up" if call.done() else "error: still running"


async def tour(name: str, url: str, token: str) -> dict[str, Any]:
    report: dict[str, Any] = {}
    async with DRIVERS[name](url, {"Authorization": f"Bearer {token}"}) as client:
        steps: dict[str, Callable[[], Any]] = {
            "list": client.list,
            "call": lambda: client.call("quick"),
            "slow call": lambda: client.call("slow"),
            "big result": lambda: client.call("big"),
            "resource": client.resource,
            "prompt": client.prompt,
            "cancel": lambda: give_up(client),
        }
        for step, take in steps.items():
            try:
                found = await asyncio.wait_for(take(), SECONDS)
                report[step] = found if isinstance(found, int) else str(found)
            except NotImplementedError:
                continue
            except BaseException as error:
                report[step] = f"error: {type(error).__name__}: {error}"[:1000]
    return report


def main() -> None:
    name, url, token = sys.argv[1:4]
    print(json.dumps(asyncio.run(tour(name, url, token))))
