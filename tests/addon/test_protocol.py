"""The peer's state machine, without sockets, threads or clocks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bus_double import record, tool_result

from addon.link import protocol as p
from addon.link.answers import KeptAnswers, bounded_answer
from addon.link.records import MAX_RESULT_BYTES, WAITS_FOR_CONSENT


def peer() -> p.PeerProtocol:
    return p.PeerProtocol(p.PeerIdentity("blender-1", ("window",), "farm"))


def frames(machine: p.PeerProtocol, now: float = 0.0) -> list[Any]:
    taken = []
    while (frame := machine.next_frame(now)) is not None:
        taken.append(frame if frame in ("ping", "pong") else json.loads(frame))
    return taken


def answered(call: dict[str, Any], document: dict[str, Any] | None = None, is_error: bool = False) -> str:
    result = tool_result(document or {"status": "ok"}, is_error)
    return json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result})


def registered(now: float = 0.0) -> p.PeerProtocol:
    machine = peer()
    register(machine, now)
    return machine


def register(machine: p.PeerProtocol, now: float = 0.0) -> None:
    machine.connection_opened(now)
    [call] = frames(machine, now)
    [event] = machine.receive(answered(call, {"status": "ok", "client": {"uuid": "blender-1"}}), now)
    assert event == p.Registered({"uuid": "blender-1"})


def command(job_id: str = "j-1", name: str = "get_scene_info", priority: int = 6, **params: Any) -> str:
    payload = {"message_type": "command_dispatch", "job_id": job_id, "command": name, "params": params}
    return record(payload, priority)


def test_registration_is_the_first_call_and_promises_job_ack() -> None:
    machine = peer()
    machine.connection_opened(0.0)
    [call] = frames(machine)
    assert call["method"] == "tools/call"
    assert call["params"] == {
        "name": "blender_register_client",
        "arguments": {
            "client_uuid": "blender-1",
            "client_type": "blender",
            "is_persistent": True,
            "capabilities": ["job_ack", "window"],
            "group_id": "farm",
        },
    }


def test_nothing_but_the_registration_is_sent_before_its_answer() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    machine.answer("j-1", "completed", "{}")
    machine.connection_closed()
    machine.connection_opened(1.0)
    assert [f["params"]["name"] for f in frames(machine, 1.0)] == ["blender_register_client"]


@pytest.mark.parametrize(
    "answer",
    [
        {"result": tool_result({"status": "error", "error": "no such user"}, True)},
        {"result": tool_result({"status": "error", "error": "no such user"})},
        {"error": {"code": -32600, "message": "no such user"}},
    ],
)
def test_refused_registration_ends_the_connection_with_the_reason(answer: dict[str, Any]) -> None:
    machine = peer()
    machine.connection_opened(0.0)
    [call] = frames(machine)
    [event] = machine.receive(json.dumps({"jsonrpc": "2.0", "id": call["id"], **answer}), 0.0)
    assert isinstance(event, p.ConnectionDead)
    assert "no such user" in event.reason
    assert not machine.registered


def test_job_is_acknowledged_as_soon_as_it_is_taken() -> None:
    machine = registered()
    [event] = machine.receive(command("j-7", "browse_data", 2, page=3), 0.0)
    assert isinstance(event, p.JobArrived)
    assert (event.job.command, event.job.params, event.job.priority) == ("browse_data", {"page": 3}, 2)
    [frame] = frames(machine)
    assert frame["method"] == "notifications/progress"
    assert frame["params"]["progressToken"] == "j-7"
    assert frame["params"]["progress"] == 0


def test_job_dispatch_runs_like_execute_code() -> None:
    machine = registered()
    payload = {"message_type": "job_dispatch", "job_id": "j-1", "script": "print(1)"}
    [event] = machine.receive(record(payload), 0.0)
    assert isinstance(event, p.JobArrived)
    assert (event.job.command, event.job.params) == ("execute_code", {"code": "print(1)"})


def test_job_that_comes_twice_runs_once_and_is_acknowledged_twice() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    frames(machine)
    assert machine.receive(command(), 0.0) == []
    [frame] = frames(machine)
    assert frame["params"]["progressToken"] == "j-1"


def test_job_sent_again_after_a_reconnect_is_acknowledged_and_not_run_again() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    machine.connection_closed()
    register(machine, 1.0)
    assert machine.receive(command(), 1.0) == []
    assert [f["params"]["progressToken"] for f in frames(machine, 1.0)] == ["j-1"]


def test_job_that_was_answered_and_confirmed_is_not_run_again() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    machine.answer("j-1", "completed", "1")
    update = frames(machine)[-1]
    assert machine.receive(answered(update), 0.0) == [p.AnswerConfirmed("j-1", False)]
    [event] = machine.receive(command(), 0.0)
    assert isinstance(event, p.Trouble)
    [update] = frames(machine)
    assert update["params"]["arguments"]["status"] == "failed"
    assert "not run again" in update["params"]["arguments"]["error"]


def test_seen_ids_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(p, "MAX_SEEN_IDS", 3)
    machine = registered()
    for number in range(10):
        machine.receive(command(f"j-{number}"), 0.0)
        machine.answer(f"j-{number}", "completed")
        machine.receive(answered(frames(machine)[-1]), 0.0)
    assert list(machine._seen) == ["j-7", "j-8", "j-9"]


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


def test_cancel_reaches_open_jobs_only() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "j-1", "reason": "no"}}
    assert machine.receive(json.dumps(cancel), 0.0) == [p.CancelRequested("j-1", "no")]
    machine.answer("j-1", "cancelled")
    assert machine.receive(json.dumps(cancel), 0.0) == []


def test_progress_is_coalesced_and_ends_with_the_answer() -> None:
    machine = registered()
    machine.receive(command(), 0.0)
    frames(machine)
    machine.progress("j-1", 10)
    machine.progress("j-1", 250, "half")
    [frame] = frames(machine)
    assert frame["params"] == {"progressToken": "j-1", "progress": 100.0, "total": 100, "message": "half"}
    machine.progress("j-1", 60)
    machine.answer("j-1", "completed")
    machine.progress("j-1", 70)
    assert [f["method"] for f in frames(machine)] == ["tools/call"]


def test_too_many_open_jobs_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(p, "MAX_OPEN_JOBS", 2)
    machine = registered()
    for number in range(3):
        machine.receive(command(f"j-{number}"), 0.0)
    update = frames(machine)[-1]["params"]["arguments"]
    assert (update["job_id"], update["status"]) == ("j-2", "failed")
    assert "busy" in update["error"]


@pytest.mark.parametrize(
    "payload",
    [
        {"message_type": "command_dispatch", "job_id": "j-1"},
        {"message_type": "command_dispatch", "job_id": "j-1", "command": 5},
        {"message_type": "command_dispatch", "job_id": "j-1", "command": "x" * 129},
        {"message_type": "command_dispatch", "job_id": "j-1", "command": "x", "params": []},
        {"message_type": "job_dispatch", "job_id": "j-1", "script": None},
    ],
)
def test_job_with_wrong_fields_is_answered_failed(payload: dict[str, Any]) -> None:
    machine = registered()
    [event] = machine.receive(record(payload), 0.0)
    assert isinstance(event, p.Trouble)
    [update] = frames(machine)
    assert update["params"]["arguments"]["job_id"] == "j-1"
    assert update["params"]["arguments"]["status"] == "failed"
    assert "must be" in update["params"]["arguments"]["error"]


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "\0",
        "nonsense",
        "[]",
        "1",
        "null",
        "{}",
        '{"jsonrpc":"1.0","method":"x"}',
        '{"jsonrpc":"2.0"}',
        '{"jsonrpc":"2.0","id":true,"result":{}}',
        '{"jsonrpc":"2.0","id":99,"result":{}}',
        '{"jsonrpc":"2.0","id":{},"result":{}}',
        '{"jsonrpc":"2.0","method":7}',
        '{"jsonrpc":"2.0","method":"notifications/message","params":[]}',
        '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}',
        "[" * 100_000,
        '{"jsonrpc":"2.0","id":' + "9" * 10_000 + "}",
        record({"message_type": "command_dispatch", "job_id": 5, "command": "x"}),
        record({"message_type": "command_dispatch", "job_id": "x" * 129, "command": "x"}),
    ],
    ids=range(19),
)
def test_garbage_is_reported_and_changes_nothing(garbage: str) -> None:
    machine = registered()
    [event] = machine.receive(garbage, 0.0)
    assert isinstance(event, p.Trouble)
    assert machine.registered
    assert frames(machine) == []
    [event] = machine.receive(command(), 0.0)
    assert isinstance(event, p.JobArrived)


@pytest.mark.parametrize(
    "frame",
    [
        '{"jsonrpc":"2.0","method":"notifications/other"}',
        '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"text"}}',
        record({"kind": "job_update", "job_id": "j-9", "status": "completed"}),
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[1]}}',
    ],
)
def test_records_that_carry_no_job_are_passed_over(frame: str) -> None:
    assert registered().receive(frame, 0.0) == []


def test_requests_of_the_bus_are_answered() -> None:
    machine = registered()
    machine.receive('{"jsonrpc":"2.0","id":0,"method":"ping"}', 0.0)
    machine.receive('{"jsonrpc":"2.0","id":"a","method":"roots/list"}', 0.0)
    pong, unknown = frames(machine)
    assert pong == {"jsonrpc": "2.0", "id": 0, "result": {}}
    assert (unknown["id"], unknown["error"]["code"]) == ("a", -32601)


def test_ping_is_sent_when_due_and_any_frame_counts_as_life() -> None:
    machine = registered(0.0)
    assert machine.deadline() == p.PING_INTERVAL
    assert frames(machine, 29.9) == []
    assert frames(machine, 30.0) == ["ping"]
    assert machine.deadline() == 45.0
    assert machine.tick(44.9) == []
    machine.receive("pong", 44.9)
    assert machine.tick(45.1) == []
    assert machine.deadline() == 60.0


def test_silence_after_a_ping_is_a_dead_connection() -> None:
    machine = registered(0.0)
    frames(machine, 30.0)
    [event] = machine.tick(45.0)
    assert isinstance(event, p.ConnectionDead)


def test_unanswered_registration_is_a_dead_connection() -> None:
    machine = peer()
    machine.connection_opened(0.0)
    frames(machine)
    assert machine.tick(19.9) == []
    [event] = machine.tick(20.0)
    assert isinstance(event, p.ConnectionDead)
    assert "registration" in event.reason


def test_unanswered_update_is_a_dead_connection() -> None:
    machine = registered(0.0)
    machine.receive(command(), 0.0)
    machine.answer("j-1", "completed")
    frames(machine, 1.0)
    machine.receive("pong", 120.0)
    assert machine.tick(120.0) == []
    [event] = machine.tick(121.0)
    assert isinstance(event, p.ConnectionDead)
    assert "j-1" in event.reason


def test_successor_takes_over_what_is_owed() -> None:
    first = registered()
    first.receive(command("j-1"), 0.0)
    first.receive(command("j-2"), 0.0)
    first.answer("j-1", "completed", "1")
    first.connection_closed()
    second = peer()
    second.adopt(first)
    first.answer("j-2", "completed", "2")
    register(second, 1.0)
    assert [f["params"]["arguments"]["result"] for f in frames(second, 1.0)] == ["1", "2"]


def test_consent_from_afar_is_for_an_open_job_and_well_formed_or_ignored() -> None:
    machine = registered()
    machine.receive(command("j-1", "execute_code"), 0.0)

    def consent(**params: Any) -> list[Any]:
        frame = {"jsonrpc": "2.0", "method": "notifications/consent", "params": params}
        return machine.receive(json.dumps(frame), 0.0)

    assert consent(requestId="j-1", allow=True) == [p.ConsentGiven("j-1", True)]
    for params in ({"requestId": "j-2", "allow": True}, {"requestId": "j-1"}, {"requestId": "j-1", "allow": "yes"}):
        assert consent(**params) == []


def test_a_job_that_waits_for_consent_says_so_in_a_field_of_its_own() -> None:
    machine = registered()
    machine.receive(command("j-1", "execute_code"), 0.0)
    frames(machine)
    for message, meta in ((WAITS_FOR_CONSENT, {"blender-bus/asks": "consent"}), ("frame 1", None)):
        machine.progress("j-1", 0.0, message)
        (frame,) = frames(machine)
        assert frame["params"].get("_meta") == meta
