"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import browser
from harness.blender import BLENDERS
from harness.workerd import Workerd


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Workerd]:
    """The built Worker on a state of its own, with the accounts demo / demo and ada / lovelace."""
    with Workerd(tmp_path / "workerd") as running:
        yield running


@pytest.fixture
def scripted_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Python's `webbrowser`, and so FastMCP's sign-in, opens pages in the scripted browser. Returns its log file."""
    log = tmp_path / "browser.log"
    monkeypatch.setenv("BUS_BROWSER_LOG", str(log))
    monkeypatch.setenv("BROWSER", f"{sys.executable} {browser.__file__} %s")
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # it reads BROWSER once only
    return log


@pytest.fixture(scope="module", params=BLENDERS)
def blender_version(request: pytest.FixtureRequest) -> str:
    """Each of the Blenders the extension is tested in."""
    return str(request.param)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # noqa: ANN201 - pytest's own generator
    report = yield
    running = getattr(item, "funcargs", {}).get("server")
    if report.failed and isinstance(running, Workerd):
        report.sections.append(("workerd log", running.log_text()))
    return report
