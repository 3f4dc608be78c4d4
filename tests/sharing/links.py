"""An owner who shares, and a guest with the link, over plain HTTP."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx
from harness.workerd import Workerd
from oauth.flow import Flow

LINK = re.compile(r"(https?://[^<\s]+/share/bmsh_[^<\s/]+)<")
FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
END = re.compile(r'name="end" value="([^"]+)"[^>]*aria-label="End the share for ([^"]*)"')


@dataclass(frozen=True)
class Link:
    """`url` is what the owner sends."""

    url: str

    @property
    def secret(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"


def sent(method: str, url: str, **options: Any) -> httpx.Response:
    """What a request without any cookie of before is answered with."""
    return httpx.request(method, url, timeout=30, **options)


class Sharer:
    """An owner who is signed in."""

    def __init__(self, server: Workerd, username: str = "demo", password: str | None = None) -> None:
        flow = Flow(server.url)
        assert flow.sign_in(username, password).status_code == 303
        self.http = flow.browser

    def form_token(self, page: str = "/shares") -> str:
        found = FORM_TOKEN.search(self.http.get(page).text)
        assert found is not None
        return found[1]

    def post(self, **fields: Any) -> httpx.Response:
        return self.http.post("/shares", data={"form_token": self.form_token(), **fields})

    def share(self, blender: str, may: str = "watch", name: str = "Ada", minutes: int = 60) -> Link:
        page = self.post(name=name, blender=blender, may=may, minutes=minutes)
        found = LINK.search(page.text)
        assert page.status_code == 200 and found, page.text
        return Link(found[1])

    def listed(self) -> dict[str, str]:
        """The live links: id by name."""
        return {name: share_id for share_id, name in END.findall(self.http.get("/shares").text)}

    def end(self, name: str) -> None:
        page = self.post(end=self.listed()[name])
        assert "The share has ended" in page.text

    def answers(self, job_id: str, action: str) -> str:
        """Allows or refuses a job on the dashboard."""
        fields = {"form_token": self.form_token("/dashboard"), "job_id": job_id, "action": action}
        return self.http.post("/dashboard", data=fields, headers={"X-Dashboard-Part": "1"}).text


class Guest:
    """A browser that has opened a link."""

    def __init__(self, link: Link) -> None:
        self.http = httpx.Client(timeout=30)
        self.base = link.url.partition("/share/")[0]
        self.arrival = self.http.get(link.url)
        self.home = self.arrival.headers.get("location", "")

    def get(self, query: str = "", **headers: str) -> httpx.Response:
        return self.http.get(f"{self.base}{self.home}{query}", headers=headers)

    def form_token(self) -> str:
        found = FORM_TOKEN.search(self.get().text)
        assert found is not None
        return found[1]

    def post(self, **fields: Any) -> httpx.Response:
        return self.http.post(f"{self.base}{self.home}", data={"form_token": self.form_token(), **fields})
