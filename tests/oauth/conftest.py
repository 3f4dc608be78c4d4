"""A flow on a server of its own."""

from __future__ import annotations

import pytest
from harness.workerd import Workerd

from .flow import Flow


@pytest.fixture
def flow(server: Workerd) -> Flow:
    return Flow(server.url)
