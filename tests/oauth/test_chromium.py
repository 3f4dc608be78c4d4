"""The pages in a real browser: by keyboard alone, at the width of a phone, in light and dark."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from harness.visitor import Visitor
from playwright.async_api import expect

from .accounts import SETUP_CODE, Started, sign_up
from .flow import Flow
from .test_device import Device

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

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/callback", came
    server.shutdown()
    server.server_close()


@pytest.fixture
async def visitor(flow: Flow) -> AsyncIterator[Visitor]:
    async with Visitor.at(flow.base) as visitor:
        yield visitor


async def sign_in(visitor: Visitor, password: str = "demo") -> None:
    """By keyboard: the field to begin with has the focus already."""
    await expect(visitor.input("username")).to_be_focused()
    await visitor.types("demo")
    await visitor.tabs_to(visitor.input("password"))
    await visitor.types(password)
    await visitor.presses("Enter")


async def test_by_keyboard_alone_from_a_wrong_password_to_consent_and_out(
    visitor: Visitor, flow: Flow, callback: tuple[str, list[dict[str, list[str]]]]
) -> None:
    flow.redirect, came = callback
    flow.register(client_name="A client with a name")
    await visitor.opens(flow.authorize_url())
    await visitor.picture("login")
    await sign_in(visitor, "wrong")
    await visitor.sees("User name or password is wrong.")
    assert await visitor.input("username").input_value() == "demo"
    await expect(visitor.input("password")).to_be_focused()
    await visitor.picture("wrong-password")
    await visitor.types("demo")
    await visitor.presses("Enter")
    await visitor.sees("Allow A client with a name to use your Blender?")
    await visitor.picture("consent")
    await visitor.tabs_to(visitor.button("Allow"))
    await visitor.presses("Enter")
    await visitor.sees("back at the client")
    assert "code" in came[-1] and came[-1]["iss"] == [flow.base]
    flow.register(client_name="Another client")
    await visitor.opens(flow.authorize_url(prompt="consent"))
    await visitor.sees("Allow Another client")
    await visitor.tabs_to(visitor.button("Deny"))
    await visitor.presses("Enter")
    await visitor.sees("back at the client")
    assert came[-1]["error"] == ["access_denied"]
    await visitor.opens("/login")
    await visitor.sees("You are signed in")
    await visitor.picture("signed-in")
    await visitor.tabs_to(visitor.button("Sign out"))
    await visitor.presses("Space")
    await visitor.sees("Sign in to Blender Bus")
    await visitor.opens("/account")
    await visitor.sees("Sign in to Blender Bus")


async def test_a_device_is_allowed_by_keyboard(visitor: Visitor, flow: Flow) -> None:
    device = Device(flow)
    await visitor.opens(device.begun["verification_uri_complete"])
    await sign_in(visitor)
    await visitor.sees("Sign a device in")
    await visitor.picture("device-code")
    await expect(visitor.button("Continue")).to_be_focused()
    assert await visitor.input("user_code").input_value() == device.code
    await visitor.presses("Enter")
    await visitor.sees("Sign Blender in as demo?")
    await visitor.picture("device-consent")
    await visitor.tabs_to(visitor.button("Allow"))
    await visitor.presses("Enter")
    await visitor.sees("The device is signed in")
    await visitor.picture("device-done")
    assert device.poll().status_code == 200


async def test_an_account_is_deleted_by_keyboard(started: Started) -> None:
    flow, _ = started(SIGNUP="open")
    sign_up(flow, "demo", "demo demo demo")
    async with Visitor.at(flow.base) as visitor:
        await visitor.opens("/account")
        await sign_in(visitor, "demo demo demo")
        await visitor.sees("Account of demo")
        await visitor.tabs_to(visitor.input("username"))
        await visitor.types("demo")
        await visitor.tabs_to(visitor.input("password"))
        await visitor.types("demo demo demo")
        await visitor.tabs_to(visitor.button("Delete the account"))
        await visitor.presses("Enter")
        await visitor.sees("The account is deleted")
        await visitor.opens("/account")
        await visitor.sees("Sign in to Blender Bus")


async def looks_right(visitor: Visitor, name: str, look: str) -> None:
    await visitor.picture(f"{name}-{look}")
    told = visitor.page.evaluate
    assert await told(OVERFLOW) <= 0, f"{name} is wider than the window"
    assert await told(UNNAMED) == 0 and await told(SMALL) == 0, name
    assert (contrast := await told(CONTRAST)) >= 4.5, f"{name}: {contrast}"
    assert await told("document.querySelectorAll('h1').length") == 1
    assert await told("document.documentElement.lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_every_page_fits_and_can_be_read(started: Started, scheme: str, width: int) -> None:
    provider = {"OIDC_ISSUER": "https://sso.example.com", "OIDC_CLIENT_ID": "bus", "OIDC_NAME": "Example SSO"}
    flow, _ = started(SIGNUP="invite", SETUP_CODE=SETUP_CODE, **provider)
    sign_up(flow, "demo", "demo demo demo", code=SETUP_CODE)
    flow.register(client_name="Averyveryveryveryverylongnamewithoutanyspacetobreakitat and then some more words")
    window = {"viewport": {"width": width, "height": 800}, "is_mobile": width < 600, "color_scheme": scheme}
    look = f"{width}-{scheme}"
    async with Visitor.at(flow.base, **window) as visitor:
        for name, path in [("home", "/"), ("login", "/login"), ("sign-up", "/signup"), ("refusal", "/authorize")]:
            await visitor.opens(path)
            await looks_right(visitor, name, look)
        await visitor.opens("/login")
        await sign_in(visitor, "a wrong one")
        await visitor.sees("is wrong")
        await expect(visitor.input("password")).to_be_focused()
        await looks_right(visitor, "wrong-password", look)
        await visitor.types("demo demo demo")
        await visitor.presses("Enter")
        await visitor.sees("You are signed in")
        code = Device(flow).code
        for name, path in [
            ("signed-in", "/login"),
            ("account", "/account"),
            ("tokens", "/tokens"),
            ("device-code", "/device"),
            ("consent", flow.authorize_url()),
        ]:
            await visitor.opens(path)
            await looks_right(visitor, name, look)
        await visitor.opens(f"/device?user_code={code}")
        await expect(visitor.button("Continue")).to_be_focused()
        await visitor.presses("Enter")
        await visitor.sees("If somebody sent you the code")
        await looks_right(visitor, "device-consent", look)
