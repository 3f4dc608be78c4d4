"""Style A: log in with name and password, call tools with the token, wait for each answer.

    pip install fastmcp
    python style_a.py                                    # the local server, demo / demo
    python style_a.py https://bus.example.com --username ada --password lovelace

A Blender must be connected; `fake_blender_peer.py` is a stand-in for one.
"""

import argparse
import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

CODE = """
import bpy
bpy.ops.mesh.primitive_monkey_add(location=(0, 0, 2))
print(f"{bpy.context.object.name} has {len(bpy.context.object.data.vertices)} vertices")
"""


def log_in(server: str, username: str, password: str) -> str:
    """Return an access token. It lives for an hour; POST /auth/refresh gives the next one."""
    body = json.dumps({"username": username, "password": password}).encode()
    request = urllib.request.Request(f"{server}/auth/login", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=15) as response:
            return json.load(response)["access_token"]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{server} refused {username!r}: {error.read().decode()}") from None
    except urllib.error.URLError as error:
        raise SystemExit(f"{server} does not answer: {error.reason}") from None


async def call(client: Client, tool: str, **arguments: Any) -> str:
    """Call a Blender tool and return what the command returned: JSON text, or what the code printed."""
    answer = (await client.call_tool(tool, arguments)).structured_content
    if answer["status"] != "completed":
        raise SystemExit(f"{tool}: {answer['status']}: {answer['error'] or answer.get('hint')}")
    return answer["result"]


async def main(server: str, username: str, password: str) -> None:
    token = log_in(server, username, password)
    transport = StreamableHttpTransport(f"{server}/mcp", headers={"Authorization": f"Bearer {token}"})
    async with Client(transport) as client:
        scene = json.loads(await call(client, "blender_get_scene_info"))
        print(f"Scene {scene['name']!r} has {scene['object_count']} objects")
        print((await call(client, "blender_execute_code", code=CODE, timeout_seconds=30)).strip())
        cube = json.loads(await call(client, "blender_get_object_info", name="Cube"))
        print(f"The cube stands at {cube['location']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Log in with a password and call Blender tools.")
    parser.add_argument("server", nargs="?", default="http://localhost:8787")
    parser.add_argument("--username", default="demo")
    parser.add_argument("--password", default="demo")
    options = parser.parse_args()
    asyncio.run(main(options.server.rstrip("/"), options.username, options.password))
