"""SIGKILL at random points of uploads and downloads: what was acknowledged is whole, and nothing else is listed or
left.

`python tests/files/kills.py --transfers 200 [--store r2]` runs so many against a server of its own. The suite runs some
twenty.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.workerd import DEV_ACCOUNTS, WorkerBundle, Workerd

from files.shelf import MIB, Shelf, noise, sha256

ABREAST = 5


@dataclass
class Record:
    """What the clients know."""

    acknowledged: dict[str, str] = field(default_factory=dict)  # file id -> SHA-256
    begun: dict[str, bytes] = field(default_factory=dict)  # uploads whose end nobody has heard of
    transfers: int = 0
    cut: int = 0
    faults: list[str] = field(default_factory=list)


class Kills:
    def __init__(self, folder: Path, store: str, seed: int) -> None:
        self.store, self.rng = store, random.Random(seed)
        buckets = ("FILES",) if store == "r2" else ()
        variables = {"DEV_ACCOUNTS": DEV_ACCOUNTS, "LIMIT_FILES_MIB": "4096", "LIMIT_OPEN_UPLOADS": "500"}
        self.server = Workerd(folder, bundle=WorkerBundle.built(buckets=buckets), variables=variables)
        self.record = Record()

    def transfer(self, shelf: Shelf, seed: int) -> None:
        """One upload or download. Whatever breaks it off is the kill."""
        rng = random.Random(seed)
        known = list(self.record.acknowledged.items())
        self.record.transfers += 1
        try:
            if known and rng.random() < 0.4:
                file_id, digest = rng.choice(known)
                answer = shelf.get(file_id)
                if answer.status_code != 200 or sha256(answer.content) != digest:
                    self.record.faults.append(
                        f"{file_id} came back with {answer.status_code}, {len(answer.content)} bytes"
                    )
                return
            if self.record.begun and rng.random() < 0.5:
                file_id, data = self.record.begun.popitem()
                self.go_on(shelf, file_id, data)
                return
            data = noise(rng.randrange(100_000, 6 * MIB), seed=seed)
            file_id = shelf.create(bytes=len(data), sha256=sha256(data))["file_id"]
            self.record.begun[file_id] = data
            if rng.random() < 0.5:
                answer = shelf.put(file_id, data)
                if answer.status_code != 201:
                    self.record.faults.append(f"PUT: {answer.status_code} {answer.text}")
                    return
                self.done(file_id, data)
            else:
                self.go_on(shelf, file_id, data)
        except (httpx.TransportError, KeyError):
            self.record.cut += 1

    def go_on(self, shelf: Shelf, file_id: str, data: bytes) -> None:
        self.record.begun[file_id] = data
        offset = shelf.offset(file_id)
        while offset < len(data):
            answer = shelf.patch(file_id, offset, data[offset : offset + 900_000])
            if answer.status_code == 409:  # a request that was cut off has not ended yet
                time.sleep(0.1)
                offset = shelf.offset(file_id)
                continue
            if answer.status_code != 204:
                self.record.faults.append(f"PATCH at {offset}: {answer.status_code} {answer.text}")
                return
            offset = int(answer.headers["Upload-Offset"])
        self.done(file_id, data)

    def done(self, file_id: str, data: bytes) -> None:
        self.record.acknowledged[file_id] = sha256(data)
        self.record.begun.pop(file_id, None)

    def round(self) -> None:
        with Shelf(self.server.url) as shelf:
            threads = [
                threading.Thread(target=self.transfer, args=(shelf, self.rng.randrange(2**32))) for _ in range(ABREAST)
            ]
            for thread in threads:
                thread.start()
            time.sleep(self.rng.uniform(0.0, 3.0 if self.store == "r2" else 1.5))
            self.server.kill()
            for thread in threads:
                thread.join()
        self.server.start()

    def check(self) -> None:
        """What there is now, against what the clients know."""
        faults = self.record.faults
        with Shelf(self.server.url) as shelf:
            listed, after = [], None
            while True:
                page = shelf.call("blender_list_files", limit=500, after=after)
                listed += page["files"]
                after = page["next"]
                if after is None:
                    break
            there = {file["file_id"]: file["sha256"] for file in listed}
            for file_id, digest in self.record.acknowledged.items():
                if there.get(file_id) != digest:
                    told = shelf.get(file_id)
                    faults.append(f"{file_id} was acknowledged, is listed as {there.get(file_id)}: {told.status_code}")
            for file_id, digest in there.items():
                expected = self.record.acknowledged.get(file_id) or sha256(self.record.begun.get(file_id, b""))
                content = shelf.get(file_id).content
                if not digest == expected == sha256(content):
                    faults.append(f"{file_id} is listed and is not what was sent")
            # Whatever was begun is gone on with to its end: no part of it is lost that would make it wrong.
            for file_id, data in list(self.record.begun.items()):
                if file_id not in there:
                    self.go_on(shelf, file_id, data)
                    if sha256(shelf.get(file_id).content) != sha256(data):
                        faults.append(f"{file_id} was gone on with and is wrong")
            for file_id in list(there)[::2]:
                shelf.http.delete(f"/files/{file_id}")
        time.sleep(3)
        self.server.kill()
        faults += self.orphans()

    def orphans(self) -> list[str]:
        """Rows that belong to nothing."""
        faults = []
        for path in (self.server.folder / "state" / "Files").glob("*.sqlite"):
            if path.stem == "metadata":
                continue
            with sqlite3.connect(path) as database:
                for what, statement in {
                    "chunks without content": (
                        "SELECT COUNT(*) FROM chunks WHERE chunk >> 20 NOT IN (SELECT blob FROM blobs)"
                    ),
                    "content without a file": "SELECT COUNT(*) FROM blobs WHERE blob NOT IN (SELECT blob FROM files)",
                    "parts without content": "SELECT COUNT(*) FROM parts WHERE blob NOT IN (SELECT blob FROM blobs)",
                    "files without content": "SELECT COUNT(*) FROM files WHERE blob NOT IN (SELECT blob FROM blobs)",
                }.items():
                    (count,) = database.execute(statement).fetchone()
                    if count:
                        faults.append(f"{count} {what}")
        return faults

    def run(self, transfers: int) -> Record:
        self.server.start()
        try:
            while self.record.transfers < transfers:
                self.round()
            self.check()
        finally:
            self.server.kill()
        return self.record


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transfers", type=int, default=200)
    parser.add_argument("--store", choices=("sqlite", "r2"), default="sqlite")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        record = Kills(Path(folder) / "workerd", options.store, options.seed).run(options.transfers)
    print(f"{record.transfers} transfers, {record.cut} cut off, {len(record.acknowledged)} files acknowledged")
    for fault in record.faults:
        print(f"FAULT: {fault}")
    return 1 if record.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
