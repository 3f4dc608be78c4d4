"""Requests of strangers to a user's files: ids, signed URLs and ranges of another user, each part of a URL changed.

`python tests/files/attack.py --tries 10000` makes so many against a server of its own and fails on the first that is
served. The suite makes some hundred.
"""

from __future__ import annotations

import argparse
import base64
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.workerd import Workerd

from files.shelf import Shelf, noise

METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE")
REFUSED = {400, 401, 403, 404, 405, 410, 415}


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def changed(text: str, rng: random.Random) -> str:
    """The text with one letter changed, added or taken away, and never as it was."""
    place = rng.randrange(len(text))
    letter = rng.choice("ABCabc019-_.~%")
    options = [
        text[:place] + letter + text[place + 1 :],
        text[:place] + text[place + 1 :],
        text[:place] + letter + text[place:],
    ]
    found = rng.choice(options)
    return found if found != text else text + "A"


class Attack:
    """Ada attacks what demo has."""

    def __init__(self, url: str, seed: int) -> None:
        self.rng = random.Random(seed)
        self.url = url
        self.demo, self.ada = Shelf(url), Shelf(url, "ada")
        self.secret = noise(5000, seed=seed)
        self.file = self.demo.store(self.secret, "secret.glb")
        self.upload = self.demo.create("upload.glb")
        self.own = self.ada.store(b"of ada", "own.glb")
        self.own_upload = self.ada.create("own-upload.glb")
        self.users = {
            name: parse_qs(urlsplit(file["url"]).query)["signed"][0].split("~")[0]
            for name, file in (("demo", self.file), ("ada", self.own))
        }
        self.http = httpx.Client(base_url=url, timeout=30)
        self.counts: Counter[str] = Counter()

    def request(self) -> tuple[str, str, dict[str, str]]:
        """A request that must not be served: method, path and query, headers."""
        rng = self.rng
        file_id, upload_id = self.file["file_id"], self.upload["file_id"]
        target = rng.choice([file_id, upload_id])
        signed = {
            "get": parse_qs(urlsplit(self.file["url"]).query)["signed"][0],
            "put": parse_qs(urlsplit(self.upload["upload_url"]).query)["signed"][0],
            "own get": parse_qs(urlsplit(self.own["url"]).query)["signed"][0],
            "own put": parse_qs(urlsplit(self.own_upload["upload_url"]).query)["signed"][0],
        }
        headers = (
            {"Range": rng.choice(["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=4999-", "lines=1-"])}
            if rng.random() < 0.5
            else {}
        )
        if rng.random() < 0.3:
            headers |= {"If-None-Match": "*"} if rng.random() < 0.5 else {"Tus-Resumable": "1.0.0"}
        kind = rng.choice(
            ["token", "wrong file", "wrong method", "changed", "parts", "time", "user", "no token", "twice"]
        )
        method = rng.choice(METHODS)
        self.counts[kind] += 1
        if kind == "token":
            return method, f"/files/{target}", {**headers, "Authorization": f"Bearer {self.ada.token}"}
        if kind == "no token":
            return method, f"/files/{target}", headers
        if kind == "wrong file":
            # Good for another file of the same user, or of the attacker.
            name = rng.choice(list(signed))
            of = {"get": file_id, "put": upload_id}.get(name)
            other = upload_id if of == file_id else file_id
            return method, f"/files/{other}?signed={signed[name]}", headers
        if kind == "wrong method":
            name, methods = rng.choice([("get", ("PUT", "PATCH", "DELETE")), ("put", ("GET", "DELETE"))])
            path = file_id if name == "get" else upload_id
            return rng.choice(methods), f"/files/{path}?signed={signed[name]}", headers
        if kind == "changed":
            good = rng.choice([signed["get"], signed["put"]])
            return method, f"/files/{target}?signed={changed(good, rng)}", headers
        good = rng.choice([signed["get"], signed["put"]])
        user, word, seal = good.split("~")
        until, kid, signature = seal.split(".")
        if kind == "time":
            until = str(int(until) + rng.choice([1, 3_600_000, -1, 10**15]))
        elif kind == "user":
            user = rng.choice([self.users["ada"], encoded("demo"), encoded(""), user + "AA", encoded("x" * 200)])
        elif kind == "twice":
            return method, f"/files/{target}?signed={good}&signed={good}", headers
        else:
            word = rng.choice(["get", "put", "GET", "delete", "", "head"])
            signature = rng.choice([signature[::-1], "", signature[:-1], "A" * 43, signed["own get"].rsplit(".", 1)[1]])
        return method, f"/files/{target}?signed={user}~{word}~{until}.{kid}.{signature}", headers

    def run(self, tries: int) -> None:
        for number in range(tries):
            method, path, headers = self.request()
            content = noise(10, seed=number) if method in ("PUT", "PATCH") else None
            if method == "PATCH":
                headers = {**headers, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
            answer = self.http.request(method, path, headers=headers, content=content)
            refused = answer.status_code in REFUSED and self.secret[:16] not in answer.content
            assert refused, (number, method, path, headers, answer.status_code)
        assert self.demo.get(self.file["file_id"]).content == self.secret, "it is as it was"
        assert self.demo.offset(self.upload["file_id"]) == 0
        assert self.demo.put(self.upload["file_id"], b"mine").status_code == 201
        assert httpx.get(self.file["url"]).content == self.secret, "and its URL is still good"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder, Workerd(Path(folder) / "workerd") as server:
        attack = Attack(server.url, options.seed)
        attack.run(options.tries)
    print(f"{options.tries} tries, all refused: {dict(attack.counts)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
