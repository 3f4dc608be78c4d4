"""The pages on security name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["security.md", "security-clauses.md"])
def test_every_test_that_the_security_page_names_exists(name: str) -> None:
    page = (ROOT / "docs" / name).read_text()
    table = [line.split("|")[3] for line in page.splitlines() if line.startswith("| ") and "::" in line]
    rust = [*ROOT.glob("src/**/*.rs"), *ROOT.glob("durable/**/*.rs")]
    assert len(table) > 30
    for cell in table:
        module = ""
        for named, test in re.findall(r"`([\w.]+)::(\w+)`", cell):
            module = module if named == ".." else named
            if module.endswith(".py"):
                sources = [*ROOT.glob(f"tests/**/{module}")]
            else:
                sources = [file for file in rust if module in (file.stem, file.parent.name)]
            assert any(f"def {test}(" in text or f"fn {test}(" in text for text in map(Path.read_text, sources)), (
                f"{module}::{test} is named in docs/{name} and does not exist"
            )
