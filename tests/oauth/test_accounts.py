"""Making accounts, inviting others and changing the password."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
from harness.workerd import Workerd

from .accounts import SETUP_CODE, Started, login, setup_code, sign_up
from .flow import Flow


def test_the_setup_code_of_the_log_makes_one_administrator(started: Started) -> None:
    flow, server = started()
    code = setup_code(flow, server)
    answer = sign_up(flow, "Ada", code=code)
    assert answer.status_code == 303 and answer.headers["location"] == "/account"
    assert "Account of <bdi>ada</bdi>" in flow.browser.get("/account").text
    assert login(flow, "ada").json()["user"]["username"] == "ada"
    other = Flow(server.url)
    assert sign_up(other, "eve", code=code).status_code == 403
    assert login(other, "eve").status_code == 401
    server.restart()
    setup_code(flow, server)  # the log is the same file: no second code was printed
    assert login(flow, "ada").status_code == 200


def test_without_a_code_nobody_signs_up_where_that_is_closed(started: Started) -> None:
    flow, _ = started(SETUP_CODE=SETUP_CODE)
    for code in ("x", "A" * 43, SETUP_CODE.upper(), "bmi_" + "A" * 43 + "." + "A" * 43):
        answer = sign_up(flow, "eve", code=code)
        assert answer.status_code == 403 and "unknown, used or expired" in answer.text, code
    form = flow.form(flow.browser.get("/signup"))
    assert flow.submit(form, code="", username="eve", password="correct horse").status_code == 403
    assert login(flow, "eve").status_code == 401
    assert sign_up(flow, "ada", code=SETUP_CODE).status_code == 303, "the operator's own code"


def test_a_setup_code_is_not_spent_on_a_taken_name_or_a_short_password(started: Started) -> None:
    flow, _ = started(SETUP_CODE=SETUP_CODE, DEV_ACCOUNTS="demo:demo")
    assert login(flow, "demo", "demo").status_code == 200
    assert "name is taken" in sign_up(flow, "demo", code=SETUP_CODE).text
    assert "at least 10 characters" in sign_up(flow, "ada", "short", code=SETUP_CODE).text
    assert "username must be" in sign_up(flow, "a da", code=SETUP_CODE).text
    assert sign_up(flow, "ada", code=SETUP_CODE).status_code == 303


def invited(flow: Flow) -> str:
    token = dict(flow.form(flow.browser.get("/account")).fields)["form_token"]
    page = flow.browser.post("/account", data={"form_token": token, "action": "invite"})
    link = re.search(r"<code>([^<]+)</code>", page.text)
    assert link is not None, page.text
    return str(link[1])


def test_an_invitation_makes_one_account_that_invites_nobody(started: Started) -> None:
    flow, server = started(SIGNUP="invite", SETUP_CODE=SETUP_CODE)
    sign_up(flow, "ada", code=SETUP_CODE)
    link = invited(flow)
    code = link.split("code=")[1]
    bob = Flow(server.url)
    form = bob.form(bob.browser.get(link))
    assert "name is taken" in bob.submit(form, username="ada", password="correct horse").text
    assert bob.submit(form, username="bob", password="correct horse").status_code == 303
    assert "Invite somebody" not in bob.browser.get("/account").text
    token = dict(bob.form(bob.browser.get("/account")).fields)["form_token"]
    assert bob.browser.post("/account", data={"form_token": token, "action": "invite"}).status_code == 403
    for name in ("bob", "eve"):
        assert sign_up(Flow(server.url), name, code=code).status_code == 403, "used up, whoever asks"
    assert login(flow, "eve").status_code == 401
    users = {login(flow, name).json()["user"]["user_id"] for name in ("ada", "bob")}
    assert len(users) == 2


def test_an_invitation_is_worth_nothing_once_sign_up_is_closed(started: Started, tmp_path: Path) -> None:
    flow, server = started(SIGNUP="invite", SETUP_CODE=SETUP_CODE)
    sign_up(flow, "ada", code=SETUP_CODE)
    code = invited(flow).split("code=")[1]
    server.kill()
    with Workerd(server.folder, variables={"SIGNUP": "closed"}) as closed:
        assert sign_up(Flow(closed.url), "eve", code=code).status_code == 403


def test_where_it_is_open_anyone_signs_up_and_nobody_takes_a_name(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    assert sign_up(flow, "ada").status_code == 303
    taken = sign_up(Flow(server.url), "ADA", "another password")
    assert taken.status_code == 403 and "name is taken" in taken.text
    assert login(flow, "ada", "another password").status_code == 401


def test_a_sign_up_form_from_elsewhere_is_refused(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    form = flow.form(flow.browser.get("/signup"))
    data = dict(form.fields) | {"username": "eve", "password": "correct horse"}
    assert httpx.post(server.url + "/signup", data=data).status_code == 403, "without the cookie of the page"
    assert flow.submit(form, headers={"Origin": "https://evil.example"}, **data).status_code == 403
    assert login(flow, "eve").status_code == 401


def test_a_changed_password_signs_everything_else_out(started: Started) -> None:
    flow, server = started(SIGNUP="open")
    sign_up(flow, "ada")
    tokens = login(flow, "ada").json()
    other = Flow(server.url)
    other.sign_in("ada", "correct horse")

    def change(old: str, new: str) -> httpx.Response:
        token = dict(flow.form(flow.browser.get("/account")).fields)["form_token"]
        return flow.browser.post("/account", data={"form_token": token, "action": "password", "old": old, "new": new})

    assert "password is wrong" in change("wrong", "another horse").text
    assert "at least 10" in change("correct horse", "short").text
    assert "You are signed in" in other.browser.get("/login").text, "a refusal changes nothing"
    assert "is changed" in change("correct horse", "another horse").text
    assert "Account of <bdi>ada</bdi>" in flow.browser.get("/account").text, "this browser stays signed in"
    assert "You are signed in" not in other.browser.get("/login").text
    assert flow.http.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code == 401
    assert login(flow, "ada").status_code == 401 and login(flow, "ada", "another horse").status_code == 200


def test_the_account_page_is_the_owners(started: Started) -> None:
    flow, _ = started(SIGNUP="open")
    away = flow.browser.get("/account")
    assert away.status_code == 303 and away.headers["location"] == "/login?return_to=/account"
    sign_up(flow, "ada")
    forged = {"form_token": "A" * 43, "action": "password", "old": "correct horse", "new": "another horse"}
    assert flow.browser.post("/account", data=forged).status_code == 403
    assert login(flow, "ada").status_code == 200
