"""The scripted browser of the sign-in tests behaves like one."""

from __future__ import annotations

from harness.browser import Page

LOGIN = """
<form method="get" action="/search"><input name="q"></form>
<form method="post" action="/login">
  <input type="hidden" name="state" value="a&amp;b"><input name="user" value="old"><input type="password" name="pass">
  <input type="checkbox" name="keep" checked><input type="checkbox" name="spam">
  <button type="button">Show password</button><button>Sign in</button>
</form>"""
CONSENT = """
<form method="post"><input type="hidden" name="t" value="9">
<button name="decision" value="no">Cancel</button><button name="decision" value="yes">Allow access</button></form>"""


def test_a_login_form_is_sent_with_its_hidden_fields_and_ticked_boxes() -> None:
    form = Page(LOGIN).main_form()
    assert form is not None and form.action == "/login"
    expected = [("state", "a&b"), ("user", "ada"), ("pass", "lovelace"), ("keep", "on")]
    assert form.filled_in("ada", "lovelace") == expected


def test_a_consent_form_is_agreed_to_or_refused_by_its_button() -> None:
    form = Page(CONSENT).main_form()
    assert form is not None
    assert form.filled_in("", "")[-1] == ("decision", "yes")
    assert form.filled_in("", "", agree=False)[-1] == ("decision", "no")
