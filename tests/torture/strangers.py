"""What a request without any sign-in costs: CPU of the server, rows, and databases left behind, as a table.

By hand, on the built Worker, for docs/security.md: `python3 tests/torture/strangers.py`. No limit of
requests is set, so that each is served.
"""

from __future__ import annotations

import argparse
import base64
import secrets
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import httpx  # noqa: E402
from harness.workerd import Workerd  # noqa: E402
from oauth.flow import Flow  # noqa: E402

Request = Callable[[httpx.Client], httpx.Response]


def stored(state: Path, scratch: Path) -> tuple[int, int]:
    """Databases, and rows of our own tables in all of them, read from a copy."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(state, scratch)
    files = [file for file in scratch.rglob("*.sqlite") if file.stem != "metadata"]
    rows = 0
    for file in files:
        database = sqlite3.connect(file)
        named = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"
        )
        rows += sum(database.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for (name,) in named)
        database.close()
    return len(files), rows


def requests(flow: Flow) -> dict[str, Request]:
    token = flow.tokens()["refresh_token"]
    route = token.split("_", 1)[1].split(".")[0]
    bearer = {"Authorization": "Bearer bmcp_" + route + "." + secrets.token_urlsafe(32)}
    metadata = {"client_name": "x", "redirect_uris": [flow.redirect]}
    password = {"password": "wrong"}
    form = {"grant_type": "refresh_token", "client_id": flow.client_id}
    elsewhere = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")

    def fresh() -> str:
        return "n-" + secrets.token_hex(8)

    return {
        "`GET /health`": lambda http: http.get("/health"),
        "`GET /`, `GET /login`": lambda http: http.get("/login"),
        "metadata": lambda http: http.get("/.well-known/oauth-authorization-server"),
        "`POST /mcp` without a token": lambda http: http.post("/mcp", json={}),
        "`POST /mcp`, invented access token": lambda http: http.post(
            "/mcp", json={}, headers={"Authorization": f"Bearer bmcp_{elsewhere}.{elsewhere}"}
        ),
        "`POST /mcp`, real account, invented secret": lambda http: http.post("/mcp", json={}, headers=bearer),
        "`POST /register`": lambda http: http.post("/register", json=metadata),
        "`POST /token`, invented refresh token": lambda http: http.post(
            "/token", data={**form, "refresh_token": f"bmr_{route}.{secrets.token_urlsafe(32)}"}
        ),
        "`POST /device_authorization`": lambda http: http.post(
            "/device_authorization", data={"client_id": flow.client_id}
        ),
        "`POST /auth/login`, an account's name": lambda http: http.post(
            "/auth/login", json={"username": "demo", **password}
        ),
        "`POST /auth/login`, a new name each time": lambda http: http.post(
            "/auth/login", json={"username": fresh(), **password}
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100)
    times = parser.parse_args().times
    variables = {"DEV_ACCOUNTS": "demo:demo"}
    print("| request | status | CPU ms | databases left | rows left |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, Workerd(Path(folder) / "workerd", variables=variables) as server:
        state, scratch = server.folder / "state", Path(folder) / "copy"
        flow = Flow(server.url)
        device = {"redirect_uris": [flow.redirect], "grant_types": ["authorization_code", "refresh_token", DEVICE]}
        asked = requests(flow)
        flow.client_id = flow.http.post("/register", json=device).json()["client_id"]
        with httpx.Client(base_url=server.url, timeout=30) as http:
            for name, request in asked.items():
                answer = request(http)
                before, began = stored(state, scratch), server.cpu_seconds()
                for _ in range(times):
                    answer = request(http)
                spent = (server.cpu_seconds() - began) * 1_000 / times
                databases, rows = (now - then for now, then in zip(stored(state, scratch), before, strict=True))
                print(
                    f"| {name} | {answer.status_code} | {spent:.1f} | {databases / times:.2g} | {rows / times:.2g} |",
                    flush=True,
                )


DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


if __name__ == "__main__":
    main()
