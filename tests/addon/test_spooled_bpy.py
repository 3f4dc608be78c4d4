"""Output of code that no message holds: it is kept on disk, and only its beginning in memory."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from addon.link.large_results import HEAD_BYTES, LargeResults
from addon.link.queue.main_thread import MainThreadQueue, Route
from addon.link.records import Job
from addon.link.transfers.carrier import Carrier

pytestmark = pytest.mark.bpy
MIB = 1_048_576


class Nobody:
    """Tokens for a carrier that is not used."""

    def token(self) -> str:
        return "token"

    def rejected(self, token: str) -> None:
        return None


class Kept:
    """Takes answers as a route with files does."""

    def __init__(self) -> None:
        self.status, self.result, self.error = "", "", ""
        self.whole: Path | None = None

    def __call__(
        self, job_id: str, status: str, result: str, error: str, extra: Any = None, whole: Path | None = None
    ) -> None:
        self.status, self.result, self.error, self.whole = status, result, error, whole


def run_with_files(code: str) -> Kept:
    from addon.commands import registry

    kept = Kept()
    queue = MainThreadQueue(registry.run)
    files = Carrier("http://127.0.0.1:9", Nobody())
    queue.submit(Job("j-1", "execute_code", {"code": code}), Route(registry.run, kept, files=files))
    queue.drain()
    return kept


def test_output_of_forty_megabytes_is_whole_on_disk_and_not_in_memory(bpy: Any) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = run_with_files("for n in range(40 * 1024):\n    print('é' * 511)")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert kept.status == "completed" and kept.whole is not None
    try:
        text = kept.whole.read_text(encoding="utf-8")
        assert text == ("é" * 511 + "\n") * 40 * 1024
        assert kept.whole.stat().st_mode & 0o077 == 0
        assert text.startswith(kept.result)
    finally:
        kept.whole.unlink()
    assert grown < 16 * MIB


def test_output_over_sixty_four_mebibytes_is_refused_and_leaves_no_file(
    bpy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = run_with_files("for n in range(65):\n    print('x' * 1_048_576)")
    assert kept.status == "failed" and "67108864 bytes" in kept.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", ["raise ValueError('wrong')", "import sys; sys.exit(3)"])
def test_code_that_fails_after_much_output_tells_both_ends_and_leaves_no_file(
    bpy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = run_with_files(f"print('first')\nfor n in range(3):\n    print('x' * 1_048_576)\nprint('last')\n{end}")
    assert kept.status == "failed"
    assert "first\n" in kept.error and "last\n" in kept.error and "bytes left out" in kept.error
    assert len(kept.error) < 100_000
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_cannot_be_sent_fails_with_its_beginning_and_leaves_no_file(tmp_path: Path) -> None:
    class NoCarrier:
        def upload(self, path: Path, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(RuntimeError("no way"))
            return future

    answers: list[tuple[Any, ...]] = []
    whole = tmp_path / "whole"
    whole.write_text("é" * 3 * MIB)
    results = LargeResults(NoCarrier(), lambda *answer: answers.append(answer), lambda *progress: None)  # type: ignore[arg-type]
    results.answer("j-1", "completed", "é", "", {"stderr": "s"}, whole)
    [(job_id, status, result, error, extra)] = answers
    assert (job_id, status, extra) == ("j-1", "failed", {"stderr": "s"})
    assert "no way" in error and str(6 * MIB) in error
    assert result == "é" * (HEAD_BYTES // 2)
    assert not whole.exists()


@contextlib.contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file can be longer than this, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [700_000, 1_048_576 + 10])
def test_output_that_the_disk_cannot_take_leaves_no_file(
    bpy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """In the middle, and when the last of it is written."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with small_disk(size):
        kept = run_with_files("print('x' * 1_048_576)\nprint('y' * 100)")
    assert kept.status == "failed" and kept.whole is None and "File too large" in kept.error, kept.error[-500:]
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_the_disk_cannot_take_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answers: list[Any] = []
    results = LargeResults(
        Carrier("http://127.0.0.1:9", Nobody()), lambda *answer: answers.append(answer), lambda *_: None
    )
    with small_disk(300_000):
        results.answer("j-1", "completed", "x" * MIB)
    [(_, status, result, error, _)] = answers
    assert status == "failed" and result == "x" * HEAD_BYTES and "File too large" in error
    assert list(tmp_path.iterdir()) == []
