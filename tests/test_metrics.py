"""`/metrics`: off without a token, and with one what the whole server has done, as Prometheus reads it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import DEV_ACCOUNTS, Workerd
from prometheus_client.openmetrics.parser import text_string_to_metric_families

HOW_TO = Path(__file__).resolve().parent.parent / "docs" / "how-to"
TOKEN = "a-token-of-the-operator"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
REPORTED_SECONDS = 25.0
Samples = dict[tuple[str, str], float]


@pytest.fixture
def metered(tmp_path: Path) -> Iterator[Workerd]:
    with Workerd(tmp_path / "workerd", variables={"DEV_ACCOUNTS": DEV_ACCOUNTS, "METRICS_TOKEN": TOKEN}) as running:
        yield running


def scrape(server: Workerd) -> Samples:
    """The samples by name and the value of their only label."""
    answer = httpx.get(f"{server.url}/metrics", headers=AUTHORIZED)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    for private in ("demo", "studio", "blender-", "u-"):
        assert private not in answer.text
    samples: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation and family.name.startswith("blender_bus_")
        for sample in family.samples:
            assert len(sample.labels) <= 1
            samples[sample.name.removeprefix("blender_bus_"), *sample.labels.values() or ("",)] = sample.value
    return samples


async def until(server: Workerd, wanted: Samples) -> Samples:
    """The scrape that has these samples; the last one if none comes to have them."""
    give_up = time.monotonic() + REPORTED_SECONDS
    while True:
        samples = scrape(server)
        if wanted.items() <= samples.items() or time.monotonic() > give_up:
            assert {key: samples.get(key) for key in wanted} == wanted
            return samples
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("page", ["watch.md", "monitoring/alerts.yml", "monitoring/grafana-board.json"])
def test_what_operators_are_given_names_metrics_that_there_are(metered: Workerd, page: str) -> None:
    there = {f"blender_bus_{name}" for name, _ in scrape(metered)}
    there |= {name.removesuffix(suffix) for name in there for suffix in ("_bucket", "_total")}
    named = set(re.findall(r"blender_bus_\w+", (HOW_TO / page).read_text(encoding="utf-8")))
    assert len(named) > 5 and named - there == set()
    if page == "watch.md":
        families = {name.removesuffix("_total") for name in there if not name.endswith(("_bucket", "_count", "_sum"))}
        assert {name.removesuffix("_total") for name in named} == families


@pytest.mark.parametrize("token", [None, "too-short"])
def test_without_a_token_of_some_length_there_is_no_such_page(tmp_path: Path, token: str | None) -> None:
    variables = {} if token is None else {"METRICS_TOKEN": token}
    with Workerd(tmp_path / "workerd", variables=variables) as server:
        for headers in ({}, {"Authorization": f"Bearer {token}"}):
            assert httpx.get(f"{server.url}/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize("given", ["", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", TOKEN])
async def test_only_the_operators_token_opens_it(metered: Workerd, given: str) -> None:
    users = f"Bearer {await login(metered.url)}"
    async with httpx.AsyncClient() as http:
        for authorization in (given, users):
            headers = {"Authorization": authorization} if authorization else {}
            refused = await http.get(f"{metered.url}/metrics", headers=headers)
            assert refused.status_code == 401
            assert "METRICS_TOKEN" in refused.text and "blender_bus_" not in refused.text


def handler(job: dict[str, object]) -> str:
    if "fail" in str(job["params"]):
        raise ValueError("as asked")
    return "done"


async def test_what_happened_on_all_buses_is_counted_and_outlives_a_kill(metered: Workerd) -> None:
    demo, ada = await login(metered.url), await login(metered.url, "ada", "lovelace")
    async with ModernClient(f"{metered.url}/", demo) as mine, ModernClient(f"{metered.url}/", ada) as hers:
        assert (await hers.call("blender_get_scene_info")).document["status"] == "no_client"
        async with (
            Peer(metered.ws_url, demo, "studio", handler=handler),
            Peer(metered.ws_url, ada, "studio", handler=handler),
        ):
            for _ in range(3):
                assert (await mine.call("blender_execute_code", code="1")).document["status"] == "completed"
            assert (await hers.call("blender_execute_code", code="fail")).document["status"] == "failed"
            await until(
                metered,
                {
                    ("calls_total", "completed"): 3,
                    ("calls_total", "failed"): 1,
                    ("calls_total", "no_client"): 1,
                    ("jobs_made_total", ""): 4,
                    ("jobs_ended_total", "completed"): 3,
                    ("jobs_ended_total", "failed"): 1,
                    ("job_seconds_bucket", "+Inf"): 4,
                    ("job_seconds_count", ""): 4,
                    ("call_seconds_count", ""): 5,
                    ("sockets", "peer"): 2,
                    ("open_jobs", ""): 0,
                    ("waits", ""): 0,
                    ("bus_errors_total", ""): 0,
                },
            )
        metered.restart()
        # Each bus says anew how it is once it is awake.
        for client in (mine, hers):
            assert (await client.call("blender_list_available_clients")).document["status"] == "ok"
        samples = await until(metered, {("sockets", "peer"): 0, ("jobs_made_total", ""): 4})
        assert samples["http_responses_total", "200"] > 5
