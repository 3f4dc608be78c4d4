"""Fixtures of the tests of the app."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from harness.workerd import Workerd

from .hosting import Hosting, bundled
from .scenes import Stage, on_stage


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The host's script."""
    return bundled(tmp_path_factory.mktemp("host"))


@pytest.fixture
async def stage(server: Workerd) -> AsyncIterator[Stage]:
    async with on_stage(server) as stage:
        yield stage


@pytest.fixture
async def host(server: Workerd, script: str) -> AsyncIterator[Hosting]:
    """A host whose apps ask nobody but their host, and complain of nothing."""
    async with Hosting.of(server, script) as host:
        yield host
        assert host.strangers() == []
        assert host.complaints == []
