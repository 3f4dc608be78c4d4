"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.workerd import Workerd


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Workerd]:
    """The built Worker on a state of its own, with the accounts demo / demo and ada / lovelace."""
    with Workerd(tmp_path / "workerd") as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # noqa: ANN201 - pytest's own generator
    report = yield
    running = getattr(item, "funcargs", {}).get("server")
    if report.failed and isinstance(running, Workerd):
        report.sections.append(("workerd log", running.log_text()))
    return report
