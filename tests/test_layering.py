"""Who may use whom: the rules of docs/architecture.md, read off the sources."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Beside them only the entry points: `src/lib.rs` and what it routes to.
GLUE = ("durable/src", "src")


def sources(folder: str) -> dict[str, str]:
    files = sorted((ROOT / folder).rglob("*.rs"))
    assert files, folder
    return {str(file.relative_to(ROOT)): file.read_text() for file in files}


def using(folder: str, pattern: str) -> list[str]:
    expression = re.compile(pattern, re.MULTILINE)
    return [f"{path}: {match.group()}" for path, text in sources(folder).items() for match in expression.finditer(text)]


def test_the_core_depends_on_no_runtime() -> None:
    manifest = tomllib.loads((ROOT / "durable/core/Cargo.toml").read_text())
    runtimes = {"worker", "wasm-bindgen", "js-sys", "web-sys", "tokio", "getrandom"}
    assert set(manifest["dependencies"]) & runtimes == set()
    assert using("durable/core/src", r"\bworker::") == []


def test_the_core_reads_no_clock() -> None:
    assert using("durable/core/src", r"SystemTime::now|Instant::now|Date::now") == []


@pytest.mark.parametrize(
    "layer", ["http", "worker", "crate::http", "crate::mcp", "crate::oauth", "crate::web", "crate::objects"]
)
def test_the_catalog_knows_neither_http_nor_its_users(layer: str) -> None:
    assert using("src/catalog", rf"^use {layer}\b.*|\b{layer}::") == []


def test_oauth_never_uses_mcp_or_pages() -> None:
    assert using("src/oauth", r"crate::(mcp|web)\b.*") == []


def test_pages_never_use_mcp() -> None:
    assert using("src/web", r"crate::mcp\b.*") == []


def test_mcp_uses_of_oauth_only_the_verified_caller() -> None:
    allowed = re.compile(r"use crate::oauth::bearer::(\{self, Challenge\}|Challenge);")
    # The tools for access tokens are an account's, and so is what they call.
    exempt = {"src/mcp/methods/account_tools.rs: use crate::oauth::personal;"}
    used = [line for line in using("src/mcp", r".*crate::oauth.*") if line not in exempt]
    assert [line for line in used if not allowed.search(line)] == []


@pytest.mark.parametrize("folder", [*GLUE, "durable/core/src"])
def test_names_are_imported_one_by_one(folder: str) -> None:
    assert using(folder, r"^\s*(pub )?use .*::\*;") == []


def test_environment_variables_are_read_in_one_place() -> None:
    readers = using("src", r"\benv\.(var|secret)\(.*") + using("durable/src", r"\benv\.(var|secret)\(.*")
    # The bus reads its limits where it wakes; everything else is the edge's.
    places = ("src/config.rs", "durable/src/user_bus.rs")
    assert [line for line in readers if not line.startswith(places)] == []
