"""A server whose every call to elsewhere is led to a push service on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.workerd import Workerd

from .push_service import PushService


@pytest.fixture
def service() -> Iterator[PushService]:
    with PushService() as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, service: PushService) -> Iterator[Workerd]:
    with Workerd(tmp_path / "workerd", outbound=service.address) as running:
        yield running
