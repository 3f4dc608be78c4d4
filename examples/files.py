"""A reference image into Blender, a model and a render out of it, through the bus.

    pip install fastmcp httpx
    python files.py reference.png                       # the local server; a browser opens, sign in as demo / demo
    python files.py reference.png --url https://bus.example.com/mcp --folder out
    python files.py reference.png --token TOKEN         # no browser: a token from POST /auth/login

A Blender must be connected. The files land in the folder given with --folder.
"""

import argparse
import asyncio
import hashlib
import json
import mimetypes
from pathlib import Path

import httpx
from fastmcp import Client


async def call(client: Client, tool: str, **arguments: object) -> dict:
    """Call a tool of a Blender and return its envelope."""
    answer = (await client.call_tool(tool, arguments)).structured_content
    if answer["status"] != "completed":
        raise SystemExit(f"{tool}: {answer['status']}: {answer.get('hint') or answer['error']}")
    return answer


async def send(client: Client, path: Path) -> str:
    """Put a file on the bus and return its id."""
    data = path.read_bytes()
    wanted = {"name": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    if kind := mimetypes.guess_type(path.name)[0]:
        wanted["mime_type"] = kind
    upload = (await client.call_tool("blender_create_upload", wanted)).structured_content
    async with httpx.AsyncClient(timeout=300) as http:
        (await http.put(upload["upload_url"], content=data)).raise_for_status()
    return upload["file_id"]


async def fetch(answer: dict, folder: Path) -> None:
    """Write the files that a command made to disk, by the links in its envelope."""
    async with httpx.AsyncClient(timeout=300) as http:
        for file in answer["files"]:
            target = folder / Path(file["name"]).name
            digest = hashlib.sha256()
            async with http.stream("GET", file["url"]) as response:
                response.raise_for_status()
                with target.open("wb") as out:
                    async for piece in response.aiter_bytes():
                        digest.update(piece)
                        out.write(piece)
            if digest.hexdigest() != file["sha256"]:
                raise SystemExit(f"{target} has arrived damaged")
            print(f"{target}: {target.stat().st_size} bytes")


async def main(options: argparse.Namespace) -> None:
    options.folder.mkdir(parents=True, exist_ok=True)
    async with Client(options.url, auth=options.token or "oauth") as client:
        file_id = await send(client, options.image)
        told = await call(client, "blender_import_file", file_id=file_id, options={"as": "reference"})
        print(f"In the scene: {', '.join(json.loads(told['result'])['objects'])}")

        await fetch(await call(client, "blender_export_file", format="glb"), options.folder)
        picture = {"engine": options.engine, "width": options.width, "samples": 16}
        await fetch(await call(client, "blender_render", **picture), options.folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A reference image into Blender, a model and a render out of it.")
    parser.add_argument("image", type=Path, help="picture to model after")
    parser.add_argument("--url", default="http://localhost:8787/mcp", help="MCP endpoint of the server")
    parser.add_argument("--token", help="access token; without one a browser opens to sign in")
    parser.add_argument("--folder", type=Path, default=Path(), help="where the model and the picture go")
    parser.add_argument("--engine", default="cycles", help="cycles, eevee or workbench")
    parser.add_argument("--width", type=int, default=1920, help="of the picture, in pixels")
    asyncio.run(main(parser.parse_args()))
