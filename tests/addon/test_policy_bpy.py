"""What the user allows: everything, code after asking, or looking only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from running import run

from addon.link.queue.main_thread import MainThreadQueue
from addon.link.records import Job, Origin, local_origin, parse_job

pytestmark = pytest.mark.bpy


@pytest.fixture
def policy(bpy: Any) -> Iterator[Any]:
    from addon.commands.allowed import settings

    def choose(name: str) -> None:
        chosen = settings.Settings(policy=name, integrations=frozenset(settings.INTEGRATIONS), online=False)
        settings.provide(lambda: chosen)

    yield choose
    settings.provide(settings.Settings)


@pytest.fixture
def asked() -> Iterator[list[Any]]:
    from addon.commands.allowed.policy import consent

    questions: list[Any] = []
    consent.present = questions.append
    yield questions
    consent.present = None
    consent.forget()


class Bench:
    def __init__(self) -> None:
        from addon.commands import registry

        self.answers: list[tuple[str, str, str, str]] = []
        self.reports: list[tuple[str, float, str]] = []
        self.queue = MainThreadQueue(
            registry.run, lambda *answer: self.answers.append(answer), lambda *report: self.reports.append(report)
        )

    def submit(self, code: str, sender: str = "llm-1", grant: str = "g-1") -> None:
        origin = Origin(f"bus:{grant}", "'Claude'") if grant else Origin()
        self.queue.submit(Job("j-1", "execute_code", {"code": code}, from_uuid=sender, origin=origin))
        self.turn()

    def turn(self) -> None:
        for _ in range(3):
            if self.queue.wait(0.15):
                self.queue.drain(1.0)


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("execute_code", {"code": "print(1)"}),
    ("console_operations", {"operation": "execute", "params": {"code": "1"}}),
    ("console_operations", {"operation": "clear"}),
    ("get_viewport_screenshot", {"filepath": "/tmp/never-written.png"}),
    ("download_polyhaven_asset", {"asset_id": "a", "asset_type": "hdris"}),
    ("set_texture", {"object_name": "Cube", "texture_id": "a"}),
    ("create_rodin_job", {"text_prompt": "a"}),
    ("import_generated_asset", {"name": "a", "task_uuid": "t"}),
    ("download_sketchfab_model", {"uid": "u"}),
]


@pytest.mark.parametrize(("command", "params"), CHANGES, ids=lambda value: str(value)[:40])
def test_read_only_refuses_what_changes_something(policy: Any, command: str, params: dict[str, Any]) -> None:
    policy("read-only")
    outcome = run(command, **params)
    assert (outcome.status, outcome.error) == (
        "failed",
        f"{command}: refused, this Blender is read-only by its user's choice",
    )


def test_read_only_lets_clients_look(policy: Any) -> None:
    policy("read-only")
    for command, params in (
        ("get_scene_info", {}),
        ("browse_data", {}),
        ("get_viewport_screenshot", {"max_size": 32}),
        ("get_console_output", {}),
        ("console_operations", {}),
        ("get_polyhaven_status", {}),
        ("msgbus_list_subscriptions", {}),
    ):
        assert run(command, **params).status == "completed", command


def test_allowed_once_is_asked_again(policy: Any, asked: list[Any]) -> None:
    from addon.commands.allowed.policy import Verdict

    policy("ask")
    bench = Bench()
    for number in (1, 2):
        bench.submit(f"print({number})")
        assert len(bench.answers) == number - 1
        assert (asked[-1].command, asked[-1].text) == ("execute_code", f"print({number})")
        assert asked[-1].asker == "'Claude', which calls itself 'llm-1'"
        asked[-1].answer(Verdict.ONCE)
        bench.turn()
        assert bench.answers[-1][1:4] == ("completed", f"{number}\n", "")
    assert len(asked) == 2


def test_allowed_for_the_session_is_not_asked_again_but_others_are(policy: Any, asked: list[Any]) -> None:
    from addon.commands.allowed.policy import Verdict

    policy("ask")
    bench = Bench()
    bench.submit("print(1)")
    asked[0].answer(Verdict.SESSION)
    bench.turn()
    bench.submit("print(2)")
    assert [answer[1] for answer in bench.answers] == ["completed", "completed"]
    bench.submit("print(3)", sender="llm-1", grant="g-2")
    assert len(asked) == 2
    assert len(bench.answers) == 2


def test_a_name_that_a_client_gives_itself_is_never_allowed_for_the_session(policy: Any, asked: list[Any]) -> None:
    from addon.commands.allowed.policy import Verdict

    policy("ask")
    bench = Bench()
    bench.submit("print(1)", sender="this computer", grant="")
    assert not asked[0].lasting
    asked[0].answer(Verdict.SESSION)
    bench.turn()
    assert [answer[1] for answer in bench.answers] == ["completed"]
    bench.submit("print(2)", sender="this computer", grant="")
    assert len(asked) == 2


def test_what_was_allowed_to_a_local_program_is_not_allowed_to_a_client_of_the_bus(
    policy: Any, asked: list[Any]
) -> None:
    from addon.commands.allowed.policy import Verdict

    policy("ask")
    bench = Bench()
    job = Job("j-1", "execute_code", {"code": "print(1)"}, origin=local_origin("this computer"))
    bench.queue.submit(job)
    bench.turn()
    asked[0].answer(Verdict.SESSION)
    bench.turn()
    for sender in ({"grant": "local:"}, {"grant": ""}, {"grant": 7}, "local:", None):
        params = {"logger": "_message_bus", "_meta": {"blender-bus/sender": sender}}
        payload = {"message_type": "job_dispatch", "job_id": "j-2", "script": "print(2)"}
        forged = parse_job(params | {"data": {"from_uuid": "this computer", "payload": payload}})
        assert forged is not None
        bench.queue.submit(forged)
        bench.turn()
    assert len(asked) == 6


def test_code_of_the_console_is_asked_about_as_code(policy: Any, asked: list[Any]) -> None:
    policy("ask")
    bench = Bench()
    params = {"operation": "execute", "params": {"code": "# fine\nevil()"}}
    bench.queue.submit(Job("j-1", "console_operations", params))
    bench.turn()
    assert asked[0].text.endswith("params.code:\n# fine\nevil()")


def test_all_of_the_code_is_there_to_copy_and_what_is_too_long_to_show_does_not_run(
    policy: Any, asked: list[Any]
) -> None:
    policy("ask")
    bench = Bench()
    code = "#" + "x" * 21_000 + "\nprint('last')"
    bench.submit(code)
    assert asked[0].text == code
    bench.queue.cancel("j-1")
    bench.turn()
    bench.submit("#" + "x" * 300_000)
    assert "at most 200,000 characters" in bench.answers[-1][3]
    assert len(asked) == 1


def test_refusal_is_a_failure_with_its_reason_and_the_code_does_not_run(policy: Any, asked: list[Any]) -> None:
    import bpy

    from addon.commands.allowed.policy import Verdict

    policy("ask")
    bench = Bench()
    bench.submit("bpy.data.objects.remove(bpy.data.objects['Cube'])")
    asked[0].answer(Verdict.REFUSE)
    bench.turn()
    assert bench.answers == [("j-1", "failed", "", "execute_code: refused by the user of this Blender")]
    assert "Cube" in bpy.data.objects


def test_others_run_while_the_user_thinks_and_the_question_can_be_cancelled(policy: Any, asked: list[Any]) -> None:
    from addon.commands.allowed.policy import consent

    policy("ask")
    bench = Bench()
    bench.submit("print(1)")
    bench.queue.submit(Job("j-2", "get_scene_info"))
    bench.turn()
    assert [answer[:2] for answer in bench.answers] == [("j-2", "completed")]
    assert bench.queue.active[0].message == "waits for the user's consent"
    bench.queue.cancel("j-1")
    bench.turn()
    assert bench.answers[1][:2] == ("j-1", "cancelled")
    assert consent.questions == []


@pytest.mark.parametrize("window", [True, False])
def test_the_owner_can_answer_from_afar_with_a_window_and_without(policy: Any, asked: list[Any], window: bool) -> None:
    from addon.commands.allowed.policy import consent

    if not window:
        consent.present = None
    policy("ask")
    bench = Bench()
    bench.queue._route = replace(bench.queue._route, remote=True)
    refused = ("failed", "", "execute_code: refused by the user of this Blender")
    for allow, ended in ((True, ("completed", "1\n", "")), (False, refused)):
        bench.queue.decide("j-1", not allow)  # nothing asks yet
        bench.submit("print(1)")
        assert bench.reports[-1] == ("j-1", 0.0, "waits for the user's consent")
        bench.queue.decide("j-1", allow)
        bench.turn()
        assert bench.answers[-1][1:4] == ended
        assert bench.reports[-1] == ("j-1", 0.0, "")


def test_the_first_answer_decides(policy: Any, asked: list[Any]) -> None:
    from addon.commands.allowed.policy import Verdict

    policy("ask")
    bench = Bench()
    bench.submit("print(1)")
    asked[0].answer(Verdict.REFUSE)
    bench.queue.decide("j-1", True)
    bench.turn()
    assert bench.answers[0][1] == "failed"


def test_a_client_that_leaves_takes_its_question_along(policy: Any, asked: list[Any]) -> None:
    from addon.commands.allowed.policy import consent

    policy("ask")
    bench = Bench()
    control = bench.queue.submit(
        Job("j-1", "execute_code", {"code": "1/0"}, origin=local_origin("this computer, connection 1", 1))
    )
    bench.turn()
    assert [question.asker for question in consent.questions] == ["this computer, connection 1"]
    control.deserted.set()
    bench.turn()
    assert consent.questions == []
    assert bench.answers == [
        ("j-1", "failed", "", "execute_code: not run, its client left before the user had answered")
    ]


def test_nobody_answering_is_a_refusal(policy: Any, asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.commands.allowed import policy as module

    monkeypatch.setattr(module, "QUESTION_TIMEOUT", 0.2)
    policy("ask")
    bench = Bench()
    bench.submit("print(1)")
    bench.turn()
    assert "nobody answered" in bench.answers[0][3]


def test_replacing_a_file_is_asked_and_a_new_one_is_not(policy: Any, asked: list[Any], tmp_path: Path) -> None:
    policy("ask")
    path = tmp_path / "a.png"
    assert run("get_viewport_screenshot", filepath=str(path), max_size=32).status == "completed"
    bench = Bench()
    bench.queue.submit(Job("j-1", "get_viewport_screenshot", {"filepath": str(path), "max_size": 32}))
    bench.turn()
    assert (len(asked), bench.answers) == (1, [])


def test_without_a_window_there_is_nobody_to_ask(policy: Any) -> None:
    policy("ask")
    assert "no window to ask in" in run("execute_code", code="print(1)").error


def test_policy_is_told_as_a_capability(policy: Any) -> None:
    from addon.commands import facts

    for name in ("everything", "ask", "read-only"):
        policy(name)
        assert f"policy:{name}" in facts.capabilities()


@pytest.mark.parametrize("local", ["execute_code", "local:execute"])
def test_policy_holds_on_the_local_port_too(policy: Any, local: str) -> None:
    from addon.commands.local import run_local

    policy("read-only")
    answers: list[tuple[str, ...]] = []
    queue = MainThreadQueue(run_local, lambda *answer: answers.append(answer))
    queue.submit(Job("j", local, {"code": "print(1)", "strict_json": False}))
    queue.drain()
    assert answers[0][1] == "failed"
    assert "refused, this Blender is read-only" in answers[0][3]
