"""Every command by every way in, under every policy, against the one table of effects."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addon.link.queue.main_thread import MainThreadQueue
from addon.link.records import Job, parse_job

pytestmark = pytest.mark.bpy

# Arguments that pass, for what needs some, and for each effect that a command can have.
ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "console_operations": [
        {},
        {"operation": "clear"},
        {"operation": "append", "params": {"text": "x"}},
        {"operation": "insert", "params": {"text": "x"}},
        {"operation": "execute", "params": {"code": "1"}},
    ],
    "create_hunyuan_job": [{"text_prompt": "a dog"}],
    "download_polyhaven_asset": [{"asset_id": "a", "asset_type": "hdris"}],
    "download_sketchfab_model": [{"uid": "u"}],
    "execute_code": [{"code": "print(1)"}],
    "get_asset_preview": [{"service": "polyhaven", "asset_id": "a"}],
    "export_file": [{"format": "glb"}],
    "get_object_info": [{"name": "Cube"}],
    "get_polyhaven_categories": [{"asset_type": "hdris"}],
    "get_viewport_screenshot": [{}, {"filepath": "/tmp/no-such-picture.png"}, {"filepath": "/etc/never.png"}],
    "import_file": [{"file_id": "f-0123456789abcdefghijkl"}],
    "import_generated_asset": [{"name": "a", "task_uuid": "t"}],
    "import_generated_asset_hunyuan": [{"name": "a", "job_id": "job_1"}],
    "msgbus_get_notifications": [{}, {"clear": True}],
    "msgbus_subscribe_rna": [{"data_path": "Object.location"}],
    "poll_hunyuan_job_status": [{"job_id": "job_1"}],
    "restore_checkpoint": [{"checkpoint_id": "c-0123456789ab"}],
    "search_api": [{"query": "bevel"}],
    "search_sketchfab_models": [{"query": "q"}],
    "set_texture": [{"object_name": "Cube", "texture_id": "a"}],
}
WAYS = ("bus", "bare")


@pytest.fixture
def world(bpy: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The real gate before handlers that only say that they ran."""
    from addon.commands import registry
    from addon.commands.allowed import settings
    from addon.commands.allowed.policy import consent

    for name, entry in registry.commands().items():
        monkeypatch.setitem(registry._table, name, dataclasses.replace(entry, handler=lambda control, **_: {"ran": 1}))
    asked: list[Any] = []
    consent.present = asked.append

    def choose(policy: str) -> list[Any]:
        chosen = settings.Settings(policy=policy, integrations=frozenset(settings.INTEGRATIONS), online=False)
        settings.provide(lambda: chosen)
        consent.forget()
        asked.clear()
        return asked

    yield choose
    settings.provide(settings.Settings)
    consent.present = None
    consent.forget()


def outcome(asked: list[Any], way: str, job: Job) -> str:
    """Send a job and tell whether it `ran`, was `asked` about or `refused`."""
    from addon.commands import local, registry

    answers: list[tuple[str, ...]] = []
    run = registry.run if way == "bus" else local.run_local
    queue = MainThreadQueue(run, lambda *answer: answers.append(answer))
    before = len(asked)
    queue.submit(job)
    queue.drain()
    if len(asked) > before:
        queue.close("done")
        return "asked"
    [(_, status, _, error)] = answers
    if "refused, this Blender is read-only" in error:
        return "refused"
    assert status == "completed", (job, error)
    return "ran"


def expected(effect: Any, policy: str) -> str:
    if policy == "everything" or effect.value == "read":
        return "ran"
    if policy == "read-only":
        return "refused"
    return "asked" if effect.value == "danger" else "ran"


def test_every_command_by_every_way_does_as_the_table_says(world: Any) -> None:
    from addon.commands import registry
    from addon.commands.allowed.policy import EFFECTS, Effect

    cases = [
        (way, policy, name, params)
        for name in registry.commands()
        for params in ARGUMENTS.get(name, [{}])
        for way in WAYS
        for policy in ("everything", "ask", "read-only")
    ]
    random.Random(4).shuffle(cases)
    outcomes = set()
    for way, policy, name, params in cases:
        asked = world(policy)
        if way == "bare" and name == "execute_code":
            continue
        effect = EFFECTS[name](params)
        if way == "bare" and params.get("filepath", "").startswith("/tmp/"):
            # A program on this computer that has a picture written to a fresh temporary file is looking.
            effect = Effect.READ
        found = outcome(asked, way, Job("j-1", name, params))
        assert found == expected(effect, policy), (way, policy, name, params)
        outcomes.add((effect, policy, found))
    assert len(outcomes) == 9


@pytest.mark.parametrize("policy", ["everything", "ask", "read-only"])
def test_code_by_every_way_is_code(world: Any, policy: str) -> None:
    from addon.commands.allowed.policy import Effect

    payload = {"message_type": "job_dispatch", "job_id": "j-1", "script": "print(1)"}
    script = parse_job({"logger": "_message_bus", "data": {"payload": payload}})
    assert script is not None
    for way, job in (
        ("bus", script),
        ("bus", Job("j-1", "execute_code", {"code": "print(1)"})),
        ("bare", Job("j-1", "execute_code", {"code": "print(1)"})),
        ("nul", Job("j-1", "local:execute", {"code": "print(1)", "strict_json": True})),
    ):
        assert outcome(world(policy), way, job) == expected(Effect.DANGER, policy), way


def test_the_table_names_every_command_and_no_other(bpy: Any) -> None:
    from addon.commands import registry
    from addon.commands.allowed.policy import EFFECTS

    assert set(EFFECTS) == set(registry.commands())
    with pytest.raises(TypeError, match="say in EFFECTS"):
        registry.command("sneak")
    with pytest.raises(TypeError, match="only there"):
        registry.command("execute_code", effect=lambda params: None)


def test_new_files_are_asked_about_unless_they_are_temporary_pictures(bpy: Any, tmp_path: Path) -> None:
    from addon.commands.allowed.policy import Effect, screenshot_effect

    dangling = tmp_path / "link.png"
    dangling.symlink_to("/etc/never.png")
    taken = tmp_path / "taken.png"
    taken.write_bytes(b"")
    for path in ("/etc/cron.d/job", "/etc/never.png", dangling, taken, tmp_path / "a.py", tmp_path / "none" / "a.png"):
        assert screenshot_effect({"filepath": str(path)}) is Effect.DANGER, path
    (tmp_path / "out").symlink_to("/etc")
    assert screenshot_effect({"filepath": str(tmp_path / "out" / "a.png")}) is Effect.DANGER
    assert screenshot_effect({"filepath": str(tmp_path / "fresh.png")}) is Effect.CHANGE
