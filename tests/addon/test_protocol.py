"""The peer's state machine, without sockets, threads or clocks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bus_double import record, tool_result
from protocol_peer import answered, command, frames, peer, register, registered

from addon.link import protocol as p
from addon.link.records import WAITS_FOR_CONSENT


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
            "capabilities": ["job_ack", "record_ack", "window"],
            "group_id": "farm",
            "instance_id": machine.identity.instance_id,
            "open_jobs": [],
            "ping_interval": 30,
        },
    }
    assert peer().identity.instance_id != machine.identity.instance_id


def test_a_registration_lists_what_runs_and_what_is_not_confirmed() -> None:
    machine = registered()
    for job_id in ("runs", "waits", "answered"):
        machine.receive(command(job_id), 0.0)
    machine.answer("answered", "completed", "{}")
    machine.connection_closed()
    machine.connection_opened(1.0)
    [call] = frames(machine, 1.0)
    assert call["params"]["arguments"]["open_jobs"] == ["runs", "waits", "answered"]


def test_a_bus_that_does_not_know_these_arguments_is_registered_with_without() -> None:
    machine = peer()
    machine.connection_opened(0.0)
    [call] = frames(machine)
    refused = answered(call, {"status": "error", "error": 'unknown argument "instance_id"'}, True)
    assert machine.receive(refused, 0.0) == []
    [again] = frames(machine)
    assert set(again["params"]["arguments"]) == {
        "client_uuid",
        "client_type",
        "is_persistent",
        "capabilities",
        "group_id",
    }
    assert machine.receive(answered(again, {"status": "ok", "client": {}}), 0.0) == [p.Registered({})]


def test_a_job_behind_another_says_so_until_it_begins() -> None:
    machine = registered()
    machine.receive(command("first"), 0.0)
    machine.receive(command("second"), 0.0)
    sent = frames(machine)
    assert [frame["params"].get("_meta") for frame in sent] == [None, {"blender-bus/waits": True}]
    machine.began("first")
    assert frames(machine) == [], "it was said to run already"
    machine.answer("first", "completed", "{}")
    machine.began("second")
    reports = [frame["params"] for frame in frames(machine) if frame["method"] == "notifications/progress"]
    assert [(params["progressToken"], params.get("_meta")) for params in reports] == [("second", None)]


def test_a_cancel_of_a_job_that_is_not_here_is_answered() -> None:
    machine = registered()
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "gone"}}
    assert machine.receive(json.dumps(cancel), 0.0) == []
    [call] = frames(machine)
    arguments = call["params"]["arguments"]
    assert (arguments["job_id"], arguments["status"]) == ("gone", "cancelled")


def test_the_last_record_of_a_connection_is_confirmed_once_whatever_is_in_it() -> None:
    machine = registered()
    for place in ("7", "9", "8"):
        machine.receive(record({"kind": "note"}, place=place), 0.0)
    machine.receive(record({"message_type": "command_dispatch", "job_id": 7}, place="10"), 0.0)
    received = {"jsonrpc": "2.0", "method": "notifications/received", "params": {"place": "10"}}
    assert frames(machine) == [received]
    assert frames(machine) == []


@pytest.mark.parametrize("place", ["", "-1", "1.5", "x", "9" * 20, "\u0664", None])
def test_a_place_that_is_none_is_not_confirmed(place: str | None) -> None:
    machine = registered()
    machine.receive(record({"kind": "note"}, place=place), 0.0)
    assert frames(machine) == []


def test_a_place_of_a_lost_connection_is_not_confirmed_on_the_next() -> None:
    machine = registered()
    machine.receive(record({"kind": "note"}, place="7"), 0.0)
    machine.connection_closed()
    register(machine, 1.0)
    assert frames(machine, 1.0) == []


@pytest.mark.parametrize(
    "refusal", ["not_yours", 'client_uuid "blender-1" was registered by another grant', "it belongs to another login"]
)
def test_a_uuid_of_another_login_is_for_the_user_to_settle(refusal: str) -> None:
    machine = peer()
    machine.connection_opened(0.0)
    [call] = frames(machine)
    [event] = machine.receive(answered(call, {"status": "error", "error": refusal}, True), 0.0)
    assert isinstance(event, p.RegistrationRefused)


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
