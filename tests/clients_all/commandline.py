"""Command-line clients, unmodified, with a model on loopback (models.py) that makes them call.

Each function sets its client up in a folder of its own, as its user would, with a token in a header or by signing in
through the browser, and takes the tour of touring.py; the report has the same keys. The oldest releases are those that
speak Streamable HTTP first, as far as the registry still has them.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness import browser

from .models import Model
from .terminal import Terminal
from .touring import PROMPT, RESOURCE, TOOL

SECONDS = 90
# By default these clients give as their id the address of a document on their maker's site, which the server fetches.
DOCUMENTS = ("https://claude.ai/oauth/claude-code-client-metadata", "https://chatgpt.com/oauth/codex/client.json")
# For those that send everything to a proxy that they are told of, what goes to loopback too.
DIRECT = {"HTTPS_PROXY": "", "HTTP_PROXY": ""}
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

    def surroundings(self) -> dict[str, str]:
        """The environment of a program: its user's browser is harness/browser.py, by whichever name it is asked for."""
        bin = self.home / "bin"
        opener = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(browser.__file__)} "$1"\n'
        bin.mkdir(exist_ok=True)
        for name in ("xdg-open", "sensible-browser", "x-www-browser", "opener"):
            (bin / name).write_text(opener)
            (bin / name).chmod(0o755)
        env = {**os.environ, "HOME": str(self.home), "PWD": str(self.home), "DISPLAY": ":0"}
        env["NO_PROXY"] = "localhost,127.0.0.1"
        env |= {"PATH": f"{bin}:{env['PATH']}", "BROWSER": str(bin / "opener"), "BUS_BROWSER_LOG": str(self.log)}
        for name in ("CI", "SSH_CONNECTION", "DEBIAN_FRONTEND"):
            # Where one is set, some think that nobody is there who could sign in.
            env.pop(name, None)
        # Nothing here needs anything but loopback, and these programs report to their makers.
        return env | {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", **self.env}

    @property
    def log(self) -> Path:
        """What the browser has done."""
        return self.home / "browser.log"

    def signed_in(self) -> bool:
        """Whether a person was asked to sign in, once, and did."""
        return self.log.exists() and self.log.read_text().count("signed in") == 1

    async def run(self, *command: str, stop_after: float | None = None) -> str:
        """Runs a program to its end and returns what it printed; with `stop_after` it gets Ctrl-C then."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.home,
            env=self.surroundings(),
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


async def claude_code(desk: Desk, package: str = "@anthropic-ai/claude-code", *, oauth: bool = False) -> Report:
    folder = desk.programs / "node_modules" / package
    script = next(name for name in ("cli-wrapper.cjs", "cli.js") if (folder / name).exists())
    program = ("node", str(folder / script))
    desk.env = {
        "ANTHROPIC_BASE_URL": desk.model.url, "ANTHROPIC_API_KEY": "none", "ENABLE_TOOL_SEARCH": "false",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }  # fmt: skip
    if package.endswith("oldest"):
        desk.env |= DIRECT
    header = () if oauth else ("--header", f"Authorization: Bearer {desk.token}")
    await desk.run(*program, "mcp", "add", "--transport", "http", "bus", desk.url, *header)
    if oauth:
        # It signs in only where a person sits.
        async with Terminal((*program, "mcp", "login", "bus"), desk.surroundings(), desk.home) as terminal:
            await terminal.until("Authenticated", 60)
        assert desk.signed_in(), terminal.text
    health = await desk.run(*program, "mcp", "list")
    assert "Connected" in health or package.endswith("oldest"), health

    async def ask(text: str, stop_after: float | None = None) -> str:
        allowed = ("--allowedTools", "mcp__bus__*", "ReadMcpResourceTool")
        if package.endswith("oldest"):
            allowed = ("--allowedTools", f"mcp__bus__{TOOL},ReadMcpResourceTool")
        return await desk.run(*program, "-p", text, *allowed, stop_after=stop_after)

    reads = None if package.endswith("oldest") else "ReadMcpResourceTool"
    return await steps(desk, ask, reads, f"/mcp__bus__{PROMPT[0]} {PROMPT[1]['error_text']}")


async def codex(desk: Desk, package: str = "@openai/codex", *, oauth: bool = False) -> Report:
    program = ("node", str(desk.programs / "node_modules" / package / "bin/codex.js"))
    desk.env = {"BUS_TOKEN": desk.token}
    (desk.home / ".codex").mkdir()
    (desk.home / ".codex/config.toml").write_text(
        # The name of a model that it knows, or it asks its maker about it.
        'model = "any"\nmodel_provider = "here"\nexperimental_use_rmcp_client = true\n'
        'mcp_oauth_credentials_store = "file"\n[model_providers.here]\nname = "here"\nwire_api = "responses"\n'
        f'base_url = "{desk.model.url}/v1"\n'
    )
    if oauth:
        # It sees that it has to sign in, and does.
        said = await desk.run(*program, "mcp", "add", "bus", "--url", desk.url)
        assert desk.signed_in(), said
    elif package.endswith("oldest"):
        with (desk.home / ".codex/config.toml").open("a") as file:
            file.write(f'[mcp_servers.bus]\nurl = "{desk.url}"\nbearer_token_env_var = "BUS_TOKEN"\n')
    else:
        await desk.run(*program, "mcp", "add", "bus", "--url", desk.url, "--bearer-token-env-var", "BUS_TOKEN")
    listed = await desk.run(*program, "mcp", "list", "--json")
    assert '"bus"' in listed, listed

    async def ask(text: str, stop_after: float | None = None) -> str:
        freely = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
        return await desk.run(*program, "exec", *freely, text, stop_after=stop_after)

    return await steps(desk, ask, None if package.endswith("oldest") else "read_mcp_resource", None)


async def gemini_cli(desk: Desk, package: str = "@google/gemini-cli", *, oauth: bool = False) -> Report:
    folder = desk.programs / "node_modules" / package
    program = ("node", str(folder / json.loads((folder / "package.json").read_text())["bin"]["gemini"]))
    desk.env = {
        "GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": desk.model.url, "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "GEMINI_FORCE_FILE_STORAGE": "true",
    }  # fmt: skip
    if package.endswith("oldest"):
        desk.env |= DIRECT
    (desk.home / ".gemini").mkdir()
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
        "selectedAuthType": "gemini-api-key", "privacy": {"usageStatisticsEnabled": False},
        "general": {"disableAutoUpdate": True}, "ui": {"theme": "Default"},
    }  # fmt: skip
    (desk.home / ".gemini/settings.json").write_text(json.dumps(settings))
    header = () if oauth else ("--header", f"Authorization: Bearer {desk.token}")
    await desk.run(*program, "mcp", "add", "--scope", "user", "--transport", "http", "bus", desk.url, *header)
    if oauth:
        async with Terminal(program, desk.surroundings(), desk.home) as terminal:
            await terminal.until("Type your message", 60)
            await terminal.enter("/mcp auth bus")
            # The first Enter takes what it has suggested.
            await terminal.enter("")
            await terminal.until("Do you want to continue?", 60)
            await terminal.enter("")
            await terminal.until("Successfully authenticated", 60)
        assert desk.signed_in(), terminal.text
    health = await desk.run(*program, "mcp", "list")
    assert "Connected" in health, health

    async def ask(text: str, stop_after: float | None = None) -> str:
        freely = ("-m", "gemini-2.5-pro", "--approval-mode", "yolo")
        return await desk.run(*program, *freely, "-p", text, stop_after=stop_after)

    return await steps(desk, ask, None, None)


async def opencode(desk: Desk, *, oauth: bool = False) -> Report:
    # Its launcher wants a script of npm to have run; the program itself is in a package for each kind of computer.
    built = f"opencode-{sys.platform}-{'arm64' if platform.machine() in ('arm64', 'aarch64') else 'x64'}/bin/opencode"
    modules = desk.programs / "node_modules"
    program = (str(modules / built),)
    server = {"type": "remote", "url": desk.url, "enabled": True}
    if not oauth:
        server |= {"headers": {"Authorization": f"Bearer {desk.token}"}, "oauth": False}
    options = {"apiKey": "none", "baseURL": f"{desk.model.url}/v1"}
    config = {
        "mcp": {"bus": server}, "provider": {"anthropic": {"options": options}}, "autoupdate": False,
        "model": "anthropic/claude-sonnet-4-5", "share": "disabled",
    }  # fmt: skip
    (desk.home / ".config/opencode").mkdir(parents=True)
    (desk.home / ".config/opencode/opencode.json").write_text(json.dumps(config))
    if oauth:
        said = await desk.run(*program, "mcp", "auth", "bus")
        assert desk.signed_in(), said
    health = await desk.run(*program, "mcp", "list")
    assert "connected" in health, health

    async def ask(text: str, stop_after: float | None = None) -> str:
        # Word by word: what has a blank it puts in quotation marks.
        return await desk.run(*program, "run", *text.split(" "), stop_after=stop_after)

    return await steps(desk, ask, None, None)


CommandLine = Callable[[Desk], Awaitable[Report]]
COMMAND_LINES: dict[str, CommandLine] = {
    "claude-code": claude_code,
    "claude-code, OAuth": partial(claude_code, oauth=True),
    "claude-code, oldest": partial(claude_code, package="claude-code-oldest"),
    "codex": codex,
    "codex, OAuth": partial(codex, oauth=True),
    "codex, oldest": partial(codex, package="codex-oldest"),
    "gemini-cli": gemini_cli,
    "gemini-cli, OAuth": partial(gemini_cli, oauth=True),
    "gemini-cli, oldest": partial(gemini_cli, package="gemini-cli-oldest"),
    "opencode": opencode,
    "opencode, OAuth": partial(opencode, oauth=True),
}
