"""docs/reference/clients.md has the table that the tests of all clients have written, with the versions they pin."""

from __future__ import annotations

import pytest
from clients_all.table import PAGE, STEPS, known, versions, with_table

NAMES_OF_CELLS = {"yes", "-", "header", "OAuth", "not told", "shortened"}


def test_the_page_has_what_the_tests_have_seen() -> None:
    page = PAGE.read_text()
    assert page == with_table(page, known()), "BLESS=1 npm test -- clients-all writes it"


@pytest.mark.parametrize("client", known())
def test_a_row_is_complete_and_has_no_failure(client: str) -> None:
    row = known()[client]
    assert tuple(row) == STEPS and set(row.values()) <= NAMES_OF_CELLS
    assert row["list"] == row["call"] == row["slow call"] == "yes"


def test_every_pinned_client_is_in_the_table_by_its_version() -> None:
    pinned, page = versions(), PAGE.read_text()
    for name in ("@anthropic-ai/claude-code", "@openai/codex", "@google/gemini-cli", "openai-agents", "mcp-proxy"):
        assert f"| {pinned[name]} |" in page, name
