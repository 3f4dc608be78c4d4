"""What people come from: a FastMCP server with a peer on a WebSocket and jobs in memory, which a restart loses.

No sign-in. Listens on a free port of loopback and prints it as JSON: {"port": number}.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from typing import Any

import uvicorn
from fastmcp import FastMCP
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

server = FastMCP("bench")
peers: list[WebSocket] = []
waiting: dict[str, asyncio.Future[str]] = {}
numbers = itertools.count(1)


@server.tool
async def blender_get_object_info(name: str) -> dict[str, Any]:
    """Asks the peer."""
    job_id = f"j-{next(numbers)}"
    answered = waiting[job_id] = asyncio.get_running_loop().create_future()
    await peers[0].send_text(json.dumps({"job_id": job_id, "params": {"name": name}}))
    return {"status": "completed", "job_id": job_id, "result": await answered}


async def attach(peer: WebSocket) -> None:
    await peer.accept()
    peers.append(peer)
    async for text in peer.iter_text():
        update = json.loads(text)
        waiting.pop(update["job_id"]).set_result(update["result"])


def main() -> None:
    app = server.http_app(path="/", stateless_http=True, json_response=True)
    app.router.routes.insert(0, WebSocketRoute("/ws", attach))
    # With the protocol named, asyncio switches Nagle's algorithm off, as it does for every socket it opens itself.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(1024)
    print(json.dumps({"port": listening.getsockname()[1]}), flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=600, ws_ping_interval=None)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


main()
