"""What an earlier build has left opens under today's: `make.py` made each archive, as of then.

`first-migrations.zip` has only the first migration of each object. The server's clock stands a minute after the state
was made: tokens and kept jobs are still good.
"""

from __future__ import annotations

import json
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from harness.faults import needs_faults, set_clock
from harness.mcp import LegacySession, ModernClient
from harness.peer import Peer
from harness.workerd import Workerd
from oauth.flow import Flow

FOLDER = Path(__file__).parent
STATES = {"first-migrations": 1, "second-of-the-bus": 2}

pytestmark = needs_faults


@pytest.fixture(params=STATES)
def manifest(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """What the archive says of itself; its state lies in the folder of the server."""
    with zipfile.ZipFile(FOLDER / f"{request.param}.zip") as archive:
        archive.extractall(tmp_path / "workerd")
    [bus] = [path for path in (tmp_path / "workerd/state/UserBus").glob("*.sqlite") if path.stem != "metadata"]
    with sqlite3.connect(bus) as database:
        assert database.execute("SELECT version FROM schema_version").fetchone() == (STATES[request.param],)
    database.close()
    found = json.loads((tmp_path / "workerd/manifest.json").read_text())
    assert isinstance(found, dict)
    return found


@pytest.fixture
def server(manifest: dict[str, Any], tmp_path: Path) -> Iterator[Workerd]:
    origin = f"http://localhost:{manifest['port']}"
    variables = {"DEV_ACCOUNTS": "demo:demo", "PUBLIC_ORIGIN": origin}
    made = Workerd(tmp_path / "workerd", variables=variables)
    # Before it starts: timers of that time must not go off.
    set_clock(made, manifest["made_at"] + 60 - time.time())
    with made as running:
        yield running


async def test_jobs_tokens_messages_and_sessions_are_there(server: Workerd, manifest: dict[str, Any]) -> None:
    token = manifest["tokens"]["access_token"]
    async with ModernClient(f"{server.url}/", token) as client:
        result = (await client.call("blender_job_result", job_id=manifest["ended"])).document
        assert (result["status"], result["result"]) == ("completed", "kept: \u6905 \U0001fa91")
        waits = (await client.call("blender_job_status", job_id=manifest["waits"])).document
        assert waits["status"] == "queued"
        inbox = (await client.call("blender_receive_messages", client_uuid="reader")).document
        assert [one["payload"] for one in inbox["messages"]] == [{"said": "for later"}]
        listed = (await client.call("blender_list_available_clients")).document
        assert {"b1", "reader"} <= {row["uuid"] for row in listed["persistent"]}
        async with Peer(server.ws_url, token, "b1") as peer:
            assert (await peer.next_job())["job_id"] == manifest["waits"]
            await peer.update(manifest["waits"], "completed", "kept")
        ended = (await client.call("blender_job_result", job_id=manifest["waits"])).document
        assert (ended["status"], ended["result"]) == ("completed", "kept")
    session = LegacySession(f"{server.url}/mcp", token)
    session.session_id = manifest["session_id"]
    session.headers |= {"Mcp-Session-Id": manifest["session_id"], "MCP-Protocol-Version": session.version}
    assert (await session.request("tools/list", {})).status == 200
    await session.http.aclose()


def test_a_refresh_token_goes_on(server: Workerd, manifest: dict[str, Any]) -> None:
    flow = Flow(server.url)
    flow.client_id = manifest["client_id"]
    refreshed = flow.refresh(manifest["tokens"]["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    assert refreshed.json()["scope"] == manifest["tokens"]["scope"]
    assert flow.probe(refreshed.json()["access_token"]).status_code != 401


def test_a_migration_is_never_edited() -> None:
    schemas = sorted((FOLDER.parents[1] / "durable").glob("*/schema/**/*.sql"))
    written = {str(path.relative_to(FOLDER.parents[1])): sha256(path.read_bytes()).hexdigest() for path in schemas}
    shipped = dict(reversed(line.split()) for line in (FOLDER / "migrations.sha256").read_text().splitlines())
    assert written == shipped, "a new migration is a new line in tests/states/migrations.sha256"
