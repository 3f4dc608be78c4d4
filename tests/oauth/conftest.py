"""A flow on a server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.workerd import Workerd

from .accounts import Started
from .flow import Flow


@pytest.fixture
def flow(server: Workerd) -> Flow:
    return Flow(server.url)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Starts a server with these variables, without any development account."""
    running: list[Workerd] = []

    def start(**variables: str) -> tuple[Flow, Workerd]:
        server = Workerd(tmp_path / f"workerd{len(running)}", variables=variables).start()
        running.append(server)
        return Flow(server.url), server

    yield start
    for server in running:
        server.kill()
