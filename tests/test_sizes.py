"""Rooms that one can look over: no file of the product is longer than 400 lines, no function than 50."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST_FILE, LONGEST_FUNCTION = 400, 50
FUNCTION = re.compile(r"( *)(?:pub(?:\([a-z]+\))? )?(?:async |const |unsafe )*fn (\w+)")


def files(*patterns: str) -> list[Path]:
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    assert len(found) > 50
    return found


def functions_of_rust(path: Path) -> Iterator[tuple[str, int]]:
    lines = path.read_text().split("\n")
    for begin, line in enumerate(lines):
        if not (found := FUNCTION.match(line)) or f"{found[1]}}}" not in lines[begin:]:
            continue
        signature = next(line for line in lines[begin:] if line.endswith(("{", "}", ";")))
        if not signature.endswith(";"):  # else it is declared only, for another to define
            yield found[2], lines.index(f"{found[1]}}}", begin) - begin + 1


def functions_of_python(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_too_long() -> None:
    product = files("src/**/*.rs", "durable/*/src/**/*.rs", "addon/**/*.py")
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in product}
    assert {path: lines for path, lines in long.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    rust = [(path, functions_of_rust(path)) for path in files("src/**/*.rs", "durable/*/src/**/*.rs")]
    python = [(path, functions_of_python(path)) for path in files("addon/**/*.py")]
    lengths = {f"{path.relative_to(ROOT)}: {name}": n for path, found in rust + python for name, n in found}
    assert len(lengths) > 1_000
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}
