"""The table of docs/reference/clients.md: it is made of matrix.json, which the tests of all clients write."""

from __future__ import annotations

import json
import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MATRIX = HERE / "matrix.json"
PAGE = ROOT / "docs/reference/clients.md"
STEPS = ("sign-in", "list", "call", "slow call", "big result", "cancel", "resource", "prompt")
Rows = dict[str, dict[str, str]]
# Where a client goes by another name in its registry.
PACKAGES = {
    "ai-sdk": "@ai-sdk/mcp", "claude-code": "@anthropic-ai/claude-code", "codex": "@openai/codex",
    "gemini-cli": "@google/gemini-cli", "llama-index": "llama-index-tools-mcp",
    "pydantic-ai": "pydantic-ai-slim", "autogen": "autogen-ext", "strands": "strands-agents",
    "opencode": "opencode-ai",
}  # fmt: skip


def known() -> Rows:
    return json.loads(MATRIX.read_text()) if MATRIX.exists() else {}


def versions() -> dict[str, str]:
    """The version of each package that the tests install."""
    found: dict[str, str] = json.loads((HERE / "package.json").read_text())["dependencies"]
    for name in ("frameworks1", "frameworks2"):
        text = (HERE.parent / "requirements" / f"{name}.txt").read_text()
        found |= dict(re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE))
    return found


def version_of(client: str, pinned: dict[str, str]) -> str:
    """The version of a row: `name`, `name, OAuth` or `name, oldest`."""
    name, _, kind = client.partition(", ")
    if kind == "oldest":
        # An alias of npm: `npm:package@version`.
        return pinned[f"{name}-oldest"].rpartition("@")[2]
    return pinned[PACKAGES.get(name, name)]


def table(rows: Rows) -> str:
    pinned = versions()
    lines = [f"| client | version | {' | '.join(STEPS)} |", "|---" * (len(STEPS) + 2) + "|"]
    for name, row in rows.items():
        cells = " | ".join(row[step] for step in STEPS)
        lines.append(f"| {name} | {version_of(name, pinned)} | {cells} |")
    return "\n".join(lines)


def with_table(page: str, rows: Rows) -> str:
    """The page with its table made anew."""
    start, end = "<!-- clients: made by npm test -- clients-all -->", "<!-- /clients -->"
    before, rest = page.split(start)
    return f"{before}{start}\n\n{table(rows)}\n\n{end}{rest.split(end)[1]}"
