#!/usr/bin/env python3
"""Writes the plan of rooms into docs/architecture.md, read off the sources. A test compares."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from imports import Imports, python_imports, rust_imports  # noqa: E402

PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = {
    "src": "the edge",
    "durable/objects/src": "the Durable Objects",
    "durable/bus/src": "a user's bus",
    "durable/account/src": "an account",
    "durable/runtime/src": "clock and randomness",
    "durable/kernel/src": "what both stand on",
    "addon": "the Blender extension",
}
BEGIN, END = "<!-- rooms: made by scripts/rooms.py -->\n", "<!-- /rooms -->\n"


def imports_of(package: str) -> Imports:
    folder = ROOT / package
    return rust_imports(folder) if (folder / "lib.rs").exists() else python_imports(folder)


def room(file: str) -> str:
    return file.split("/")[0].partition(".")[0]


def floors(edges: dict[str, set[str]]) -> dict[str, int]:
    """How many floors each of these stands above the ground; 1 is the ground."""

    @cache
    def height(name: str) -> int:
        return 1 + max((height(below) for below in edges[name]), default=0)

    return {name: height(name) for name in edges}


def room_edges(imports: Imports) -> dict[str, set[str]]:
    edges: dict[str, set[str]] = {room(file): set() for file in imports}
    for file, used in imports.items():
        edges[room(file)] |= {room(other) for other in used} - {room(file)}
    return edges


def inner_floors(imports: Imports) -> dict[str, int]:
    """How many floors there are in each folder, its own folders counted as one room each."""
    folders = {str(Path(file).parent) for file in imports if "/" in file}
    found = {room(file): 1 for file in imports}
    for folder in sorted(folders, key=len, reverse=True):
        edges: dict[str, set[str]] = {}
        for file, used in imports.items():
            # A folder's own file stands for the folder: what it names of its own is no floor.
            if not file.startswith(f"{folder}/") or file.endswith("/mod.rs"):
                continue
            own = inside(folder, file)
            below = {inside(folder, other) for other in used if other.startswith(f"{folder}/")}
            edges.setdefault(own, set()).update(below - {own, "mod"})
        for below in list(edges.values()):
            for name in below:
                edges.setdefault(name, set())
        found[folder] = max(floors(edges).values(), default=1)
    return found


def inside(folder: str, file: str) -> str:
    """A file's place in a folder: its own name, or that of the folder below."""
    return file.removeprefix(f"{folder}/").split("/")[0].partition(".")[0]


def duty(package: str, name: str) -> str:
    """The first sentence of what a room says of itself."""
    folder = ROOT / package
    for file in (f"{name}/mod.rs", f"{name}.rs", f"{name}/__init__.py", f"{name}.py"):
        if (folder / file).exists():
            text = (folder / file).read_text()
            lines = re.match(r'(?:#[^\n]*\n)*(?:(?://! ?[^\n]*\n)+|"""(?:.|\n)*?""")', text)
            said = re.sub(r'(^//! ?|""")', "", lines.group() if lines else "", flags=re.M)
            return " ".join(said.split("\n\n")[0].split()).split(". ")[0].rstrip(".")
    return ""


def plan() -> str:
    out = []
    for package, what in PACKAGES.items():
        imports = imports_of(package)
        edges = room_edges(imports)
        height, inner = floors(edges), inner_floors(imports)
        out.append(f"\n**`{package}`**, {what}: {len(imports)} files\n")
        out.append("| floor | room | files | floors in it | duty |\n|---|---|---|---|---|")
        for name in sorted(edges, key=lambda name: (-height[name], name)):
            files = sum(room(file) == name for file in imports)
            out.append(f"| {height[name]} | `{name}` | {files} | {inner[name]} | {duty(package, name)} |")
    return "\n".join(out) + "\n"


def page() -> str:
    text = PAGE.read_text()
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    return head + BEGIN + plan() + "\n" + END + tail


if __name__ == "__main__":
    PAGE.write_text(page())
