"""Ask whether an integration is on before using it: a texture from Poly Haven onto an object.

Downloads take time and Blender's user decides which services may be used. A probe answers at once, so that a client can
say what to do, or take another way, in place of a failed call.

    pip install fastmcp
    python status_probe.py planks Cube                   # the local server; a browser opens, sign in as demo / demo
    python status_probe.py planks Cube --url https://bus.example.com/mcp --token TOKEN
"""

import argparse
import asyncio
import json
from typing import Any

from fastmcp import Client

PLAIN = """
import bpy
material = bpy.data.materials.new("Plain")
material.diffuse_color = (0.45, 0.3, 0.18, 1)
bpy.data.objects[{name!r}].data.materials.clear()
bpy.data.objects[{name!r}].data.materials.append(material)
"""


async def call(client: Client, command: str, **arguments: Any) -> Any:
    """Call a Blender tool and return its result, decoded if it is JSON."""
    answer = (await client.call_tool(f"blender_{command}", arguments)).structured_content
    if answer["status"] != "completed":
        raise SystemExit(f"{command}: {answer['status']}: {answer['error'] or answer.get('hint')}")
    try:
        return json.loads(answer["result"])
    except ValueError:
        return answer["result"]


async def main(wanted: str, thing: str, url: str, token: str | None, target: str | None) -> None:
    async with Client(url, auth=token or "oauth") as client:
        where = {"target_uuid": target}
        probe = await call(client, "get_polyhaven_status", **where)
        print(f"Poly Haven is {'on' if probe['enabled'] else 'off'}: {probe['message']}")
        if not probe["enabled"]:
            await call(client, "execute_code", code=PLAIN.format(name=thing), **where)
            print(f"{thing} got a plain material instead")
            return
        found = await call(client, "search_polyhaven_assets", asset_type="textures", categories=wanted, **where)
        if not found["assets"]:
            raise SystemExit(f"Poly Haven has no textures in the category {wanted!r}")
        asset = next(iter(found["assets"]))
        print(f"{found['total_count']} found, taking {asset}")

        async def show(done: float, total: float | None, message: str | None) -> None:
            print(f"  {done:3.0f} %  {message or ''}")

        arguments = {"asset_id": asset, "asset_type": "textures", "resolution": "1k", **where}
        downloaded = await client.call_tool("blender_download_polyhaven_asset", arguments, progress_handler=show)
        if downloaded.structured_content["status"] != "completed":
            raise SystemExit(f"download: {downloaded.structured_content['error']}")
        done = await call(client, "set_texture", object_name=thing, texture_id=asset, **where)
        print(done["message"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Put a texture from Poly Haven onto an object, if that is allowed.")
    parser.add_argument("wanted", metavar="category", help="category to search, such as planks or brick")
    parser.add_argument("thing", metavar="object", help="name of the object that gets the texture")
    parser.add_argument("--url", default="http://localhost:8787/mcp", help="MCP endpoint of the server")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    parser.add_argument("--target", help="uuid of the Blender, if several are connected")
    asyncio.run(main(**vars(parser.parse_args())))
