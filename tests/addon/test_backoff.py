"""When the link connects again."""

from __future__ import annotations

import random
import re
import socket
import ssl

import pytest

from addon.link.address import InvalidServerUrl, is_loopback, origin, socket_url
from addon.link.backoff import Backoff, Next, after_close, after_refusal
from addon.link.words import in_words


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (1000, Next.RETRY),
        (1001, Next.RETRY),
        (1006, Next.RETRY),
        (1009, Next.RETRY),
        (1012, Next.RETRY),
        (4400, Next.RETRY),
        (4408, Next.RETRY),
        (4429, Next.RETRY),
        (4401, Next.RENEW_TOKEN),
        (4409, Next.STAY_AWAY),
        (4410, Next.STAY_AWAY),
    ],
)
def test_close_code_decides(code: int, expected: Next) -> None:
    assert after_close(code, "").next is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, Next.RENEW_TOKEN),
        (403, Next.STAY_AWAY),
        (302, Next.STAY_AWAY),
        (404, Next.RETRY),
        (429, Next.RETRY),
        (503, Next.RETRY),
    ],
)
def test_refused_handshake_decides(status: int, expected: Next) -> None:
    assert after_refusal(status).next is expected


def test_reason_of_the_bus_reaches_the_user() -> None:
    assert "go away" in after_close(4409, "go away").reason


def test_delays_are_spread_over_a_window_that_doubles_up_to_its_ceiling() -> None:
    windows: list[list[float]] = [[] for _ in range(8)]
    for seed in range(300):
        backoff = Backoff(1.0, 30.0, random.Random(seed))
        for window in windows:
            window.append(backoff.delay())
    for window, ceiling in zip(windows, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert max(window) <= ceiling
        assert max(window) > ceiling * 0.9
        assert min(window) < ceiling * 0.1


def test_reset_starts_over() -> None:
    backoff = Backoff(1.0, 30.0, random.Random(1))
    for _ in range(2000):
        backoff.delay()
    backoff.reset()
    assert backoff.delay() <= 1.0


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://bus.example.com", "wss://bus.example.com/ws"),
        ("https://bus.example.com/", "wss://bus.example.com/ws"),
        ("https://bus.example.com/mcp", "wss://bus.example.com/ws"),
        ("wss://bus.example.com/ws", "wss://bus.example.com/ws"),
        ("bus.example.com", "wss://bus.example.com/ws"),
        ("http://localhost:8787", "ws://localhost:8787/ws"),
        ("http://[::1]:8787", "ws://[::1]:8787/ws"),
        (" HTTPS://Bus.Example.com ", "wss://bus.example.com/ws"),
    ],
)
def test_server_url_becomes_socket_url(server: str, expected: str) -> None:
    assert socket_url(server) == expected


@pytest.mark.parametrize(
    "server", ["", "ftp://x", "https://", "https://u:p@x", "https://x/some/where", "http://x:99999", "http://[::1"]
)
def test_unusable_server_url_is_refused(server: str) -> None:
    with pytest.raises(InvalidServerUrl):
        origin(server)


def test_loopback_is_told_from_the_network() -> None:
    assert is_loopback("http://localhost:8787")
    assert is_loopback("http://127.0.0.1")
    assert not is_loopback("http://127.example.com")
    assert not is_loopback("http://bus.example.com")


def test_three_troubles_in_a_row_are_waited_out() -> None:
    for seed in range(100):
        backoff = Backoff(1.0, 30.0, random.Random(seed))
        assert backoff.delay(troubled=True) < 30.0
        assert backoff.delay(troubled=True) < 30.0
        assert 30.0 <= backoff.delay(troubled=True) <= 60.0
        backoff.reset()
        assert 30.0 <= backoff.delay(troubled=True) <= 60.0, "a moment of being connected proves nothing"
        assert backoff.delay() < 30.0
        assert backoff.delay(troubled=True) < 30.0


def test_trouble_is_forgiven_after_a_long_connection() -> None:
    backoff = Backoff(1.0, 30.0, random.Random(1))
    for _ in range(3):
        backoff.delay(troubled=True)
    backoff.forgive()
    backoff.reset()
    assert backoff.delay(troubled=True) <= 1.0


@pytest.mark.parametrize(
    ("code", "troubled"), [(1011, True), (4408, True), (4429, True), (1006, False), (1012, False), (4400, False)]
)
def test_which_closes_are_trouble(code: int, troubled: bool) -> None:
    assert after_close(code, "").troubled is troubled


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("localhost:8793", "Write http://localhost:8793"),
        ("127.0.0.1:8787/mcp", "Write http://127.0.0.1"),
        ("[::1]:8787", "Write http://"),
        ("htp:/nonsense", "must begin with https:// or http://"),
        ("http:/host", "must begin with https:// or http://"),
        ("  ", "Enter the address of your server"),
    ],
)
def test_mistyped_address_gets_a_clear_word(server: str, told: str) -> None:
    with pytest.raises(InvalidServerUrl, match=re.escape(told)):
        origin(server)


def test_address_without_a_scheme_is_https() -> None:
    assert origin("bus.example.com:8443") == "https://bus.example.com:8443"
    assert origin("bus.example.com/mcp") == "https://bus.example.com"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9)"), "nothing answers there"),
        (socket.gaierror(-2, "Name or service not known"), "no host of this name"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"), "does not speak https"),
        (TimeoutError(), "no answer in time"),
        (OSError(5, "odd"), "odd"),
    ],
)
def test_network_errors_are_said_in_words(error: Exception, told: str) -> None:
    assert told in in_words(error)
    assert "_ssl.c" not in in_words(error)
