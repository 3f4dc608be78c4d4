"""How much the memory of workerd grows while a large file goes up and comes down, and how fast.

`python tests/files/memory.py [--mib 200] [--store r2]` prints it. The suite has a smaller run that fails on growth.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.workerd import DEV_ACCOUNTS, WorkerBundle, Workerd

from files.shelf import MIB, Shelf, noise

BLOCK = noise(4 * MIB, seed=40)


@dataclass
class Measured:
    up_seconds: float
    down_seconds: float
    up_growth: int
    down_growth: int


def resident(pid: int) -> int:
    """Bytes of memory that a process has and no other shares; pages of files, such as its own binary, are left out."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return int(fields["RssAnon"].split()[0]) * 1024


class Watch:
    """The most that a process has while something runs, beyond what it had before."""

    def __init__(self, pid: int) -> None:
        self.pid, self.before, self.most, self.over = pid, resident(pid), 0, threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self) -> None:
        while not self.over.wait(0.02):
            self.most = max(self.most, resident(self.pid))

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    @property
    def growth(self) -> int:
        return max(0, self.most - self.before)


def blocks(mib: int) -> Iterator[bytes]:
    for number in range(mib // 4):
        yield number.to_bytes(4, "big") + BLOCK[4:]


def measure(folder: Path, store: str, mib: int) -> Measured:
    buckets = ("FILES",) if store == "r2" else ()
    variables = {"DEV_ACCOUNTS": DEV_ACCOUNTS, "LIMIT_FILES_MIB": "4096"}
    with (
        Workerd(folder, bundle=WorkerBundle.built(buckets=buckets), variables=variables) as server,
        Shelf(server.url) as shelf,
    ):
        # What any transfer needs, once: the code compiled, buffers, SQLite's cache.
        for _ in range(2):
            warm = shelf.store(b"".join(blocks(8)))
            assert len(shelf.get(warm["file_id"]).content) == 8 * MIB
        size, digest = mib // 4 * 4 * MIB, hashlib.sha256()
        for block in blocks(mib):
            digest.update(block)
        file_id = shelf.create(bytes=size, sha256=digest.hexdigest())["file_id"]
        with Watch(server.pid) as up:
            started = time.monotonic()
            answer = shelf.put(file_id, blocks(mib), **{"Content-Length": str(size)})
            up_seconds = time.monotonic() - started
        assert answer.status_code == 201, answer.text
        came = hashlib.sha256()
        with Watch(server.pid) as down:
            started = time.monotonic()
            with shelf.http.stream("GET", f"/files/{file_id}") as download:
                for piece in download.iter_raw():
                    came.update(piece)
            down_seconds = time.monotonic() - started
        assert came.hexdigest() == digest.hexdigest()
        return Measured(up_seconds, down_seconds, up.growth, down.growth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=200)
    parser.add_argument("--store", choices=("sqlite", "r2"), default="sqlite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder) / "workerd", options.store, options.mib)
    print(f"{options.mib} MiB on {options.store}:")
    print(f"  up   {options.mib / found.up_seconds:7.1f} MiB/s, memory grew by {found.up_growth / MIB:.1f} MiB")
    print(f"  down {options.mib / found.down_seconds:7.1f} MiB/s, memory grew by {found.down_growth / MIB:.1f} MiB")


if __name__ == "__main__":
    main()
