"""How much the memory of workerd grows while a large file goes up and comes down, and how fast, against a bare
JavaScript Worker that does the same (bench/files.js).

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
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.workerd import DEV_ACCOUNTS, WorkerBundle, Workerd

from files.shelf import MIB, Shelf, noise

ROOT = Path(__file__).resolve().parents[2]
BLOCK = noise(4 * MIB, seed=40)


@dataclass
class Measured:
    up_seconds: float
    down_seconds: float
    up_growth: int
    down_growth: int


def resident(pid: int) -> int:
    """Bytes of memory that a process has for itself: pages of files, such as those of its own binary, are left out."""
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


def bundle(store: str, bare: bool) -> WorkerBundle:
    buckets = ("FILES",) if store == "r2" else ()
    built = WorkerBundle.built(buckets=buckets)
    if not bare:
        return built
    modules = {"files.js": (ROOT / "bench" / "files.js").read_bytes()}
    return WorkerBundle(modules, built.compatibility_date, {"FILES_OF_USER": "Files"}, buckets=buckets)


def measure(folder: Path, store: str, mib: int, *, bare: bool = False) -> Measured:
    variables = {"DEV_ACCOUNTS": DEV_ACCOUNTS, "LIMIT_FILES_MIB": "4096"}
    size = mib // 4 * 4 * MIB
    with Workerd(folder, bundle=bundle(store, bare), variables=variables) as server, ExitStack() as stack:
        shelf = None if bare else stack.enter_context(Shelf(server.url))
        http = stack.enter_context(httpx.Client(base_url=server.url, timeout=120)) if shelf is None else shelf.http
        headers = {"Content-Length": str(size)}

        def path() -> str:
            return f"/files/{shelf.create()['file_id']}" if shelf else "/"

        # What any transfer needs, once: the code compiled, buffers, SQLite's cache.
        for _ in range(2):
            warm = path()
            assert http.put(warm, content=b"".join(blocks(8))).status_code == 201
            assert len(http.get(warm).content) == 8 * MIB
        digest = hashlib.sha256()
        for block in blocks(mib):
            digest.update(block)
        target = path()
        with Watch(server.pid) as up:
            started = time.monotonic()
            answer = http.put(target, content=blocks(mib), headers=headers)
            up_seconds = time.monotonic() - started
        assert answer.status_code == 201 and answer.json()["sha256"] == digest.hexdigest(), answer.text
        came = hashlib.sha256()
        with Watch(server.pid) as down:
            started = time.monotonic()
            with http.stream("GET", target) as download:
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
    found = {}
    for bare in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            found[bare] = measure(Path(folder) / "workerd", options.store, options.mib, bare=bare)
    print(f"{options.mib} MiB on {options.store}, and with a bare Worker:")
    ours, other = found[False], found[True]
    for way, seconds, bare_seconds, growth, bare_growth in (
        ("up  ", ours.up_seconds, other.up_seconds, ours.up_growth, other.up_growth),
        ("down", ours.down_seconds, other.down_seconds, ours.down_growth, other.down_growth),
    ):
        ratio = f"ratio {bare_seconds / seconds:.2f}"
        speeds = f"{options.mib / seconds:6.1f} and {options.mib / bare_seconds:6.1f} MiB/s, {ratio}"
        print(f"  {way} {speeds}; memory grew by {growth / MIB:.1f} and {bare_growth / MIB:.1f} MiB")


if __name__ == "__main__":
    main()
