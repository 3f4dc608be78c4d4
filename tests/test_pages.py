"""The home page: a browser sees what this server is, a client does not notice it."""

from __future__ import annotations

import re

import httpx
from harness.workerd import Workerd


async def test_a_browser_gets_the_home_page_with_this_servers_url(server: Workerd) -> None:
    async with httpx.AsyncClient() as http:
        page = await http.get(f"{server.url}/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"{server.url}/mcp" in page.text
    assert re.search(r"Version \d+\.\d+\.\d+ ", page.text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert len(page.content) < 100_000


async def test_a_client_that_probes_the_same_address_is_challenged(server: Workerd) -> None:
    async with httpx.AsyncClient() as http:
        for accept in ("text/event-stream", "application/json, text/event-stream", "*/*"):
            assert (await http.get(f"{server.url}/", headers={"Accept": accept})).status_code == 401
