"""The SQLite of the native tests is a double of the runtime's. Here the runtime runs the double's own test cases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness.workerd import WorkerBundle, Workerd

CASES = json.loads(Path(__file__).with_name("sql_cases.json").read_text())
TABLE = "CREATE TABLE cases (i INTEGER, t TEXT) STRICT"

DATABASE = b"""\
import { DurableObject } from 'cloudflare:workers';
const bound = ([kind, text]) =>
  kind === 'null' ? null : kind === 'text' ? text : kind === 'blob' ? new TextEncoder().encode(text) : Number(text);
const returned = (value) =>
  value === null ? ['null', ''] : typeof value === 'string' ? ['text', value]
    : Number.isSafeInteger(value) ? ['integer', String(value)] : ['real', String(value)];
export class Database extends DurableObject {
  async fetch(request) {
    const { statement, parameters } = await request.json();
    try {
      const rows = [...this.ctx.storage.sql.exec(statement, ...parameters.map(bound)).raw()];
      return Response.json({ rows: rows.map((row) => row.map(returned)) });
    } catch (error) {
      return Response.json({ error: String(error) });
    }
  }
}
export default { fetch: (request, env) => env.DATABASE.get(env.DATABASE.idFromName('one')).fetch(request) };
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workerd]:
    bundle = WorkerBundle({"database.js": DATABASE}, "2026-11-01", {"DATABASE": "Database"})
    with Workerd(tmp_path_factory.mktemp("database"), bundle=bundle) as server:
        yield server


def read(rows: list[list[list[str]]]) -> list[list[tuple[str, Any]]]:
    """Values as Python has them: the runtime writes a large number with other digits than the file of cases."""
    types: dict[str, Callable[[str], Any]] = {"null": lambda _: None, "text": str, "integer": int, "real": float}
    return [[(kind, types[kind](text)) for kind, text in row] for row in rows]


def test_the_runtime_does_with_each_value_what_the_double_does(database: Workerd) -> None:
    def run(statement: str, parameters: list[list[str]]) -> dict[str, Any]:
        asked = {"statement": statement, "parameters": parameters}
        answer: dict[str, Any] = httpx.post(database.url, json=asked).json()
        return answer

    assert run(TABLE, []) == {"rows": []}
    for case in CASES:
        answer = run(case["statement"], case["parameters"])
        if case.get("fails"):
            assert "error" in answer, (case["name"], answer)
        else:
            assert read(answer["rows"]) == read(case["rows"]), (case, answer)
