"""Test Connection says in words what is wrong."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from test_credentials import HttpDouble

from addon.link.credentials import Credentials, LoginUnavailable, RenewingTokens
from addon.link.outgoing import abort_all
from addon.link.probe import Finding, probe


@pytest.fixture
def http() -> Iterator[HttpDouble]:
    double = HttpDouble()
    double.answers["/health"] = (200, {"status": "ok", "version": "1.2.3"}, {})
    double.answers["/ws"] = (426, b"this address takes a WebSocket upgrade", {})
    yield double
    double.close()


def tokens(http: HttpDouble) -> RenewingTokens:
    return RenewingTokens(http.url, Credentials("a-token"))


def test_fine_is_told_with_version_and_time(http: HttpDouble) -> None:
    finding = probe(http.url, tokens(http))
    assert finding.fine
    assert finding.message.startswith("Fine: Blender Bus 1.2.3 answers in ")
    assert finding.message.endswith(" ms and takes your login")


def test_nothing_there(http: HttpDouble) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    finding = probe(f"http://127.0.0.1:{port}", tokens(http))
    assert not finding.fine
    assert finding.message.startswith(f"Cannot reach 127.0.0.1:{port}: ")


@pytest.mark.parametrize(
    "answer",
    [(200, b"<html>A blog</html>", {}), (404, {}, {}), (200, {"status": "ok"}, {}), (200, {"version": "1"}, {})],
    ids=["page", "missing", "no-version", "no-status"],
)
def test_something_else_is_there(http: HttpDouble, answer: tuple[int, object, dict[str, str]]) -> None:
    http.answers["/health"] = answer
    finding = probe(http.url, tokens(http))
    assert not finding.fine
    assert "Blender Bus" in finding.message
    assert [path for path, _ in http.requests] == ["/health"], "a stranger gets no token"


def test_a_redirect_is_named_and_not_followed(http: HttpDouble) -> None:
    http.answers["/health"] = (301, {}, {"Location": "https://new.example.com/health"})
    finding = probe(http.url, tokens(http))
    assert "enter that address as server URL" in finding.message
    assert "https://new.example.com/health" in finding.message


@pytest.mark.parametrize(
    ("status", "told"), [(401, "does not accept your token"), (403, "scope peer"), (500, "HTTP 500"), (200, "else")]
)
def test_a_token_that_is_refused(http: HttpDouble, status: int, told: str) -> None:
    http.answers["/ws"] = (status, {"note": "x"}, {})
    finding = probe(http.url, tokens(http))
    assert not finding.fine
    assert told in finding.message


def test_no_login_yet(http: HttpDouble) -> None:
    finding = probe(http.url, None)
    assert not finding.fine
    assert "you are not logged in" in finding.message


def test_a_login_that_cannot_be_renewed_now(http: HttpDouble) -> None:
    class Away:
        def token(self) -> str:
            raise LoginUnavailable("HTTP 503 from /token")

        def rejected(self, token: str) -> None:
            pass

    assert probe(http.url, Away()).message == "HTTP 503 from /token"


def test_unusable_and_unprotected_addresses() -> None:
    assert "is not a server URL" in probe("ftp://x", None).message
    assert "Use https" in probe("http://bus.example.com", None).message


def test_switching_off_ends_a_test_that_waits() -> None:
    found: list[Finding] = []
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        waiting = threading.Thread(target=lambda: found.append(probe(address, None)))
        waiting.start()
        accepted, _ = mute.accept()
        time.sleep(0.1)
        abort_all()
        waiting.join(2.0)
        accepted.close()
    assert not waiting.is_alive()
    assert not found[0].fine
