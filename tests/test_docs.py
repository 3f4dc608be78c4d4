"""The documentation: its links lead somewhere, and its code runs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.blender import HeadlessBlender
from harness.mcp import login
from harness.workerd import ROOT, Workerd

PAGES = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")})
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# Their messages are about the sources, or name what may be written.
OF_DEVELOPERS = {"bundle.mjs", "release.mjs", "test.mjs", "options.mjs", "release-command.mjs"}
SERVERS = ("http://localhost:8787", "https://bus.example.com")

# Lines of shell that no test of this page runs, by how they begin, and why that is right.
NOT_RUN = {
    "npm run": "starts, builds or deploys; other tests do what it does",
    "npx wrangler": "needs an account",
    "npx ./blender-bus": "needs a release; tests/test_serve.py runs what it runs",
    "pip install": "the test environments are installed from the same index",
    "python -m addon": "tests/addon/test_headless_*.py",
    "python3 tests/addon/window": "needs an installed Blender with a window",
    "python examples/": "the tests of the examples",
    "blender -b": "needs an installed Blender",
    'curl -s -H "Authorization': "tests/files/test_round_trips.py sends the same",
    "export ": "belongs to the line after it",
    "$(ls -td": "runs this test suite",
    "echo ": "makes a file for the deployment after it",
}

# Runs a block as a file would be, or, if it awaits outside of a function, as a notebook would.
RUN = """
import ast, asyncio, inspect, sys
code = compile(sys.stdin.read(), "block", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
outcome = eval(code, {"__name__": "__main__"})
if inspect.iscoroutine(outcome):
    asyncio.run(outcome)
"""


@dataclass(frozen=True)
class Block:
    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.text.strip().splitlines()[0][:40]}"


def blocks(*languages: str) -> list[Block]:
    found = [Block(page, *match) for page in PAGES for match in BLOCK.findall(page.read_text())]
    return [block for block in found if block.language in languages]


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def broken(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return not link.startswith("https://")
    path, _, fragment = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return True
    return bool(fragment) and fragment not in map(anchor, HEADING.findall(target.read_text()))


def test_every_link_leads_somewhere() -> None:
    links = [(page, link) for page in PAGES for link in LINK.findall(page.read_text())]
    assert len(links) > 40
    assert [f"{page.relative_to(ROOT)}: {link}" for page, link in links if broken(page, link)] == []


def test_every_page_of_the_documentation_is_linked_from_its_map() -> None:
    folder = ROOT / "docs"
    linked = {(folder / link.partition("#")[0]).resolve() for link in LINK.findall((folder / "README.md").read_text())}
    assert [
        page.name
        for page in PAGES
        if page.is_relative_to(folder) and page != folder / "README.md" and page not in linked
    ] == []


def test_every_path_that_is_served_stands_in_the_reference() -> None:
    served = re.findall(
        r'^    (?:special|program|page)\("(/[^"]*)"', (ROOT / "src/routes.rs").read_text(), re.MULTILINE
    )
    described = (ROOT / "docs" / "reference" / "http.md").read_text()
    # The metadata of an endpoint is described once, for all of them.
    metadata = "/.well-known/oauth-protected-resource/mcp"
    named = {"/files/*": "/files/{file_id}", "/share/*": "/share/{id}", "/share/*/mcp": "/share/{link}/mcp"}
    paths = {named.get(path, path).rstrip("/") or "/" for path in served if not path.startswith(metadata)}
    assert len(paths) > 15
    assert [path for path in sorted(paths) if f"`{path}`" not in described and f"{path}`" not in described] == []


def test_every_block_says_what_language_it_is_in_or_is_a_drawing() -> None:
    known = {"sh", "python", "json", "toml", "dockerfile"}
    languages = {match.group(1) for page in PAGES for match in BLOCK.finditer(page.read_text())}
    assert languages <= known


@pytest.mark.parametrize("block", blocks("json", "toml"), ids=str)
def test_data_in_the_documentation_is_what_it_says_it_is(block: Block) -> None:
    (json if block.language == "json" else tomllib).loads(block.text)


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_every_shell_line_is_run_or_known_to_be_run_elsewhere(block: Block, server: Workerd) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith(tuple(NOT_RUN)):
            continue
        command = line
        for address in SERVERS:
            command = command.replace(address, server.url)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, cwd=ROOT)
        assert done.returncode == 0, (line, done.stderr)
        assert "access_token" in json.loads(done.stdout), line


@pytest.mark.timeout(180)
async def test_python_in_the_documentation_runs_against_a_real_blender(server: Workerd, tmp_path: Path) -> None:
    token = await login(server.url)
    with HeadlessBlender(server.url, tmp_path / "blender", uuid="docs"):
        for block in blocks("python"):
            text = block.text.replace('auth="oauth"', f"auth={token!r}")
            for address in SERVERS:
                text = text.replace(address, server.url)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                RUN,
                cwd=tmp_path,
                env={**os.environ, "BLENDER_BUS_TOKEN": token},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            said, _ = await asyncio.wait_for(process.communicate(text.encode()), 60)
            assert process.returncode == 0, f"{block}: {said.decode()}"


def test_every_message_of_a_script_stands_on_the_page_for_those_who_are_stuck() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    shown = [span for span in re.findall(r"`([^`]+)`", page) if len(span) >= 10]
    literal = r"`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'"
    wanting = []
    for file in (ROOT / "scripts").rglob("*.mjs"):
        if file.name in OF_DEVELOPERS:
            continue
        text = file.read_text()
        messages = re.findall(rf"new Complaint\(({literal})", text)
        messages += re.findall(
            rf"hint(?::|\s=) ({literal})|NO_CRATES = ({literal})|^  E[A-Z]+: ({literal})", text, re.M
        )
        for message in messages:
            whole = "".join(message)
            said = re.sub(r"\$\{(?:[^{}]|\{[^}]*\})*\}", "\0", whole.replace("\\`", "")).strip("'`")
            if len(said.strip("\0 ")) > 2 and not any(span in said for span in shown):
                wanting.append(f"{file.name}: {said!r}")
    assert wanting == []
