"""Whatever may be used once, used many times at the same moment, on the built Worker.

Codes, refresh tokens, device codes, invitations, setup codes, and the owner's consent to one access token. By hand:
`python3 tests/torture/races.py --rounds 20 --at-once 50`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import httpx  # noqa: E402
from harness.browser import Page  # noqa: E402
from harness.workerd import Workerd  # noqa: E402
from oauth.accounts import sign_up  # noqa: E402
from oauth.flow import Flow  # noqa: E402
from oauth.test_access_tokens import agree, call, refusal  # noqa: E402
from oauth.test_device import GRANT_TYPE, Device, decide  # noqa: E402

SETUP_CODE = "a setup code of the operator"
Race = Callable[[Flow, int], None]


async def _at_once(base: str, requests: Iterable[dict[str, Any]]) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=base, timeout=60, limits=limits) as http:
        return list(await asyncio.gather(*(http.request("POST", **request) for request in requests)))


def at_once(flow: Flow, requests: Iterable[dict[str, Any]]) -> list[httpx.Response]:
    """The answers to requests that are all sent before one of them is answered."""
    answers = asyncio.run(_at_once(flow.base, requests))
    assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
    return answers


def tokens_of(answers: list[httpx.Response]) -> list[dict[str, Any]]:
    return [answer.json() for answer in answers if answer.status_code == 200]


def all_are_dead(flow: Flow, tokens: list[dict[str, Any]]) -> None:
    """Whatever was given out is refused: it was used by two, so it is nobody's."""
    for granted in tokens:
        assert call(flow, granted["access_token"], "blender_list_available_clients").status_code == 401
        assert flow.refresh(granted["refresh_token"]).status_code == 400


def a_code(flow: Flow, count: int) -> None:
    flow.register()
    fields = {"grant_type": "authorization_code", "client_id": flow.client_id, "redirect_uri": flow.redirect}
    fields |= {"code": flow.callback()["code"], "code_verifier": flow.verifier}
    given = tokens_of(at_once(flow, [{"url": "/token", "data": fields}] * count))
    assert len(given) == 1, f"one code gave {len(given)} sign-ins"
    all_are_dead(flow, given)


def a_refresh_token(flow: Flow, count: int) -> None:
    first = flow.tokens()
    fields = {"grant_type": "refresh_token", "client_id": flow.client_id, "refresh_token": first["refresh_token"]}
    given = tokens_of(at_once(flow, [{"url": "/token", "data": fields}] * count))
    # One, and one in place of an answer that may have been lost.
    assert 1 <= len(given) <= 2, f"one refresh token gave {len(given)}"
    all_are_dead(flow, given)


def a_device_code(flow: Flow, count: int) -> None:
    device = Device(flow)
    owner = Flow(flow.base)
    owner.sign_in()
    decide(owner, device.code)
    fields = {"grant_type": GRANT_TYPE, "device_code": device.begun["device_code"], "client_id": device.client_id}
    given = tokens_of(at_once(flow, [{"url": "/token", "data": fields}] * count))
    assert len(given) == 1, f"one device code gave {len(given)} sign-ins"


def consent_to_an_access_token(flow: Flow, count: int) -> None:
    signed_in = flow.http.post("/auth/login", json={"username": "demo", "password": "demo"})
    token = str(signed_in.json()["access_token"])
    agree(flow, refusal(call(flow, token, "blender_create_access_token", name="farm")))
    asked = call(flow, token, "blender_list_access_tokens").request
    body = asked.content.replace(b"blender_list_access_tokens", b"blender_create_access_token")
    body = body.replace(b'"arguments":{}', b'"arguments":{"name":"farm"}')
    assert b"farm" in body, body
    headers = {name: value for name, value in asked.headers.items() if name not in ("content-length", "host")}
    headers["mcp-name"] = "blender_create_access_token"
    answers = at_once(flow, [{"url": "/", "content": body, "headers": headers}] * count)
    made = [answer for answer in answers if not answer.json()["result"]["isError"]]
    assert len(made) == 1, f"one consent made {len(made)} tokens"


def sign_ups(flow: Flow, code: str, count: int, name: str) -> list[int]:
    """Statuses of as many people who sign up by one code."""
    requests = []
    for number in range(count):
        with httpx.Client(base_url=flow.base) as browser:
            page = browser.get("/signup", params={"code": code})
            form = Page(page.text).main_form()
            assert form is not None, page.text
            fields = dict(form.fields) | {"username": f"{name}-{number}", "password": "correct horse"}
            cookie = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
            requests.append({"url": form.action, "data": fields, "headers": {"Cookie": cookie}})
    return [answer.status_code for answer in at_once(flow, requests)]


def an_invitation(flow: Flow, count: int) -> None:
    token = dict(flow.form(flow.browser.get("/account")).fields)["form_token"]
    page = flow.browser.post("/account", data={"form_token": token, "action": "invite"})
    link = re.search(r"<code>[^<]*code=([^<]+)</code>", page.text)
    assert link is not None, page.text
    statuses = sign_ups(flow, link[1], count, f"guest-{link[1][-6:].lower()}")
    assert statuses.count(303) == 1 and set(statuses) <= {303, 403}, statuses


def the_setup_code(flow: Flow, count: int) -> None:
    statuses = sign_ups(flow, SETUP_CODE, count, "admin")
    assert statuses.count(303) == 1 and set(statuses) <= {303, 403}, statuses


WITH_AN_ACCOUNT: tuple[Race, ...] = (a_code, a_refresh_token, a_device_code, consent_to_an_access_token)


def race(folder: Path, rounds: int, count: int) -> int:
    """Runs so many rounds of each; the number of races. AssertionError where something was used more than once."""
    done = 0
    with Workerd(folder / "accounts", variables={"DEV_ACCOUNTS": "demo:demo"}) as server:
        for _ in range(rounds):
            for one in WITH_AN_ACCOUNT:
                one(Flow(server.url), count)
                done += 1
    with Workerd(folder / "invitations", variables={"SIGNUP": "invite", "SETUP_CODE": SETUP_CODE}) as server:
        owner = Flow(server.url)
        assert sign_up(owner, "ada", code=SETUP_CODE).status_code == 303
        for _ in range(rounds):
            an_invitation(owner, count)
            done += 1
    for number in range(rounds):
        with Workerd(folder / f"setup-{number}", variables={"SETUP_CODE": SETUP_CODE}) as server:
            the_setup_code(Flow(server.url), count)
            done += 1
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done = race(Path(folder), options.rounds, options.at_once)
    print(f"{done} races of {options.at_once}: nothing was used more often than it may be")


if __name__ == "__main__":
    main()
