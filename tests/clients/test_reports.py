"""The causes in REPORTS.md that no other test holds, and that the tests it names are there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from harness.mcp import LegacySession, login
from harness.peer import Peer
from harness.workerd import Workerd
from oauth.flow import Flow

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INVENTED = [
    "/.well-known/oauth-authorization-server/mcp",
    "/.well-known/nothing",
    "/mcp/.well-known/openid-configuration",
]


def test_every_cause_names_a_test_that_is_there() -> None:
    rows = [line for line in (HERE / "REPORTS.md").read_text().splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(rows) >= 40 and [int(row.split("|")[1]) for row in rows] == list(range(1, len(rows) + 1))
    file = ""
    for row in rows:
        for named in re.findall(r"`([^`]+)`", row.split("|")[4]):
            path, _, function = named.partition("::")
            file = path or file
            folder = ROOT if file.startswith(("src/", "durable/")) else ROOT / "tests"
            text = (folder / file).read_text()
            assert f"fn {function}(" in text or f"def {function}(" in text or not function, named


@pytest.mark.parametrize("path", ["/", "/mcp", "/mcp/core"])
def test_a_probe_by_get_learns_that_a_sign_in_is_needed(server: Workerd, path: str) -> None:
    answer = httpx.get(server.url + path, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 401 and "resource_metadata=" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("path", INVENTED)
def test_a_discovery_path_that_is_not_served_is_404_and_no_page(server: Workerd, path: str) -> None:
    answer = httpx.get(server.url + path, headers={"Accept": "application/json"})
    assert answer.status_code == 404 and "html" not in answer.headers.get("content-type", "")


def test_a_client_may_register_twice_and_use_either_id(server: Workerd) -> None:
    flow = Flow(server.url)
    first, second = (flow.register().json()["client_id"] for _ in range(2))
    for flow.client_id in (second, first):
        assert flow.exchange(flow.callback()["code"]).status_code == 200


def test_grant_types_beside_the_known_ones_are_passed_over(server: Workerd) -> None:
    answer = Flow(server.url).register(grant_types=["authorization_code", "implicit", "client_credentials"])
    assert answer.status_code == 201 and "authorization_code" in answer.json()["grant_types"]


async def test_a_second_stream_of_a_session_takes_over_and_loses_nothing(server: Workerd) -> None:
    token = await login(server.url)
    async with LegacySession(f"{server.url}/mcp", token) as session, Peer(server.ws_url, token) as peer:
        await session.call("blender_register_client", client_uuid="me", client_type="llm")
        first, second = session.stream(), session.stream()

        async def sent(number: int) -> None:
            await peer.call("blender_send_message", payload={"number": number}, target_uuid="me", priority="error")

        async def heard(stream: object) -> int:
            event = None
            while event is None or not event.data:  # the first only carries an id
                event = await asyncio.wait_for(anext(stream), 5)  # type: ignore[call-overload]
            number = event.message["params"]["data"]["payload"]["number"]
            assert isinstance(number, int)
            return number

        waiting = asyncio.create_task(heard(first))
        await asyncio.sleep(0.3)
        await sent(1)
        assert await waiting == 1
        waiting = asyncio.create_task(heard(second))
        await asyncio.sleep(0.3)
        await sent(2)
        assert await waiting == 2


async def test_a_session_that_has_ended_is_told_so_in_json(server: Workerd) -> None:
    async with LegacySession(f"{server.url}/mcp", await login(server.url)) as session:
        await session.delete()
        answer = await session.request("tools/list")
    assert answer.status == 404 and "initialize" in answer.error["message"]
