"""An OpenID provider that lies as it is told to, for what no real one does."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "bus", "a secret of the client"


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer:
    """`changes` go into the next id token (None leaves a claim out); `sign` makes another token of the claims.

    `nonce` is what the sign-in was begun with: the test reads it off the address the browser is sent to.
    """

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"r1": rsa_key(), "e1": ec.generate_private_key(ec.SECP256R1())}
        self.kid, self.algorithm = "r1", "RS256"
        self.nonce = ""
        self.changes: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.token: str | None = None
        self.asked: list[str] = []
        self.codes: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                documents = {"/.well-known/openid-configuration": issuer.document, "/jwks": issuer.key_set}
                self.answer(documents[self.path]() if self.path in documents else None)

            def do_POST(self) -> None:
                fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                issuer.asked.append(self.path)
                code = fields["code"][0]
                fresh = code not in issuer.codes
                issuer.codes.append(code)
                self.answer({"token_type": "Bearer", "id_token": issuer.id_token()} if fresh else None)

            def answer(self, document: Any) -> None:
                body = json.dumps(document or {"error": "invalid_grant"}).encode()
                self.send_response(200 if document else 400)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}"

    def document(self) -> dict[str, Any]:
        endpoints = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/jwks"}
        return {"issuer": self.url} | {name: self.url + path for name, path in endpoints.items()} | self.metadata

    def key_set(self) -> dict[str, Any]:
        keys = []
        for kid, key in self.keys.items():
            algorithm = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
            keys.append(json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"})
        return {"keys": keys}

    def claims(self) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.url, "sub": "7", "aud": CLIENT_ID, "iat": now, "exp": now + 60, "nonce": self.nonce}
        about = {"email": "ada@example.com", "email_verified": True, "preferred_username": "Ada"}
        return {name: value for name, value in (claims | about | self.changes).items() if value is not None}

    def id_token(self) -> str:
        if self.token is not None:
            return self.token
        return jwt.encode(self.claims(), self.keys[self.kid], self.algorithm, headers={"kid": self.kid})

    def __enter__(self) -> Self:
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.server.shutdown()
        self.server.server_close()
