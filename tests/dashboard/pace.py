"""How long a page of the dashboard takes with very many jobs, beside one with none: a ratio.

`node bench/pages.mjs` runs it. Both servers run side by side and are asked in turns, so that a noisy machine is noisy
for both. The time is from the request to the last byte; the servers' own processor time is told beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.workerd import Workerd

from dashboard.stocked import ERROR, blenders, copy_jobs, give

NAMES = [f"render-node-{number:02}" for number in range(30)]
VIEWS = {
    "page": "",
    "failed": "?state=failed",
    "blender": "?blender=render-node-07",
    "client": "?client=nobody",
    "text": "?text=nowhere",
}


def signed_in(server: Workerd) -> httpx.Client:
    client = httpx.Client(base_url=server.url, follow_redirects=True, timeout=30)
    form = client.get("/login?return_to=/dashboard").text
    token = re.search(r'name="form_token" value="([^"]*)"', form)
    assert token is not None, form
    fields = {"form_token": token[1], "username": "demo", "password": "demo", "return_to": "/dashboard"}
    answer = client.post("/login", data=fields)
    answer.raise_for_status()
    return client


async def stock(server: Workerd, jobs: int) -> None:
    async with blenders(server, NAMES) as peers:
        if not jobs:
            return
        for number, peer in enumerate(peers):
            await peer.update(await give(peer, f"done-{number}"), "completed", "Cube added\n" * 20)
            await peer.update(await give(peer, f"wrong-{number}"), "failed", error=ERROR)
    if jobs:
        copy_jobs(server, jobs)


def measure(servers: list[Workerd], rounds: int) -> dict[str, float]:
    clients = [signed_in(server) for server in servers]
    figures: dict[str, float] = {}
    for view, query in VIEWS.items():
        took: list[list[float]] = [[], []]
        spent = [server.cpu_seconds() for server in servers]
        for _ in range(rounds):
            for client, times in zip(clients, took, strict=True):
                started = time.perf_counter()
                client.get(f"/dashboard{query}").raise_for_status()
                times.append(time.perf_counter() - started)
        spent = [(server.cpu_seconds() - before) / rounds for server, before in zip(servers, spent, strict=True)]
        none, many = (statistics.median(times) for times in took)
        figures[f"dashboard_{view}_ratio"] = round(many / none, 2)
        print(
            f"{view:8} {none * 1000:6.1f} ms with no jobs, {many * 1000:6.1f} ms with all, ratio {many / none:5.2f}; "
            f"processor {spent[0] * 1000:.1f} ms and {spent[1] * 1000:.1f} ms"
        )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Workerd(Path(folder, "none")) as none,
        Workerd(Path(folder, "many")) as many,
    ):
        asyncio.run(stock(none, 0))
        asyncio.run(stock(many, options.jobs))
        figures = measure([none, many], options.rounds)
    if options.json:
        options.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
