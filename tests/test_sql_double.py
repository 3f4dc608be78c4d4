"""The SQLite of the native tests is a double of the runtime's. Here the runtime runs the double's own test cases."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness.workerd import WorkerBundle, Workerd

CASES = json.loads(Path(__file__).with_name("sql_cases.json").read_text())
TABLE = "CREATE TABLE cases (i INTEGER, t TEXT) STRICT"

SHIM = Path(__file__).parents[1] / "durable" / "runtime" / "src" / "shim.js"
MAX_INTEGER = 2**53 - 1

DATABASE = b"""\
import { DurableObject } from 'cloudflare:workers';
import { rows } from './shim.js';
export class Database extends DurableObject {
  async fetch(request) {
    const { statement, parameters } = await request.json();
    try {
      return Response.json({ rows: rows(this.ctx.storage.sql, statement, parameters) ?? '[]' });
    } catch (error) {
      return Response.json({ error: String(error) });
    }
  }
}
export default { fetch: (request, env) => env.DATABASE.get(env.DATABASE.idFromName('one')).fetch(request) };
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workerd]:
    modules = {"database.js": DATABASE, "shim.js": SHIM.read_bytes()}
    bundle = WorkerBundle(modules, "2026-11-01", {"DATABASE": "Database"})
    with Workerd(tmp_path_factory.mktemp("database"), bundle=bundle) as server:
        yield server


def packed(kind: str, text: str) -> Any:
    """A value as `durable/runtime/src/sql.rs` writes it: `shim.js` has the contract."""
    match kind:
        case "null":
            return None
        case "integer":
            return int(text)
        case "real":
            return None if text == "NaN" else float(text)
        case "blob":
            return list(text.encode())
    return text


def unpacked(value: Any) -> tuple[str, Any]:
    match value:
        case None:
            return ("null", None)
        case bool():
            return ("real", math.inf if value else -math.inf)
        case int() if abs(value) <= MAX_INTEGER:
            return ("integer", value)
        case int() | float():
            return ("real", float(value))
        case list():
            return ("blob", bytes(value))
    return ("text", value)


def read(rows: list[list[list[str]]]) -> list[list[tuple[str, Any]]]:
    """Values as Python has them: the runtime writes a large number with other digits than the file of cases."""
    types: dict[str, Callable[[str], Any]] = {
        "null": lambda _: None,
        "text": str,
        "integer": int,
        "real": float,
        "blob": str.encode,
    }
    return [[(kind, types[kind](text)) for kind, text in row] for row in rows]


def test_the_runtime_does_with_each_value_what_the_double_does(database: Workerd) -> None:
    def run(statement: str, parameters: list[list[str]]) -> dict[str, Any]:
        asked = {"statement": statement, "parameters": json.dumps([packed(*value) for value in parameters])}
        answer: dict[str, Any] = httpx.post(database.url, json=asked).json()
        return answer

    assert run(TABLE, []) == {"rows": "[]"}
    for case in CASES:
        answer = run(case["statement"], case["parameters"])
        if case.get("fails"):
            assert "error" in answer, (case["name"], answer)
        else:
            found = [[unpacked(value) for value in row] for row in json.loads(answer["rows"])]
            assert found == read(case["rows"]), (case, answer)
