"""A push service as makers of browsers run it, and a browser's half of the encryption, by Python's `cryptography`.

The Worker's own fetch is led to it, as to every https host: it has no way to call anything on loopback.
"""

from __future__ import annotations

import base64
import json
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from harness.elsewhere import Elsewhere

HOST = "https://push.acme.dev"
CURVE = ec.SECP256R1()


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


class Browser:
    """What a browser knows of its own subscription."""

    def __init__(self, name: str = "phone") -> None:
        self.endpoint = f"{HOST}/send/{name}-{encoded(os.urandom(12))}"
        self._key = ec.generate_private_key(CURVE)
        self._auth = os.urandom(16)

    @property
    def fields(self) -> dict[str, str]:
        """As the script of the page posts them."""
        p256dh = encoded(point(self._key.public_key()))
        return {"endpoint": self.endpoint, "p256dh": p256dh, "auth": encoded(self._auth)}

    def read(self, body: bytes) -> dict[str, Any]:
        """Decrypts a message (RFC 8291 section 3.4, RFC 8188 section 2)."""
        salt, size, length = body[:16], *struct.unpack(">IB", body[16:21])
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert length == 65 and len(record) <= size <= 4096
        agreed = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
        info = b"WebPush: info\0" + point(self._key.public_key()) + sender
        material = derived(agreed, self._auth, info, 32)
        key = derived(material, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derived(material, salt, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert plain.endswith(b"\x02"), "not the last record"
        document = json.loads(plain[:-1])
        assert isinstance(document, dict)
        return document


def verified(authorization: str, origin: str) -> dict[str, Any]:
    """Checks who sends (RFC 8292) as a push service does. Returns the claims, and the public key as `k`."""
    scheme, _, parameters = authorization.partition(" ")
    assert scheme == "vapid", authorization
    given = dict(part.strip().split("=", 1) for part in parameters.split(","))
    header, claims, signature = given["t"].split(".")
    assert json.loads(decoded(header)) == {"typ": "JWT", "alg": "ES256"}
    raw = decoded(signature)
    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decoded(given["k"]))
    key.verify(der, f"{header}.{claims}".encode(), ec.ECDSA(SHA256()))
    said = json.loads(decoded(claims))
    assert said["aud"] == origin and time.time() < said["exp"] <= time.time() + 86_400
    assert said["sub"].startswith(("https://", "mailto:"))
    return dict(said) | {"k": given["k"]}


@dataclass
class Message:
    """What came for one endpoint."""

    endpoint: str
    headers: dict[str, str]
    body: bytes
    claims: dict[str, Any]


@dataclass
class Answer:
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    pause: float = 0.0


class PushService(Elsewhere):
    """`answers` by endpoint: one, or a list of which the last stays.

    `messages` are those whose sender was verified, `asked` is all that was asked, as method and URL.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Answer | list[Answer]] = {}
        self.messages: list[Message] = []
        self.asked: list[str] = []
        self.faults: list[str] = []

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        origin = self.origin(request)
        endpoint = origin + request.path
        self.asked.append(f"{request.command} {endpoint}")
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            claims = verified(headers.get("authorization", ""), origin)
            self.messages.append(Message(endpoint, headers, body, claims))
        except Exception as error:  # a test asks for them
            self.faults.append(repr(error))
        self._answer(request, self._next(endpoint))

    def _next(self, endpoint: str) -> Answer:
        planned = self.answers.get(endpoint, Answer())
        if isinstance(planned, Answer):
            return planned
        return planned.pop(0) if len(planned) > 1 else planned[0]

    @staticmethod
    def _answer(request: BaseHTTPRequestHandler, answer: Answer) -> None:
        time.sleep(answer.pause)
        try:
            request.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(answer.body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has had enough

    def of(self, browser: Browser) -> list[Message]:
        return [message for message in self.messages if message.endpoint == browser.endpoint]

    def until(self, met: Callable[[], object], seconds: float = 10) -> None:
        """Waits, and fails if it does not come."""
        deadline = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < deadline, f"asked: {self.asked}, faults: {self.faults}"
            time.sleep(0.02)

    def read(self, browser: Browser, count: int = 1, seconds: float = 10) -> list[dict[str, Any]]:
        """What so many messages for a browser say, once they are there."""
        self.until(lambda: len(self.of(browser)) >= count, seconds)
        return [browser.read(message.body) for message in self.of(browser)]
