"""Remembered consent, `prompt`, and taking back at /clients what was allowed."""

from __future__ import annotations

import re

import httpx
import pytest
from harness.mcp import LegacySession, login
from harness.peer import Peer
from harness.workerd import Workerd

from .flow import Flow, error_of

WEB = "https://app.acme.dev/callback"


@pytest.fixture
def web(flow: Flow) -> Flow:
    """A client whose redirect is https, in a browser that is signed in."""
    flow.redirect = WEB
    flow.register(client_name="Acme's app")
    flow.sign_in()
    return flow


def asked(flow: Flow, **changes: str | None) -> bool:
    """Whether the browser is shown the consent page; otherwise it goes straight back to the client, with a code."""
    answer = flow.browser.get(flow.authorize_url(**changes))
    if answer.status_code == 200:
        assert "to use your Blender?" in answer.text
        return True
    callback = flow.parameters(answer)
    assert flow.exchange(callback["code"], redirect_uri=flow.redirect).status_code == 200, callback
    return False


def prompt_none(flow: Flow, **changes: str | None) -> str:
    """The error that a client gets that wants nobody to be asked, or `code`."""
    callback = flow.parameters(flow.browser.get(flow.authorize_url(prompt="none", **changes)))
    assert callback["iss"] == flow.base and callback["state"] == "st&te=1 2"
    return callback.get("error", "code")


def revoke_button(flow: Flow, name: str) -> dict[str, str]:
    """What the button beside a client's name sends."""
    page = flow.browser.get("/clients").text
    rows = re.findall(r"<form method=\"post\" action=\"/clients\".*?</form>", page, re.DOTALL)
    [row] = [row for row in rows if f"<bdi>{name}</bdi>" in row]
    return {name: value for name, value in re.findall(r'name="(form_token|revoke)" value="([^"]*)"', row)}


def revoke_at_the_page(flow: Flow, name: str) -> None:
    answer = flow.browser.post("/clients", data=revoke_button(flow, name))
    assert answer.status_code == 200 and "It is revoked." in answer.text


def test_a_user_who_has_agreed_is_not_asked_again(web: Flow) -> None:
    page = web.consent_page()
    assert "You will not be asked again" in page.text
    assert "code" in web.callback()
    assert not asked(web) and not asked(web, scope="bus:read")


def test_a_wider_scope_is_asked_about(web: Flow) -> None:
    web.callback(scope="bus:read")
    assert not asked(web, scope="bus:read")
    assert asked(web, scope="bus:read peer") and asked(web)


def test_denying_is_not_remembered(web: Flow) -> None:
    assert web.callback("deny")["error"] == "access_denied"
    assert asked(web)


def test_another_client_with_the_same_redirect_is_asked_about(web: Flow) -> None:
    web.callback()
    web.register(client_name="Acme's app, or so it says")
    assert asked(web)


def test_another_redirect_of_the_client_is_asked_about(flow: Flow) -> None:
    flow.redirect = WEB
    other = "https://other.acme.dev/callback"
    flow.register(redirect_uris=[WEB, other])
    flow.sign_in()
    flow.callback()
    flow.redirect = other
    assert asked(flow)


def test_a_consent_is_of_one_user(web: Flow) -> None:
    web.callback()
    web.browser = httpx.Client(base_url=web.base, timeout=20)
    web.sign_in("ada", "lovelace")
    assert asked(web)


@pytest.mark.parametrize(
    "redirect",
    [
        "http://localhost:54321/callback",
        "http://127.0.0.1/cb",
        "cursor://app/callback",
        "https://localhost/cb",
        "https://127.0.0.1:8443/cb",
        "https://[::1]/cb",
        "https://192.168.1.1/cb",
    ],
)
def test_a_redirect_that_other_programs_could_have_is_asked_about_each_time(flow: Flow, redirect: str) -> None:
    flow.redirect = redirect
    flow.register()
    flow.sign_in()
    assert "You will not be asked again" not in flow.consent_page().text
    code = flow.callback()["code"]
    assert flow.exchange(code, redirect_uri=redirect).status_code == 200
    assert asked(flow)
    assert prompt_none(flow) == "interaction_required"


def test_prompt_none_asks_nobody(web: Flow) -> None:
    assert web.browser.get(web.authorize_url(prompt="none")).status_code == 400
    web.callback(scope="bus:read")
    assert prompt_none(web) == "consent_required" and prompt_none(web, scope="bus:read") == "code"
    web.browser.cookies.clear()
    assert web.browser.get(web.authorize_url(prompt="none", scope="bus:read")).status_code == 400


def test_prompt_consent_asks_again(web: Flow) -> None:
    web.callback()
    assert asked(web, prompt="consent") and not asked(web)


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_prompt_login_asks_for_the_password_but_not_for_consent(web: Flow, prompt: str) -> None:
    web.callback()
    form = web.form(web.browser.get(web.authorize_url(prompt=prompt)))
    assert form.password_fields
    answer = web.submit(form, username="demo", password="demo")
    assert "code" in web.parameters(web.browser.get(answer.headers["location"]))


def test_prompt_login_consent_asks_for_both(web: Flow) -> None:
    web.callback()
    form = web.form(web.browser.get(web.authorize_url(prompt="login consent")))
    answer = web.submit(form, username="demo", password="demo")
    assert "to use your Blender?" in web.browser.get(answer.headers["location"]).text


async def test_revoking_at_the_page_ends_what_the_client_holds_and_forgets_it(web: Flow, server: Workerd) -> None:
    tokens = web.exchange(web.callback(scope="bus:read bus:dispatch peer")["code"]).json()
    async with Peer(server.ws_url, tokens["access_token"], "b1") as peer:
        revoke_at_the_page(web, "Acme&#39;s app")
        assert (await peer.closed(5))[0] == 4401
    assert error_of(web.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert "Acme" not in web.browser.get("/clients").text
    assert asked(web)


async def test_what_was_signed_in_by_password_is_listed_and_revocable(web: Flow, server: Workerd) -> None:
    token = await login(server.url)
    async with LegacySession(f"{server.url}/mcp", token) as session:
        revoke_at_the_page(web, "Signed in by password")
        assert (await session.request("ping")).status == 401


def test_a_revoke_form_from_elsewhere_is_refused(web: Flow) -> None:
    web.callback()
    sent = revoke_button(web, "Acme&#39;s app")
    assert web.browser.post("/clients", data=sent | {"form_token": "A" * 43}).status_code == 403
    cross = web.browser.post("/clients", data=sent, headers={"Origin": "https://evil.example"})
    assert cross.status_code == 403
    other = Flow(web.base)
    other.sign_in("ada", "lovelace")
    assert other.browser.post("/clients", data=sent).status_code == 403
    assert not asked(web), "it is still allowed"
    nobody = httpx.get(web.base + "/clients")
    assert nobody.status_code == 303 and nobody.headers["location"] == "/login?return_to=/clients"
