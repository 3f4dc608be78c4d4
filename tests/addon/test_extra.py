"""What goes beside a result, on its way to the bus."""

from __future__ import annotations

from protocol_peer import answered, command, frames, registered

from addon.link import protocol as p


def test_an_answer_brings_what_goes_beside_the_result() -> None:
    machine = registered()
    machine.receive(command("j-1"), 0.0)
    machine.receive(command("j-2"), 0.0)
    frames(machine)
    machine.answer("j-1", "completed", "1", extra={"stderr": "warned"})
    machine.answer("j-2", "completed", "1")
    first, second = frames(machine)
    assert first["params"]["arguments"]["extra"] == {"stderr": "warned"}
    assert "extra" not in second["params"]["arguments"]


def test_a_bus_that_does_not_know_it_gets_the_answer_without() -> None:
    machine = registered()
    machine.receive(command("j-1"), 0.0)
    frames(machine)
    machine.answer("j-1", "completed", "1", extra={"stderr": "warned"})
    [call] = frames(machine)
    refused = answered(call, {"status": "error", "error": 'unknown argument "extra": known are job_id'}, True)
    assert machine.receive(refused, 0.0) == []
    [again] = frames(machine)
    assert again["params"]["arguments"] == {"job_id": "j-1", "status": "completed", "result": "1", "error": ""}
    assert machine.receive(answered(again, {"status": "ok"}), 0.0) == [p.AnswerConfirmed("j-1", False)]
    machine.receive(command("j-2"), 0.0)
    frames(machine)
    machine.answer("j-2", "completed", "1", extra={"stderr": "warned"})
    [later] = frames(machine)
    assert "extra" not in later["params"]["arguments"]
