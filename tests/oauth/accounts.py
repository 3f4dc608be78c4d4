"""Making accounts at a server and signing in to them."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
from harness.workerd import Workerd

from .flow import Flow

SETUP_CODE = "a setup code of the operator"
Started = Callable[..., tuple[Flow, Workerd]]


def sign_up(flow: Flow, username: str, password: str = "correct horse", code: str = "") -> httpx.Response:
    form = flow.form(flow.browser.get("/signup", params={"code": code} if code else {}))
    return flow.submit(form, username=username, password=password)


def login(flow: Flow, username: str, password: str = "correct horse") -> httpx.Response:
    return flow.http.post("/auth/login", json={"username": username, "password": password})


def setup_code(flow: Flow, server: Workerd) -> str:
    """As the operator finds it in the log of the first start."""
    flow.http.post("/register", json={"redirect_uris": [flow.redirect]})
    codes = setup_codes(server)
    assert len(codes) == 1, codes
    return codes[0]


def setup_codes(server: Workerd) -> list[str]:
    return re.findall(r"/signup with this setup code: (\S+)", server.log_text(100_000))
