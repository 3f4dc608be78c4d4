"""The pages in a real browser: by keyboard alone, at the width of a phone, in light and dark.

`BUS_PICTURES=folder` keeps a picture of each page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from harness.chromium import Chromium

from .accounts import SETUP_CODE, Started, sign_up
from .flow import Flow
from .test_device import Device

Picture = Callable[[str], None]

# The contrast of every piece of text with what lies behind it (WCAG 2.2, 1.4.3 asks for 4.5), the smallest of the page.
CONTRAST = """(() => {
  const rgb = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (it) => { for (; it; it = it.parentElement) {
    const color = rgb(getComputedStyle(it).backgroundColor); if (color.length === 3 || color[3] === 1) return color; }
    return [255, 255, 255]; };
  const texts = [...document.querySelectorAll('main *')].filter((it) =>
    [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return Math.min(...texts.map((it) => {
    const [a, b] = [light(rgb(getComputedStyle(it).color)), light(behind(it))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05); }));
})()"""
# Fields without a name for who does not see them, and what is wider than the window.
UNNAMED = "[...document.querySelectorAll('input:not([type=hidden])')].filter(it => !it.labels.length).length"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL = "[...document.querySelectorAll('button:not(.link),.button')].filter(it => it.offsetHeight < 40).length"


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    with Chromium(tmp_path) as running:
        yield running


@pytest.fixture
def picture(chromium: Chromium) -> Picture:
    def keep(name: str) -> None:
        if folder := os.environ.get("BUS_PICTURES"):
            chromium.picture(Path(folder) / f"{name}.png")

    return keep


@pytest.fixture
def callback() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """A client's own page, and what came to it."""
    came: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if urlsplit(self.path).path == "/callback":
                came.append(parse_qs(urlsplit(self.path).query))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"back at the client")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/callback", came
    server.shutdown()
    server.server_close()


def sign_in(chromium: Chromium, password: str = "demo") -> None:
    """By keyboard: the field to begin with has the focus already."""
    chromium.await_focus("username")
    chromium.type("demo")
    chromium.tab_to("password")
    chromium.type(password)
    chromium.press("Enter")


def test_by_keyboard_alone_from_a_wrong_password_to_consent_and_out(
    chromium: Chromium, picture: Picture, flow: Flow, callback: tuple[str, list[dict[str, list[str]]]]
) -> None:
    flow.redirect, came = callback
    flow.register(client_name="A client with a name")
    chromium.go(flow.base + flow.authorize_url())
    picture("login")
    sign_in(chromium, "wrong")
    chromium.see("User name or password is wrong.")
    assert chromium.value("document.querySelector('[name=username]').value") == "demo"
    chromium.await_focus("password")
    picture("wrong-password")
    chromium.type("demo")
    chromium.press("Enter")
    chromium.see("Allow A client with a name to use your Blender?")
    picture("consent")
    chromium.tab_to("Allow")
    chromium.press("Enter")
    chromium.see("back at the client")
    assert "code" in came[-1] and came[-1]["iss"] == [flow.base]
    flow.register(client_name="Another client")
    chromium.go(flow.base + flow.authorize_url(prompt="consent"))
    chromium.see("Allow Another client")
    chromium.tab_to("Deny")
    chromium.press("Enter")
    chromium.see("back at the client")
    assert came[-1]["error"] == ["access_denied"]
    chromium.go(flow.base + "/login")
    chromium.see("You are signed in")
    picture("signed-in")
    chromium.tab_to("Sign out")
    chromium.press("Space")
    chromium.see("Sign in to Blender Bus")
    chromium.go(flow.base + "/account")
    chromium.see("Sign in to Blender Bus")


def test_a_device_is_allowed_by_keyboard(chromium: Chromium, picture: Picture, flow: Flow) -> None:
    device = Device(flow)
    chromium.go(device.begun["verification_uri_complete"])
    sign_in(chromium)
    chromium.see("Sign a device in")
    picture("device-code")
    chromium.await_focus("Continue")
    assert chromium.value("document.querySelector('.code').value") == device.code
    chromium.press("Enter")
    chromium.see("Sign Blender in as demo?")
    picture("device-consent")
    chromium.tab_to("Allow")
    chromium.press("Enter")
    chromium.see("The device is signed in")
    picture("device-done")
    assert device.poll().status_code == 200


def test_an_account_is_deleted_by_keyboard(chromium: Chromium, started: Started) -> None:
    flow, _ = started(SIGNUP="open")
    sign_up(flow, "demo", "demo demo demo")
    chromium.go(flow.base + "/account")
    sign_in(chromium, "demo demo demo")
    chromium.see("Account of demo")
    chromium.tab_to("username")
    chromium.type("demo")
    chromium.tab_to("password")
    chromium.type("demo demo demo")
    chromium.tab_to("Delete the account")
    chromium.press("Enter")
    chromium.see("The account is deleted")
    chromium.go(flow.base + "/account")
    chromium.see("Sign in to Blender Bus")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_every_page_fits_and_can_be_read(
    chromium: Chromium, picture: Picture, started: Started, scheme: str, width: int
) -> None:
    provider = {"OIDC_ISSUER": "https://sso.example.com", "OIDC_CLIENT_ID": "bus", "OIDC_NAME": "Example SSO"}
    flow, _ = started(SIGNUP="invite", SETUP_CODE=SETUP_CODE, **provider)
    sign_up(flow, "demo", "demo demo demo", code=SETUP_CODE)
    flow.register(client_name="Averyveryveryveryverylongnamewithoutanyspacetobreakitat and then some more words")
    chromium.size(width, 800, phone=width < 600)
    chromium.scheme(scheme)

    def looks_right(name: str) -> None:
        chromium.settle()
        picture(f"{name}-{width}-{scheme}")
        assert chromium.value(OVERFLOW) <= 0, f"{name} is wider than the window"
        assert chromium.value(UNNAMED) == 0 and chromium.value(SMALL) == 0, name
        assert chromium.value(CONTRAST) >= 4.5, f"{name}: {chromium.value(CONTRAST)}"
        assert chromium.value("document.querySelectorAll('h1').length") == 1
        assert chromium.value("document.documentElement.lang") == "en"

    for name, path in [("home", "/"), ("login", "/login"), ("sign-up", "/signup"), ("refusal", "/authorize")]:
        chromium.go(flow.base + path)
        looks_right(name)
    chromium.go(flow.base + "/login")
    sign_in(chromium, "a wrong one")
    chromium.see("is wrong")
    chromium.await_focus("password")
    looks_right("wrong-password")
    chromium.type("demo demo demo")
    chromium.press("Enter")
    chromium.see("You are signed in")
    code = Device(flow).code
    for name, path in [
        ("signed-in", "/login"),
        ("account", "/account"),
        ("tokens", "/tokens"),
        ("device-code", "/device"),
        ("consent", flow.authorize_url()),
    ]:
        chromium.go(flow.base + path)
        looks_right(name)
    chromium.go(f"{flow.base}/device?user_code={code}")
    chromium.await_focus("Continue")
    chromium.press("Enter")
    chromium.see("If somebody sent you the code")
    looks_right("device-consent")
