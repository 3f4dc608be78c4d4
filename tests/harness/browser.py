#!/usr/bin/env python3
"""A browser without a screen, for sign-in: it follows pages and their forms by HTTP as a person would.

As a program it is what `BROWSER` names: given an authorize URL it goes to the background, signs in as
`$BUS_USERNAME` / `$BUS_PASSWORD` (demo / demo), agrees to whatever is asked and ends at the client's loopback callback;
what it did goes to the file `$BUS_BROWSER_LOG`. As a module, `Browser` does the same step by step. It knows nothing of
this project's pages: it fills in what looks like a user name and a password, keeps hidden fields, and presses the
button that agrees. Only the standard library is used, so any Python can run it.
"""

from __future__ import annotations

import os
import re
import sys
import time
import traceback
from dataclasses import dataclass, field
from email.message import Message
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, OpenerDirector, Request, build_opener

TIMEOUT_SECONDS = 15
MAX_STEPS = 12  # redirects and forms between the first page and the callback
AGREE = re.compile(r"allow|approve|authori[sz]e|accept|agree|continue|connect|sign.?in|log.?in|yes", re.IGNORECASE)
REFUSE = re.compile(r"deny|cancel|refuse|reject|sign.?up|log.?out|sign.?out|\bno\b", re.IGNORECASE)


@dataclass
class Button:
    name: str | None
    value: str
    label: str = ""


@dataclass
class Form:
    """A form as the page has it: where it goes, its fields with their present values, its buttons."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    text_fields: list[str] = field(default_factory=list)
    password_fields: list[str] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    def filled_in(self, username: str, password: str, *, agree: bool = True) -> list[tuple[str, str]]:
        """The name-value pairs a browser would send after the user typed and pressed the button."""
        typed = dict.fromkeys(self.password_fields, password)
        if self.password_fields and self.text_fields:
            typed[self.text_fields[0]] = username
        pairs = [(name, typed.get(name, value)) for name, value in self.fields]
        button = self.button(agree=agree)
        return pairs + ([(button.name, button.value)] if button and button.name else [])

    def button(self, *, agree: bool) -> Button | None:
        wanted, unwanted = (AGREE, REFUSE) if agree else (REFUSE, AGREE)
        says = {id(button): f"{button.label} {button.value}" for button in self.buttons}
        willing = [button for button in self.buttons if not unwanted.search(says[id(button)])]
        return next((button for button in willing if wanted.search(says[id(button)])), next(iter(willing), None))


class Page(HTMLParser):
    """The forms of a page, and where a meta refresh leads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.refresh: str | None = None
        self._form: Form | None = None
        self._button: Button | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.refresh = given.get("content", "").partition("=")[2].strip("'\" ") or None
        elif tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is not None and tag == "input":
            self._input(self._form, given)
        elif self._form is not None and tag == "button" and given.get("type", "submit") == "submit":
            self._button = Button(given.get("name"), given.get("value", ""))
            self._form.buttons.append(self._button)

    @staticmethod
    def _input(form: Form, given: dict[str, str]) -> None:
        kind, name, value = given.get("type", "text").lower(), given.get("name"), given.get("value", "")
        if kind in ("submit", "image"):
            form.buttons.append(Button(name, value, value))
        elif name and not (kind in ("checkbox", "radio") and "checked" not in given):
            form.fields.append((name, value or ("on" if kind == "checkbox" else "")))
            if kind == "password":
                form.password_fields.append(name)
            elif kind in ("text", "email"):
                form.text_fields.append(name)

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self._button.label += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "button":
            self._button = None

    def main_form(self) -> Form | None:
        """The form a person would use here: the one for the password, else the first that can be agreed to."""
        posts = [form for form in self.forms if form.method == "post"]
        signing_in = [form for form in posts if form.password_fields]
        agreeing = [form for form in posts if form.button(agree=True) is not None]
        return next(iter(signing_in or agreeing or posts), None)


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str) -> None:
        return None


@dataclass
class Step:
    """One exchange: what was asked for and what came."""

    method: str
    url: str
    status: int
    location: str | None
    html: str


class Browser:
    """Keeps cookies between requests, treats loopback as secure (as browsers do), and sends an Origin with forms."""

    def __init__(self, username: str = "demo", password: str = "demo") -> None:
        self.username, self.password = username, password
        self.steps: list[Step] = []
        self.cookies = CookieJar(DefaultCookiePolicy(secure_protocols=("https", "http")))
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(self.cookies), _NoRedirect())

    def fetch(self, url: str, form: list[tuple[str, str]] | None = None) -> Step:
        """GET, or POST of a form; redirects are returned, not followed."""
        request = Request(url, data=None if form is None else urlencode(form).encode())
        request.add_header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        request.add_header("User-Agent", "Mozilla/5.0 (bus-tests)")
        if form is not None:
            parts = urlsplit(url)
            request.add_header("Origin", f"{parts.scheme}://{parts.netloc}")
            request.add_header("Sec-Fetch-Site", "same-origin")
        try:
            answer = self._opener.open(request, timeout=TIMEOUT_SECONDS)
        except HTTPError as error:
            answer = error
        with answer:
            html = answer.read().decode(errors="replace")
            location = answer.headers.get("Location")
            step = Step(request.get_method(), url, answer.status or 0, location and urljoin(url, location), html)
        self.steps.append(step)
        return step

    def sign_in(self, url: str, *, agree: bool = True) -> str:
        """Goes from an authorize URL through login and consent; returns the callback URL, without calling it.

        `agree=False` presses the button that refuses, where there is one.
        """
        server = urlsplit(url).netloc
        step = self.fetch(url)
        for _ in range(MAX_STEPS):
            if step.location is not None and urlsplit(step.location).netloc != server:
                return step.location
            if step.location is not None:
                step = self.fetch(step.location)
                continue
            page = Page(step.html)
            form = page.main_form()
            if form is not None and step.status == 200:
                pairs = form.filled_in(self.username, self.password, agree=agree or bool(form.password_fields))
                step = self.fetch(urljoin(step.url, form.action), pairs)
            elif page.refresh is not None:
                target = urljoin(step.url, page.refresh)
                if urlsplit(target).netloc != server:
                    return target
                step = self.fetch(target)
            else:
                break
        raise RuntimeError(f"no way on from {step.url}\n{self.account()}\n{step.html[:2000]}")

    def account(self) -> str:
        """What happened, a line a request."""
        return "\n".join(f"{step.method} {step.url} -> {step.status} {step.location or ''}" for step in self.steps)


def go_back(browser: Browser, callback: str) -> None:
    """Calls the client. It may not listen yet: no person is as quick as this."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            browser.fetch(callback)
            return
        except URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > end:
                raise
        time.sleep(0.1)


def main() -> int:
    if len(sys.argv) != 2:
        print(f"usage: {Path(sys.argv[0]).name} URL", file=sys.stderr)
        return 2
    if os.fork() > 0:
        return 0  # the caller waits for its browser, and answers the callback only after that
    os.setsid()
    browser = Browser(os.environ.get("BUS_USERNAME", "demo"), os.environ.get("BUS_PASSWORD", "demo"))
    outcome = "signed in\n"
    try:
        go_back(browser, browser.sign_in(sys.argv[1]))
    except Exception:
        outcome = traceback.format_exc()
    if log := os.environ.get("BUS_BROWSER_LOG"):
        with Path(log).open("a") as file:
            file.write(f"{browser.account()}\n{outcome}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
