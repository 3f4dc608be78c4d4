"""The table of services."""

from __future__ import annotations

import dataclasses

import pytest
from conftest import ROOT

from addon.commands.allowed.settings import ALL, INTEGRATIONS, Integration, Settings


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.name)
def test_row_has_its_file_its_field_and_its_variable_in_the_docs(row: Integration) -> None:
    assert (ROOT / "addon" / "commands" / f"{row.name}.py").is_file()
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert {*row.options, *filter(None, [row.key_property])} <= fields
    assert row.environment in (ROOT / "docs" / "extension.md").read_text(encoding="utf-8")
    assert row.name in INTEGRATIONS


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.name)
def test_status_names_what_is_missing_first(row: Integration) -> None:
    off = row.status(Settings())
    assert (off["enabled"], "switched off" in off["message"]) == (False, True)
    on = Settings(integrations=frozenset([row.name]))
    if row.key_property:
        without = row.status(on)
        assert (without["enabled"], "has no API key" in without["message"]) == (False, True)
        on = dataclasses.replace(on, **{row.key_property: "key"})
    assert row.status(on, "!") == {"enabled": True, "message": f"{row.label} is switched on and ready to use!"}
