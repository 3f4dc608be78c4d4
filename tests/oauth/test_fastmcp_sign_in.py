"""FastMCP signs in without any setting, through the pages, and refreshes without a second visit to them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest
from fastmcp.client.auth import OAuth
from harness import browser
from harness.workerd import Workerd


@pytest.fixture
def visits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of the browser that FastMCP opens."""
    log = tmp_path / "browser.log"
    monkeypatch.setenv("BROWSER", f"{browser.__file__} %s")
    monkeypatch.setenv("BUS_BROWSER_LOG", str(log))
    return log


def sign_ins(visits: Path) -> int:
    return visits.read_text().count("signed in")


@pytest.mark.parametrize("path", ["/", "/mcp"])
async def test_fastmcp_signs_in_without_any_setting(server: Workerd, visits: Path, path: str) -> None:
    async with httpx2.AsyncClient(auth=OAuth(mcp_url=server.url + path), timeout=30) as http:
        answer = await http.post(server.url + path, content=b"{}")
    assert answer.status_code not in (401, 403), answer.text
    assert sign_ins(visits) == 1


async def test_fastmcp_refreshes_without_a_second_browser_visit(tmp_path: Path, visits: Path) -> None:
    variables = {"DEV_ACCOUNTS": "demo:demo", "ACCESS_TOKEN_TTL": "1"}
    with Workerd(tmp_path / "short", variables=variables) as server:
        async with httpx2.AsyncClient(auth=OAuth(mcp_url=f"{server.url}/mcp"), timeout=30) as http:
            sent = set()
            for _ in range(4):
                answer = await http.post(f"{server.url}/mcp", content=b"{}")
                assert answer.status_code not in (401, 403), answer.text
                sent.add(answer.request.headers["authorization"])
                await asyncio.sleep(1.2)
    assert len(sent) == 4, "a new token each time"
    assert sign_ins(visits) == 1
