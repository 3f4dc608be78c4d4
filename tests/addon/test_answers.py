"""Answers to jobs: kept until the bus has confirmed them, and bounded in size and number."""

from __future__ import annotations

import json

import pytest
from protocol_peer import answered, command, frames, register, registered

from addon.link import protocol as p
from addon.link.answers import KeptAnswers, bounded_answer
from addon.link.records import MAX_RESULT_BYTES


def test_answer_is_kept_until_confirmed_and_sent_again_after_registration() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    machine.answer("j-1", "completed", "3\n")
    assert frames(machine)[-1]["params"]["arguments"]["result"] == "3\n"
    machine.connection_closed()
    assert machine.unconfirmed == 1
    register(machine, 5.0)
    [again] = frames(machine, 5.0)
    expected = {"job_id": "j-1", "status": "completed", "result": "3\n", "error": ""}
    assert again["params"]["arguments"] == expected
    machine.receive(answered(again, {"status": "ok", "duplicate": True}), 5.0)
    assert machine.unconfirmed == 0
    machine.connection_closed()
    register(machine, 6.0)
    assert frames(machine, 6.0) == []


def test_answer_given_while_offline_is_sent_after_registration() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    machine.connection_closed()
    assert machine.answer("j-1", "failed", "", "boom")
    register(machine, 1.0)
    assert [f["params"]["arguments"]["error"] for f in frames(machine, 1.0)] == ["boom"]


def test_second_answer_to_a_job_is_dropped() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    assert machine.answer("j-1", "completed", "1")
    assert not machine.answer("j-1", "failed", "", "late")
    assert not machine.answer("j-unknown", "completed", "1")
    assert [f["params"]["arguments"]["status"] for f in frames(machine)[1:]] == ["completed"]


def test_only_a_few_answers_are_in_flight_at_once() -> None:
    machine = registered()
    for number in range(10):
        machine.receive(command(f"j-{number}"), 0.0)
        machine.answer(f"j-{number}", "completed")
    updates = [f for f in frames(machine) if f["method"] == "tools/call"]
    assert len(updates) == p.MAX_IN_FLIGHT
    machine.receive(answered(updates[0]), 0.0)
    [following] = frames(machine)
    assert following["params"]["arguments"]["job_id"] == f"j-{p.MAX_IN_FLIGHT}"


def test_refused_answer_becomes_a_failure_once_and_is_then_let_go() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    machine.answer("j-1", "completed", "1")
    [event] = machine.receive(answered(frames(machine)[-1], {"error": "too odd"}, is_error=True), 0.0)
    assert isinstance(event, p.Trouble)
    [retry] = frames(machine)
    assert retry["params"]["arguments"]["status"] == "failed"
    assert "too odd" in retry["params"]["arguments"]["error"]
    machine.receive(answered(retry, {"error": "no"}, is_error=True), 0.0)
    assert machine.unconfirmed == 0
    assert frames(machine) == []


def test_result_over_one_mebibyte_becomes_a_failure_naming_size_and_limit() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    machine.answer("j-1", "completed", "x" * 30_000_000)
    arguments = frames(machine)[-1]["params"]["arguments"]
    assert (arguments["status"], arguments["result"]) == ("failed", "")
    assert "30000000 bytes" in arguments["error"]
    assert str(MAX_RESULT_BYTES) in arguments["error"]


@pytest.mark.parametrize(("size", "status"), [(MAX_RESULT_BYTES, "completed"), (MAX_RESULT_BYTES + 1, "failed")])
def test_result_limit_is_exact(size: int, status: str) -> None:
    assert bounded_answer("j-1", "completed", "x" * size, "").status == status


def test_result_limit_counts_bytes_not_characters() -> None:
    assert bounded_answer("j-1", "completed", "é" * (MAX_RESULT_BYTES // 2 + 1), "").status == "failed"


def test_long_error_is_cut_in_the_middle_and_says_so() -> None:
    error = bounded_answer("j-1", "failed", "", "start " + "x" * 2_000_000 + " end").error
    assert len(error) < 300_000
    assert error.startswith("start")
    assert error.endswith(" end")
    assert "bytes left out" in error


def test_lone_surrogates_never_reach_the_wire() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    machine.answer("j-1", "completed", "a\udc80b")
    frame = ""
    while (following := machine.next_frame(0.0)) is not None:
        frame = following
    assert json.loads(frame.encode("utf-8"))["params"]["arguments"]["result"] == "a\\udc80b"


def test_kept_answers_shrink_to_a_note_when_too_much_waits() -> None:
    kept = KeptAnswers(max_bytes=100_000)
    for number in range(20):
        kept.add(bounded_answer(f"j-{number}", "completed", "x" * 10_000, ""))
    answers = [kept.next_waiting() for _ in range(20)]
    assert answers[0] is not None and answers[0].status == "failed" and "dropped" in answers[0].error
    assert answers[-1] is not None and answers[-1].result == "x" * 10_000


def test_kept_answers_are_bounded_in_number() -> None:
    kept = KeptAnswers(max_answers=5)
    for number in range(20):
        kept.add(bounded_answer(f"j-{number}", "completed", "", ""))
    assert len(kept) == 5
    assert "j-19" in kept
