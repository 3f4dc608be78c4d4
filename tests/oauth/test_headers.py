"""The headers of every kind of answer, by the rules that public scanners of sites go by."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from .accounts import Started
from .flow import Flow

ROUTES = Path(__file__).parents[2] / "src" / "routes.rs"
PUBLIC = re.compile(r"/\.well-known/|/server\.json$")
PATHS = re.findall(r'^    (?:special|program|page)\("([^"]+)"', ROUTES.read_text(), re.MULTILINE)


def check(answer: httpx.Response, is_https: bool) -> None:
    headers, where = answer.headers, f"{answer.request.method} {answer.request.url}"
    assert headers.get("x-content-type-options") == "nosniff", where
    assert headers.get("referrer-policy") in ("no-referrer", "same-origin"), where
    assert ("strict-transport-security" in headers) == is_https, where
    if is_https:
        age = re.match(r"max-age=(\d+)", headers["strict-transport-security"])
        assert age is not None and int(age[1]) >= 31_536_000, where
    # Metadata is public; nothing else may be kept.
    cached = answer.status_code == 200 and PUBLIC.match(answer.request.url.path) is not None
    assert cached or headers.get("cache-control", "").startswith(("no-store", "no-cache")), where
    assert "server" not in headers and "x-powered-by" not in headers, where
    if headers.get("content-type", "").startswith("text/html"):
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy, where
        assert headers["x-frame-options"] == "DENY", where
        assert "camera=()" in headers["permissions-policy"], where
        assert headers["cross-origin-opener-policy"] == "same-origin", where
    for cookie in headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie, where
        assert not is_https or (cookie.startswith("__Host-") and "Secure" in cookie), where


def test_the_table_of_routes_was_read() -> None:
    assert len(PATHS) > 25 and "/account/audit" in PATHS


@pytest.mark.parametrize("signed_in", [False, True])
def test_every_route_over_http_sends_them(flow: Flow, signed_in: bool) -> None:
    if signed_in:
        flow.sign_in()
    for path in [*PATHS, "/nothing"]:
        if path == "/dashboard/events" and signed_in:
            continue  # A stream without end.
        for accept in ("text/html", "application/json"):
            check(flow.browser.get(path, headers={"Accept": accept}), is_https=False)
        check(flow.http.post(path, content=b"{}"), is_https=False)


def test_every_route_over_https_sends_them(started: Started) -> None:
    flow, _ = started(PUBLIC_ORIGIN="https://bus.example", DEV_ACCOUNTS="demo:demo")
    for path in [*PATHS, "/nothing"]:
        for accept in ("text/html", "application/json"):
            headers = {"Accept": accept, "Host": "bus.example"}
            check(flow.browser.get(path, headers=headers), is_https=True)


@pytest.mark.parametrize("signed_in", [False, True])
def test_no_script_of_another_origin_reads_a_page(flow: Flow, signed_in: bool) -> None:
    """RFC 9700 section 2.6: no CORS at the authorization endpoint, and none at other pages for people."""
    flow.register()
    if signed_in:
        flow.sign_in()
    elsewhere = {"Origin": "https://elsewhere.example"}
    preflight = {**elsewhere, "Access-Control-Request-Method": "POST"}
    pages = re.findall(r'^    page\("([^"]+)"', ROUTES.read_text(), re.MULTILINE)
    assert "/authorize" in pages
    for path in pages:
        if path == "/dashboard/events" and signed_in:
            continue  # A stream without end.
        asked = flow.browser.get(path, params=flow.request() if path == "/authorize" else {}, headers=elsewhere)
        for answer in (asked, flow.browser.options(path, headers=preflight)):
            assert not [name for name in answer.headers if name.startswith("access-control")], path
    assert flow.http.options("/token", headers=preflight).headers["access-control-allow-origin"] == "*"


def test_an_answer_that_holds_a_token_is_not_kept(flow: Flow) -> None:
    flow.register()
    assert flow.exchange(flow.callback()["code"]).headers["cache-control"] == "no-store"
    login = flow.http.post("/auth/login", json={"username": "demo", "password": "demo"})
    assert login.headers["cache-control"] == "no-store"
    assert flow.probe(login.json()["access_token"]).headers["cache-control"] == "no-store"
