"""Login and consent as a browser meets them: forms that cannot be forged, pages that cannot be framed."""

from __future__ import annotations

import re

import httpx
import pytest

from .flow import Flow


def test_pages_load_nothing_run_nothing_and_are_not_framed(flow: Flow) -> None:
    flow.register()
    for page in [flow.browser.get("/login"), flow.consent_page(), flow.browser.get("/authorize")]:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert page.headers["x-frame-options"] == "DENY" and page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store" and "<script" not in page.text


def test_the_consent_page_may_only_lead_back_here_or_to_the_client(flow: Flow) -> None:
    flow.register()
    policy = flow.consent_page().headers["content-security-policy"]
    assert "form-action 'self' http://localhost:54321;" in policy


def test_the_consent_page_names_client_destination_and_abilities(flow: Flow) -> None:
    flow.register(client_name='<img src=x onerror="alert(1)">')
    text = flow.consent_page(scope="bus:dispatch").text
    assert "<img" not in text and "&#60;img" in text
    assert "a program on this computer" in text and "run any command" in text and "attach to your bus" not in text
    flow.redirect = "https://app.example/cb"
    flow.register()
    assert "app.example" in flow.consent_page().text
    flow.redirect = "cursor://anysphere.cursor/callback"
    flow.register()
    page = flow.consent_page()
    assert "cursor:" in page.text and "form-action 'self' cursor:;" in page.headers["content-security-policy"]


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(flow: Flow) -> None:
    cookie = flow.sign_in().headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Domain" not in cookie


def test_a_wrong_password_says_nothing_about_the_name(flow: Flow) -> None:
    answers = {name: flow.sign_in(name, "wrong") for name in ("demo", "nobody")}
    bodies = {name: re.sub(r'value="[^"]*"', "", answer.text) for name, answer in answers.items()}
    assert {answer.status_code for answer in answers.values()} == {403}
    assert bodies["demo"].replace(" autofocus", "") == bodies["nobody"].replace(" autofocus", "")
    assert "set-cookie" not in answers["demo"].headers


def test_a_login_form_from_elsewhere_is_refused(flow: Flow) -> None:
    form = flow.form(flow.browser.get("/login"))
    credentials = {"username": "demo", "password": "demo"}
    stranger = httpx.post(flow.base + "/login", data=dict(form.fields) | credentials)
    assert stranger.status_code == 403, "without the cookie of the page"
    assert flow.submit(form, form_token="A" * 43, **credentials).status_code == 403
    assert flow.submit(form, return_to="/dashboard", **credentials).status_code == 403
    for headers in [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]:
        assert flow.submit(form, headers=headers, **credentials).status_code == 403
    assert flow.submit(form, headers={"Origin": flow.base}, **credentials).status_code == 303


def test_a_consent_form_cannot_be_forged_or_changed(flow: Flow) -> None:
    flow.register()
    form = flow.form(flow.consent_page(scope="bus:read"))
    fields = dict(form.fields)
    changed = {
        "form_token": fields["form_token"][::-1],
        "request": fields["request"].replace("bus%3Aread", "bus%3Adispatch"),
    }
    for name, value in changed.items():
        assert fields[name] != value
        assert flow.submit(form, decision="allow", **{name: value}).status_code == 403, name
    cross = flow.submit(form, headers={"Origin": "https://evil.example"}, decision="allow")
    assert cross.status_code == 403
    assert flow.submit(form, decision="allow").status_code == 303


def test_a_consent_form_of_one_session_is_worth_nothing_in_another(flow: Flow) -> None:
    flow.register()
    form = flow.form(flow.consent_page())
    other = Flow(flow.base)
    other.sign_in("ada", "lovelace")
    assert other.submit(form, decision="allow").status_code == 403


def test_a_session_that_was_planted_before_the_login_does_not_become_the_victims(flow: Flow) -> None:
    planted = flow.sign_in().headers["set-cookie"].split(";")[0].split("=", 1)[1]
    cookies = {"bmcp_session": planted}
    form_page = httpx.get(flow.base + "/login", params={"return_to": "/authorize"}, cookies=cookies)
    assert form_page.status_code == 303, "the planted session is a live one"
    own = Flow(flow.base).sign_in("ada", "lovelace").headers["set-cookie"].split(";")[0].split("=", 1)[1]
    assert own != planted
    assert "<strong>demo</strong>" in httpx.get(flow.base + "/login", cookies=cookies).text


def test_signing_out_ends_the_session_for_good(flow: Flow) -> None:
    flow.sign_in()
    cookies = dict(flow.browser.cookies)
    page = flow.browser.get("/login")
    assert "You are signed in" in page.text
    forged = flow.browser.post("/logout", data={"form_token": "x"})
    assert forged.status_code == 403
    assert flow.submit(flow.form(page)).status_code == 303
    assert "You are signed in" not in flow.browser.get("/login").text
    assert "You are signed in" not in httpx.get(flow.base + "/login", cookies=cookies).text


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/logout", "javascript:alert(1)"]
)
def test_a_login_leads_nowhere_else(flow: Flow, place: str) -> None:
    page = flow.browser.get("/login", params={"return_to": place})
    answer = flow.submit(flow.form(page), username="demo", password="demo")
    assert answer.status_code == 303 and answer.headers["location"] == "/login"


def test_prompt_login_asks_for_the_password_again_and_then_goes_on(flow: Flow) -> None:
    flow.register()
    flow.sign_in()
    form = flow.form(flow.browser.get(flow.authorize_url(prompt="login")))
    assert form.password_fields
    answer = flow.submit(form, username="demo", password="demo")
    consent = flow.form(flow.browser.get(answer.headers["location"]))
    assert "code" in flow.parameters(flow.submit(consent, decision="allow"))
