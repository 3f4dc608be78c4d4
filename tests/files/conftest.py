"""Files of a user on both stores: rows of the object, and R2 as wrangler simulates it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.workerd import DEV_ACCOUNTS, WorkerBundle, Workerd

from .shelf import Shelf

STORES = ("sqlite", "r2")


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def served(folder: Path, store: str, **variables: str) -> Workerd:
    buckets = ("FILES",) if store == "r2" else ()
    return Workerd(
        folder,
        bundle=WorkerBundle.built(buckets=buckets),
        variables={"DEV_ACCOUNTS": DEV_ACCOUNTS, **variables},
    )


@pytest.fixture(scope="module")
def shared_server(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workerd]:
    """One server for the tests of a file that leave nothing behind that others mind."""
    with served(tmp_path_factory.mktemp("workerd"), store) as running:
        yield running


@pytest.fixture
def shelf(shared_server: Workerd) -> Iterator[Shelf]:
    with Shelf(shared_server.url) as shelf:
        yield shelf


@pytest.fixture
def serve(store: str, tmp_path: Path) -> Iterator[Callable[..., Workerd]]:
    """Starts a server of its own, with these variables."""
    started: list[Workerd] = []

    def start(**variables: str) -> Workerd:
        started.append(served(tmp_path / f"workerd-{len(started)}", store, **variables).start())
        return started[-1]

    yield start
    for server in started:
        server.kill()
