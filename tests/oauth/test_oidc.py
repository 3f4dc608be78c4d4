"""Signing in with an OpenID provider: a real one, and one that lies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from harness.browser import Page
from harness.workerd import Workerd

from .flow import Flow
from .issuer import CLIENT_ID, CLIENT_SECRET, Issuer, rsa_key

ROOT = Path(__file__).resolve().parents[2]
Signing = Callable[..., Flow]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture
def signing(tmp_path: Path) -> Iterator[Signing]:
    """Starts a server that knows the provider at this address."""
    running: list[Workerd] = []

    def start(url: str, **variables: str) -> Flow:
        known = {"OIDC_ISSUER": url, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": CLIENT_SECRET}
        outbound = urlsplit(url).netloc
        server = Workerd(tmp_path / f"w{len(running)}", variables=known | variables, outbound=outbound).start()
        running.append(server)
        return Flow(server.url)

    yield start
    for server in running:
        server.kill()


def begin(flow: Flow, issuer: Issuer, return_to: str = "/account") -> dict[str, str]:
    """Goes to the provider; what it is asked."""
    answer = flow.browser.get("/login/oidc", params={"return_to": return_to})
    assert answer.status_code == 303, answer.text
    location = urlsplit(answer.headers["location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == issuer.url + "/auth"
    asked = {name: value for name, [value] in parse_qs(location.query).items()}
    issuer.nonce = asked["nonce"]
    return asked


def come_back(flow: Flow, state: str, code: str = "c1", **more: str) -> httpx.Response:
    return flow.browser.get("/login/oidc/callback", params={"code": code, "state": state} | more)


def sign_in(flow: Flow, issuer: Issuer, code: str = "c1") -> httpx.Response:
    return come_back(flow, begin(flow, issuer)["state"], code)


def refused(flow: Flow, answer: httpx.Response) -> str:
    """What the page says; nobody is signed in."""
    assert answer.status_code == 403, answer.text
    assert "session=" not in answer.headers.get("set-cookie", "")
    assert flow.browser.get("/account").status_code == 303
    return answer.text


@pytest.fixture
def real_provider(tmp_path: Path) -> Iterator[tuple[str, Callable[[str], None]]]:
    """Its address, and what starts it for a redirect URI."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started: list[subprocess.Popen[str]] = []

    def start(redirect_uri: str) -> None:
        command = ["node", "tests/clients/provider.mjs", str(port), CLIENT_ID, CLIENT_SECRET, redirect_uri]
        log = (tmp_path / "provider.log").open("w")
        path = f"{ROOT / 'node_modules' / '.bin'}:{os.environ['PATH']}"
        environment = os.environ | {"PATH": path}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "ready\n", log.name

    yield f"http://localhost:{port}", start
    for process in started:
        process.kill()
        process.wait()


def through_provider(flow: Flow, url: str, login: str) -> str:
    """The provider's own pages, as a browser goes through them; the address that it sends the browser back to."""
    with httpx.Client(timeout=20) as browser:
        page = browser.get(url)
        for _ in range(12):
            while page.status_code in (302, 303):
                url = urljoin(str(page.url), page.headers["location"])
                if url.startswith(flow.base):
                    return url
                page = browser.get(url)
            [form, *_] = [form for form in Page(page.text).forms if form.method == "post"]
            typed = {name: login for name in ("login", "password") if name in dict(form.fields)}
            page = browser.post(urljoin(str(page.url), form.action), data=dict(form.fields) | typed)
    raise AssertionError("the provider never sent the browser back")


def test_a_real_provider_signs_in_and_the_same_subject_is_the_same_user(
    real_provider: tuple[str, Callable[[str], None]], signing: Signing
) -> None:
    url, start = real_provider
    flow = signing(url, OIDC_ALLOW="@example.com", OIDC_NAME="Example SSO")
    start(flow.base + "/login/oidc/callback")
    page = flow.browser.get("/login", params={"return_to": "/tokens"})
    assert "Sign in with <bdi>Example SSO</bdi>" in page.text
    for visit in range(2):
        phone = Flow(flow.base)
        away = phone.browser.get("/login/oidc", params={"return_to": "/account"})
        back = phone.browser.get(through_provider(phone, away.headers["location"], "ada"))
        assert back.status_code == 303 and back.headers["location"] == "/account", back.text
        account = phone.browser.get("/account")
        assert "Account of <bdi>ada-of-idp</bdi>" in account.text and "Change the password" not in account.text, visit
    phone.register()
    consent = phone.form(phone.browser.get(phone.authorize_url()))
    answer = phone.exchange(phone.parameters(phone.submit(consent, decision="allow"))["code"])
    tokens = answer.json()
    first = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert phone.probe(tokens["access_token"]).status_code not in (401, 403)
    other = Flow(flow.base)
    away = other.browser.get("/login/oidc")
    other.browser.get(through_provider(other, away.headers["location"], "bob"))
    other.register()
    consent = other.form(other.browser.get(other.authorize_url()))
    code = other.parameters(other.submit(consent, decision="allow"))["code"]
    second = jwt.decode(other.exchange(code).json()["access_token"], options={"verify_signature": False})
    assert first["sub"] != second["sub"]
    mallory = Flow(flow.base)
    away = mallory.browser.get("/login/oidc")
    unverified = mallory.browser.get(through_provider(mallory, away.headers["location"], "mallory"))
    assert "not allowed to use this server" in refused(mallory, unverified)


def test_what_the_provider_is_asked(signing: Signing, issuer: Issuer) -> None:
    flow = signing(issuer.url)
    asked = begin(flow, issuer)
    assert asked["response_type"] == "code" and asked["client_id"] == CLIENT_ID
    assert asked["redirect_uri"] == flow.base + "/login/oidc/callback"
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
    assert "openid" in asked["scope"].split()
    assert begin(flow, issuer)["state"] != asked["state"]


@pytest.mark.parametrize("kid, algorithm", [("r1", "RS256"), ("e1", "ES256")])
def test_both_algorithms_sign_in(signing: Signing, issuer: Issuer, kid: str, algorithm: str) -> None:
    flow = signing(issuer.url)
    issuer.kid, issuer.algorithm = kid, algorithm
    assert sign_in(flow, issuer).headers["location"] == "/account"
    assert "Account of <bdi>Ada</bdi>" in flow.browser.get("/account").text


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["bus", "another"]},
        {"azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1_000_000_000},
        {"iat": 1_000_000_000},
        {"iat": 9_000_000_000},
        {"sub": ""},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    signing: Signing, issuer: Issuer, changes: dict[str, Any]
) -> None:
    flow = signing(issuer.url)
    issuer.changes = changes
    assert "could not be verified" in refused(flow, sign_in(flow, issuer))


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_alg_none_hs256_with_the_public_key_and_foreign_keys_are_refused(signing: Signing, issuer: Issuer) -> None:
    flow = signing(issuer.url)
    public = issuer.keys["r1"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def none() -> str:
        return f"{encoded({'alg': 'none', 'kid': 'r1'})}.{encoded(issuer.claims())}."

    def hs256() -> str:
        signed = f"{encoded({'alg': 'HS256', 'kid': 'r1'})}.{encoded(issuer.claims())}"
        signature = hmac.new(pem, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def foreign() -> str:
        return jwt.encode(issuer.claims(), rsa_key(), "RS256", headers={"kid": "r1"})

    def confused() -> str:
        return jwt.encode(issuer.claims(), issuer.keys["r1"], "RS256", headers={"kid": "e1"})

    def unsigned() -> str:
        return jwt.encode(issuer.claims(), issuer.keys["r1"], "RS256", headers={"kid": "r1"}).rsplit(".", 1)[0] + "."

    def changed() -> str:
        header, _, signature = issuer.id_token().split(".")
        return f"{header}.{encoded(issuer.claims() | {'sub': '8'})}.{signature}"

    for number, forge in enumerate([none, hs256, foreign, confused, unsigned, changed]):
        state = begin(flow, issuer)["state"]
        issuer.token = None
        issuer.token = forge()
        assert "could not be verified" in refused(flow, come_back(flow, state, f"c{number}")), forge.__name__
    issuer.token = None
    assert sign_in(flow, issuer, "last").status_code == 303


def test_another_state_a_missing_cookie_and_a_replayed_callback_sign_nobody_in(
    signing: Signing, issuer: Issuer
) -> None:
    flow = signing(issuer.url)
    asked = begin(flow, issuer)
    state = asked["state"]
    victim = Flow(flow.base)
    assert "not started in this browser" in refused(victim, come_back(victim, state))
    begin(victim, issuer)
    assert "not started in this browser" in refused(victim, come_back(victim, state))
    cookies = {name: value for name, value in flow.browser.cookies.items() if "oidc" in name}
    issuer.nonce = asked["nonce"]
    assert come_back(flow, state).status_code == 303
    again = Flow(flow.base)
    flow.browser.cookies.delete("bmcp_session")
    assert "not started in this browser" in refused(flow, come_back(flow, state)), "the cookie is gone"
    for name, value in cookies.items():
        again.browser.cookies.set(name, value)
    assert "has not signed you in" in refused(again, come_back(again, state)), "the code is used up"


def test_an_answer_of_another_issuer_is_refused(signing: Signing, issuer: Issuer) -> None:
    issuer.metadata = {"authorization_response_iss_parameter_supported": True}
    flow = signing(issuer.url)
    state = begin(flow, issuer)["state"]
    assert "could not be verified" in refused(flow, come_back(flow, state, iss="https://evil.example"))
    assert "could not be verified" in refused(flow, sign_in(flow, issuer)), "without iss"
    state = begin(flow, issuer)["state"]
    assert come_back(flow, state, iss=issuer.url).status_code == 303


def test_a_provider_that_names_another_issuer_or_plain_http_is_not_used(signing: Signing, issuer: Issuer) -> None:
    for metadata in [{"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/token"}]:
        issuer.metadata = metadata
        assert signing(issuer.url).browser.get("/login/oidc").status_code == 503


def test_a_new_key_is_found_and_unknown_ones_do_not_flood_the_provider(signing: Signing, issuer: Issuer) -> None:
    flow = signing(issuer.url)
    assert sign_in(flow, issuer).status_code == 303
    flow.browser.cookies.delete("bmcp_session")
    before = issuer.asked.count("/jwks")
    old = issuer.keys["r1"]
    issuer.keys["made up"] = rsa_key()
    issuer.kid = "made up"
    signed = issuer.keys.pop("made up")
    for number in range(6):
        state = begin(flow, issuer)["state"]
        issuer.token = jwt.encode(issuer.claims(), signed, "RS256", headers={"kid": "made up"})
        assert "could not be verified" in refused(flow, come_back(flow, state, f"x{number}"))
    assert issuer.asked.count("/jwks") - before <= 2
    assert old is issuer.keys["r1"]


def test_who_is_let_in_goes_by_the_allow_list(signing: Signing, issuer: Issuer) -> None:
    flow = signing(issuer.url, OIDC_ALLOW="eve@example.org,group:artists")
    assert "not allowed to use this server" in refused(flow, sign_in(flow, issuer, "c1"))
    issuer.changes = {"email": "eve@example.org", "email_verified": False}
    assert "not allowed to use this server" in refused(flow, sign_in(flow, issuer, "c2"))
    issuer.changes = {"groups": ["artists"]}
    assert sign_in(flow, issuer, "c3").status_code == 303


def test_passwords_can_be_switched_off(signing: Signing, issuer: Issuer) -> None:
    flow = signing(issuer.url, PASSWORD_LOGIN="off", SIGNUP="open", DEV_ACCOUNTS="demo:demo")
    page = flow.browser.get("/login")
    assert "Sign in with" in page.text and 'type="password"' not in page.text and "/signup" not in page.text
    answer = flow.http.post("/auth/login", json={"username": "demo", "password": "demo"})
    assert answer.status_code == 400 and answer.json()["error"] == "access_denied"
    assert flow.browser.get("/signup").status_code == 400
    fields = {"username": "demo", "password": "demo"}
    assert flow.browser.post("/login", data=fields).status_code == 400
    assert sign_in(flow, issuer).status_code == 303


def test_a_provider_cannot_be_used_to_lead_elsewhere_and_a_request_survives_it(
    signing: Signing, issuer: Issuer
) -> None:
    flow = signing(issuer.url)
    state = begin(flow, issuer, "https://evil.example/")["state"]
    assert come_back(flow, state, "c1").headers["location"] == "/login"
    phone = Flow(flow.base)
    phone.register()
    request = phone.authorize_url()
    login = phone.browser.get(request)
    assert "/login/oidc?return_to=%2Fauthorize" in login.text
    state = begin(phone, issuer, request)["state"]
    back = come_back(phone, state, "c2")
    consent = phone.browser.get(back.headers["location"])
    assert "Allow <bdi>Test client</bdi>" in consent.text
    assert "code" in phone.parameters(phone.submit(phone.form(consent), decision="allow"))


def test_an_account_of_a_provider_is_deleted_after_a_fresh_sign_in(signing: Signing, issuer: Issuer) -> None:
    flow = signing(issuer.url)
    sign_in(flow, issuer)
    form = next(form for form in Page(flow.browser.get("/account").text).forms if "username" in form.text_fields)
    assert not form.password_fields
    gone = flow.submit(form, action="delete", username="ada")
    assert "is deleted" in gone.text
    assert flow.browser.get("/account").status_code == 303
