"""Run by the Python of the servers: start one over stdio as an MCP host does, call its tools, print what came back.

talk_to_server.py FOLDER MODULE CALLS      CALLS: JSON [[tool, arguments], ...]; [] lists the tools

An argument that is "{job_id}" is the newest job_id that an answer named.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time

from mcp.client.stdio import stdio_client

from mcp import ClientSession, StdioServerParameters


async def main(folder: str, module: str, calls: list[tuple[str, dict[str, object]]]) -> None:
    start = f"import sys; sys.argv = ['server']; from {module} import main; main()"
    server = StdioServerParameters(
        command=sys.executable, args=["-c", start], env={**os.environ, "PYTHONPATH": folder}, cwd=folder
    )
    async with stdio_client(server) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        answers: list[dict[str, object]] = []
        job_id = ""
        for tool, arguments in calls:
            started = time.perf_counter()
            arguments = {key: job_id if value == "{job_id}" else value for key, value in arguments.items()}
            result = await session.call_tool(tool, arguments)
            seconds = round(time.perf_counter() - started, 4)
            blocks = [block.model_dump(mode="json") for block in result.content]
            named = re.search(
                r'"job_id": "([^"]+)"', json.dumps([block.get("text", "") for block in blocks]).replace("\\", "")
            )
            job_id = named[1] if named else job_id
            answer = {"error": result.isError, "content": blocks, "structured": result.structuredContent}
            answers.append(answer | {"seconds": seconds})
        listed = await session.list_tools()
    print(json.dumps({"tools": [tool.name for tool in listed.tools], "answers": answers}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
