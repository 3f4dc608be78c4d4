"""An owner at the page of notifications, without a browser, and a Blender that asks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import httpx
from harness.browser import Page
from harness.peer import Peer

from .push_service import Browser

PATH = "/account/notifications"
ASKS = {"blender-bus/asks": "consent"}


@dataclass
class Owner:
    """One browser's cookies at one server."""

    base: str
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.base, timeout=20)

    def sign_in(self, username: str = "demo", password: str | None = None) -> Owner:
        form = Page(self.http.get("/login").text).main_form()
        assert form is not None
        fields = dict(form.fields) | {"username": username, "password": password or username}
        assert self.http.post(form.action, data=fields).status_code == 303
        return self

    def page(self) -> str:
        answer = self.http.get(PATH)
        assert answer.status_code == 200, answer.text
        return answer.text

    def token(self) -> str:
        found = re.search(r'name="form_token" value="([^"]+)"', self.page())
        assert found is not None
        return found[1]

    def post(self, action: str, **fields: Any) -> httpx.Response:
        return self.http.post(PATH, data={"form_token": self.token(), "action": action, **fields})

    def add(self, browser: Browser, *kinds: str) -> str:
        """Has a browser told. Returns its id in the list."""
        answer = self.post("add", **browser.fields, kind=list(kinds or ("asks", "ends")))
        assert answer.status_code == 200 and "tells you from now on" in answer.text, answer.text
        return self.ids()[-1]

    def ids(self) -> list[str]:
        return re.findall(r'name="browser" value="([^"]+)"', self.page())

    def sign_out(self) -> None:
        [form] = [form for form in Page(self.http.get("/tokens").text).forms if form.action.endswith("/logout")]
        assert self.http.post("/logout", data=dict(form.fields)).status_code == 303


async def asks(peer: Peer, job_id: str, message: str = "waits for its owner") -> None:
    """As the extension does where its policy is to ask before code."""
    params = {"progressToken": job_id, "progress": 0, "message": message, "_meta": ASKS}
    await peer.send({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
