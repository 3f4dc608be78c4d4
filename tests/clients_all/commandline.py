"""Command-line clients, unmodified, with a model on loopback (models.py) that makes them call.

Each function sets its client up in a folder of its own, as its user would, and takes the tour of touring.py; the report
has the same keys.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .models import Model
from .touring import PROMPT, RESOURCE, TOOL

SECONDS = 90
Report = dict[str, Any]


@dataclass
class Desk:
    """Where a client works: its home, the programs, the model, and the bus it is given."""

    url: str
    token: str
    home: Path
    programs: Path
    model: Model
    env: dict[str, str] = field(default_factory=dict)

    async def run(self, *command: str, stop_after: float | None = None) -> str:
        """Runs a program to its end and returns what it printed; with `stop_after` it gets Ctrl-C then."""
        env = {**os.environ, "HOME": str(self.home), "NO_PROXY": "localhost,127.0.0.1", **self.env}
        # Nothing here needs anything but loopback, and these programs report to their makers.
        env |= {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.home,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT,
        )
        reading = asyncio.ensure_future(process.communicate())
        try:
            if stop_after is not None:
                await asyncio.wait([reading], timeout=stop_after)
                if process.returncode is None:
                    process.send_signal(signal.SIGINT)
            output, _ = await asyncio.wait_for(asyncio.shield(reading), SECONDS if stop_after is None else 20)
        except TimeoutError:
            process.kill()
            output, _ = await reading
        return output.decode(errors="replace")

    def listed(self) -> int:
        """How many tools of the bus the model was offered."""
        return len({name[name.index("blender_") :] for name in self.model.tools if "blender_" in name})


async def steps(desk: Desk, ask: Callable[..., Awaitable[str]], resource: str | None, prompt: str | None) -> Report:
    """The tour by instructions to the model. `ask` runs the client with one."""
    report: Report = {}

    async def result_of(tool: str, arguments: dict[str, Any]) -> str:
        before = len(desk.model.results)
        output = await ask(f"call {tool} {json.dumps(arguments)}")
        return desk.model.results[before] if len(desk.model.results) > before else f"error: no call: {output[-1500:]}"

    for step, code in (("call", "quick"), ("slow call", "slow"), ("big result", "big")):
        report[step] = await result_of(TOOL, {"code": code})
    if resource:
        report["resource"] = await result_of(resource, {"server": "bus", "uri": RESOURCE})
    if prompt:
        await ask(prompt)
        report["prompt"] = desk.model.texts[-1]
    await ask(f'call {TOOL} {{"code": "endless"}}', stop_after=6)
    report["cancel"] = "given up"
    report["list"] = desk.listed()
    return report


async def claude_code(desk: Desk) -> Report:
    program = ("node", str(desk.programs / "node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs"))
    desk.env = {
        "ANTHROPIC_BASE_URL": desk.model.url, "ANTHROPIC_API_KEY": "none", "ENABLE_TOOL_SEARCH": "false",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }  # fmt: skip
    header = ("--header", f"Authorization: Bearer {desk.token}")
    await desk.run(*program, "mcp", "add", "--transport", "http", "bus", desk.url, *header)
    health = await desk.run(*program, "mcp", "list")
    assert "Connected" in health, health

    async def ask(text: str, stop_after: float | None = None) -> str:
        allowed = ("--allowedTools", "mcp__bus__*", "ReadMcpResourceTool")
        return await desk.run(*program, "-p", text, *allowed, stop_after=stop_after)

    return await steps(desk, ask, "ReadMcpResourceTool", f"/mcp__bus__{PROMPT[0]} {PROMPT[1]['error_text']}")


async def codex(desk: Desk) -> Report:
    program = (str(desk.programs / "node_modules/.bin/codex"),)
    desk.env = {"BUS_TOKEN": desk.token}
    (desk.home / ".codex").mkdir()
    (desk.home / ".codex/config.toml").write_text(
        'model = "any"\nmodel_provider = "here"\n[model_providers.here]\nname = "here"\nwire_api = "responses"\n'
        f'base_url = "{desk.model.url}/v1"\n'
    )
    await desk.run(*program, "mcp", "add", "bus", "--url", desk.url, "--bearer-token-env-var", "BUS_TOKEN")
    listed = await desk.run(*program, "mcp", "list", "--json")
    assert "bearer_token" in listed, listed

    async def ask(text: str, stop_after: float | None = None) -> str:
        freely = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
        return await desk.run(*program, "exec", *freely, text, stop_after=stop_after)

    return await steps(desk, ask, "read_mcp_resource", None)


async def gemini_cli(desk: Desk) -> Report:
    program = (str(desk.programs / "node_modules/.bin/gemini"),)
    desk.env = {
        "GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": desk.model.url, "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }  # fmt: skip
    (desk.home / ".gemini").mkdir()
    settings = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False}}
    (desk.home / ".gemini/settings.json").write_text(json.dumps(settings))
    header = ("--header", f"Authorization: Bearer {desk.token}")
    await desk.run(*program, "mcp", "add", "--scope", "user", "--transport", "http", "bus", desk.url, *header)
    health = await desk.run(*program, "mcp", "list")
    assert "Connected" in health, health

    async def ask(text: str, stop_after: float | None = None) -> str:
        freely = ("-m", "gemini-2.5-pro", "--approval-mode", "yolo")
        return await desk.run(*program, *freely, "-p", text, stop_after=stop_after)

    return await steps(desk, ask, None, None)


COMMAND_LINES: dict[str, Callable[[Desk], Awaitable[Report]]] = {
    "claude-code": claude_code, "codex": codex, "gemini-cli": gemini_cli,
}  # fmt: skip
