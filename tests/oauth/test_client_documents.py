"""Client ID Metadata Documents (draft-ietf-oauth-client-id-metadata-document-02).

The Worker's own fetch is led to a server that plays every https host.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.workerd import Workerd

from .flow import Flow, claims_of, error_of
from .outside import Answer, Outside

ID = "https://app.acme.dev/oauth/client.json"
WEB = "https://app.acme.dev/callback"


def document(**changes: Any) -> dict[str, Any]:
    plain = {
        "client_id": ID,
        "client_name": "Acme's app",
        "redirect_uris": [WEB, "http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none",
    }
    return plain | changes


@pytest.fixture
def outside() -> Iterator[Outside]:
    with Outside() as running:
        yield running


@pytest.fixture
def flow(tmp_path: Path, outside: Outside) -> Iterator[Flow]:
    with Workerd(tmp_path / "workerd", outbound=outside.address) as server:
        yield Flow(server.url, redirect=WEB, client_id=ID)


def refusal(flow: Flow, client_id: str = ID) -> str:
    """The text of the page that refuses a client."""
    answer = flow.browser.get(flow.authorize_url(client_id=client_id))
    assert answer.status_code == 400 and "location" not in answer.headers, answer.text
    return answer.text


def test_the_metadata_advertises_it(flow: Flow) -> None:
    metadata = flow.http.get("/.well-known/oauth-authorization-server").json()
    assert metadata["client_id_metadata_document_supported"] is True


def test_a_client_that_describes_itself_signs_in_and_refreshes(flow: Flow, outside: Outside) -> None:
    outside.answers[ID] = Answer(document())
    page = flow.consent_page().text
    assert "Acme&#39;s app" in page and "described by <strong>app.acme.dev</strong>" in page
    tokens = flow.exchange(flow.callback()["code"]).json()
    assert claims_of(tokens["access_token"])["client_id"] == ID
    assert flow.probe(tokens["access_token"]).status_code not in (401, 403)
    outside.answers.clear()
    renewed = flow.refresh(tokens["refresh_token"])
    assert renewed.status_code == 200, "the token endpoint needs no document"
    foreign = flow.refresh(renewed.json()["refresh_token"], client_id=f"{ID}/other")
    assert error_of(foreign) == (400, "invalid_grant")
    flow.http.post("/revoke", data={"token": renewed.json()["refresh_token"], "client_id": ID})
    assert error_of(flow.refresh(renewed.json()["refresh_token"])) == (400, "invalid_grant")


def test_a_redirect_that_the_document_does_not_name_is_refused(flow: Flow, outside: Outside) -> None:
    outside.answers[ID] = Answer(document())
    flow.redirect = "https://app.acme.dev/elsewhere"
    assert "redirect_uri" in refusal(flow)
    flow.redirect = "http://127.0.0.1:50123/callback"
    assert "a program on this computer" in flow.consent_page().text


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "8.8.8.8",
        "[::1]",
        "[::ffff:169.254.169.254]",
        "localhost",
        "localhost.",
        "app.localhost",
        "metadata.google.internal",
        "printer.local",
        "intranet",
        "app.acme.dev:8443",
        "app.acme.dev:443",
        "app.acme.dev@127.0.0.1",
        "app.acme.dev.",
        "\uff11\uff12\uff17.0.0.1",
    ],
)
def test_private_hosts_and_other_spellings_are_never_fetched(flow: Flow, outside: Outside, host: str) -> None:
    assert "client_id that is a URL" in refusal(flow, f"https://{host}/oauth/client.json")
    assert outside.asked == []


@pytest.mark.parametrize(
    "client_id",
    [
        "http://app.acme.dev/oauth/client.json",
        "https://app.acme.dev/",
        "https://app.acme.dev/oauth/client.json?x=1",
        "https://app.acme.dev/oauth/client.json#x",
        "https://app.acme.dev/oauth/../client.json",
        "https://app.acme.dev/" + "x" * 600,
    ],
)
def test_a_url_that_no_document_may_have_is_never_fetched(flow: Flow, outside: Outside, client_id: str) -> None:
    refusal(flow, client_id)
    assert outside.asked == []


def test_the_servers_own_host_is_never_fetched(tmp_path: Path, outside: Outside) -> None:
    variables = {"DEV_ACCOUNTS": "demo:demo", "PUBLIC_ORIGIN": "https://app.acme.dev"}
    with Workerd(tmp_path / "workerd", variables=variables, outbound=outside.address) as server:
        assert "public host" in refusal(Flow(server.url, redirect=WEB, client_id=ID))
    assert outside.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "https://app.acme.dev/oauth/client.json/"},
        {"client_id": "https://evil.acme.dev/oauth/client.json"},
        {"client_id": None},
        {"client_secret": "s3cret"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"redirect_uris": []},
        {"redirect_uris": ["http://app.acme.dev/callback"]},
    ],
)
def test_a_document_that_may_not_be_believed_is_refused(flow: Flow, outside: Outside, changes: dict[str, Any]) -> None:
    outside.answers[ID] = Answer(document(**changes))
    refusal(flow)
    outside.answers[ID] = Answer(document())
    assert flow.browser.get(flow.authorize_url()).status_code == 200, "nothing of it was kept"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(document(), 302, {"Location": "https://app.acme.dev/moved.json"}), "redirects are not followed"),
        (Answer(document(), 307, {"Location": "http://169.254.169.254/latest"}), "redirects are not followed"),
        (Answer(document(), 404), "answered with 404"),
        (Answer(document(), 500), "answered with 500"),
        (Answer(document(), 201), "answered with 201"),
        (Answer(document(), headers={"Content-Type": "text/html"}), "content type"),
        (Answer(document(), headers={}), "content type"),
        (Answer(document(filler="x" * 5 * 1024)), "more than 5120 bytes"),
        (Answer(b"{"), "not a JSON object"),
        (Answer(b"[]"), "not a JSON object"),
        (Answer(b""), "not a JSON object"),
        (Answer(document(), headers={"Content-Type": "application/json", "Content-Length": "9999"}), "broke off"),
    ],
)
def test_an_answer_that_is_no_document_is_refused(flow: Flow, outside: Outside, answer: Answer, why: str) -> None:
    outside.answers[ID] = answer
    outside.answers["https://app.acme.dev/moved.json"] = Answer(document())
    assert why in refusal(flow)
    assert outside.asked == [ID], "one fetch, and nowhere else"


@pytest.mark.parametrize("pauses", [(8.0, 0.0), (0.0, 8.0)], ids=["headers", "body"])
def test_a_slow_document_is_not_waited_for(flow: Flow, outside: Outside, pauses: tuple[float, float]) -> None:
    outside.answers[ID] = Answer(document(), pauses=pauses)
    began = time.monotonic()
    assert "did not come within 5 seconds" in refusal(flow)
    assert 4.5 < time.monotonic() - began < 7.5


def test_a_document_is_kept_as_long_as_its_server_says(flow: Flow, outside: Outside) -> None:
    def fetches(cache_control: str | None, times: int) -> int:
        before = len(outside.asked)
        headers = {"Content-Type": "application/json"}
        if cache_control is not None:
            headers["Cache-Control"] = cache_control
        outside.answers[ID] = Answer(document(), headers=headers)
        for _ in range(times):
            assert flow.browser.get(flow.authorize_url()).status_code == 200
        return len(outside.asked) - before

    assert fetches("no-store", 3) == 3
    assert fetches("public, max-age=2", 3) == 1
    time.sleep(2.1)
    assert fetches(None, 3) == 1


def test_what_is_sent_tells_nothing_of_the_user(flow: Flow, outside: Outside) -> None:
    outside.answers[ID] = Answer(document())
    flow.sign_in()
    assert flow.browser.get(flow.authorize_url()).status_code == 200
    [headers] = outside.headers
    assert not {"cookie", "authorization", "referer", "origin"} & set(headers)
    assert headers["accept"] == "application/json" and headers["user-agent"].startswith("Blender-Bus/")
