"""Ask a Blender what is in its scene, through the bus.

    pip install fastmcp
    python quickstart.py                         # the local server; a browser opens, sign in as demo / demo
    python quickstart.py https://bus.example.com/mcp
    python quickstart.py --token TOKEN           # no browser: a token from POST /auth/login

A Blender must be connected: the extension's Connect button, or `python fake_blender_peer.py` for a stand-in.
"""

import argparse
import asyncio
import json

from fastmcp import Client


async def main(url: str, token: str | None) -> None:
    async with Client(url, auth=token or "oauth") as client:
        tools = await client.list_tools()
        print(f"{len(tools)} tools, for example {', '.join(tool.name for tool in tools[:3])}")

        answer = (await client.call_tool("blender_get_scene_info")).structured_content
        if answer["status"] != "completed":
            raise SystemExit(f"{answer['status']}: {answer.get('hint') or answer['error']}")
        scene = json.loads(answer["result"])
        print(f"Scene {scene['name']!r} has {scene['object_count']} objects:")
        for thing in scene["objects"]:
            print(f"  {thing['name']} ({thing['type']})")

        code = "import bpy; print(len(bpy.data.objects))"
        answer = (await client.call_tool("blender_execute_code", {"code": code})).structured_content
        print(f"Blender counted: {answer['result'].strip() or answer['error']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Ask a Blender what is in its scene, through the bus.")
    parser.add_argument("url", nargs="?", default="http://localhost:8787/mcp", help="MCP endpoint of the server")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    options = parser.parse_args()
    asyncio.run(main(options.url, options.token))
