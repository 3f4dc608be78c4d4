"""The OAuth code flow step by step over plain HTTP, so that a test can leave a step out or bend it."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from harness.browser import Form, Page

REDIRECT = "http://localhost:54321/callback"


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified."""
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(claims, dict)
    return claims


@dataclass
class Flow:
    """One client and one browser. `http` is the client, `browser` keeps cookies."""

    base: str
    redirect: str = REDIRECT
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    client_id: str = ""
    http: httpx.Client = field(init=False)
    browser: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.base, timeout=20)
        self.browser = httpx.Client(base_url=self.base, timeout=20)

    def register(self, **metadata: Any) -> httpx.Response:
        body = {"redirect_uris": [self.redirect], "client_name": "Test client"} | metadata
        answer = self.http.post("/register", json=body)
        if answer.status_code == 201:
            self.client_id = answer.json()["client_id"]
        return answer

    def request(self, **changes: str | None) -> dict[str, str]:
        """The parameters of the authorization request; None leaves one out."""
        assert self.client_id, "register first"
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            "state": "st&te=1 2",
        }
        return {name: value for name, value in (parameters | changes).items() if value is not None}

    def authorize_url(self, **changes: str | None) -> str:
        return "/authorize?" + urlencode(self.request(**changes))

    def sign_in(self, username: str = "demo", password: str | None = None) -> httpx.Response:
        form = self.form(self.browser.get("/login"))
        return self.submit(form, username=username, password=password or username)

    @staticmethod
    def form(page: httpx.Response) -> Form:
        form = Page(page.text).main_form()
        assert form is not None, f"{page.status_code}: no form in\n{page.text}"
        return form

    def submit(self, form: Form, headers: dict[str, str] | None = None, **changes: str) -> httpx.Response:
        return self.browser.post(form.action, data=dict(form.fields) | changes, headers=headers)

    def consent_page(self, **changes: str | None) -> httpx.Response:
        """The consent page of a browser that signs in first, if it has not yet."""
        page = self.browser.get(self.authorize_url(**changes))
        form = self.form(page)
        if form.password_fields:
            page = self.submit(form, username="demo", password="demo")
            assert page.status_code == 303, page.text
            page = self.browser.get(page.headers["location"])
        return page

    def callback(self, decision: str = "allow", **changes: str | None) -> dict[str, str]:
        """What the redirect brings to the client."""
        answer = self.submit(self.form(self.consent_page(**changes)), decision=decision)
        assert answer.status_code == 303, answer.text
        return self.parameters(answer)

    def parameters(self, answer: httpx.Response) -> dict[str, str]:
        location = answer.headers["location"]
        assert location.split("?")[0] == self.redirect, location
        return {name: value for name, [value] in parse_qs(urlsplit(location).query).items()}

    def exchange(self, code: str, **changes: str | None) -> httpx.Response:
        parameters: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": self.redirect,
            "code_verifier": self.verifier,
        }
        return self.http.post("/token", data={k: v for k, v in (parameters | changes).items() if v is not None})

    def refresh(self, token: str, **changes: str | None) -> httpx.Response:
        parameters: dict[str, str | None] = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": self.client_id,
        }
        return self.http.post("/token", data={k: v for k, v in (parameters | changes).items() if v is not None})

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        """Registers, signs in, consents and exchanges."""
        self.register()
        answer = self.exchange(self.callback(**changes)["code"])
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        assert isinstance(tokens, dict)
        return tokens

    def probe(self, token: str, path: str = "/mcp") -> httpx.Response:
        """What the MCP endpoint says to a token, to a request that is no MCP."""
        return self.http.post(path, headers={"Authorization": f"Bearer {token}"}, content=b"{}")


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and `error`, with the form that every OAuth error has."""
    body = answer.json()
    assert set(body) == {"error", "error_description"} and body["error_description"], body
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, body["error"]
