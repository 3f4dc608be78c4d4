"""The message bus commands without a window, where Blender takes subscriptions and delivers nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from running import run

pytestmark = pytest.mark.bpy


@pytest.fixture(autouse=True)
def clean(bpy: Any) -> Iterator[None]:
    yield
    from addon.commands.msgbus import subscriptions

    subscriptions.clear_all()


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("Object.location", "Object.location"),
        ("bpy.types.Scene.frame_current", "Scene.frame_current"),
        ("frame_current", "Scene.frame_current"),
        ("scene.render.resolution_x", "RenderSettings.resolution_x"),
        ('bpy.data.objects["Cube"].location', "Object.location"),
        ('data.materials["Material"].diffuse_color', "Material.diffuse_color"),
        ("context.scene.frame_end", "Scene.frame_end"),
        ("data.objects['Cube'].location", "Object.location"),
    ],
)
def test_path_is_understood(path: str, key: str) -> None:
    made = run("msgbus_subscribe_rna", data_path=path).document
    assert set(made) == {"success", "message", "subscription_id", "key"}
    assert (made["success"], made["key"]) == (True, key)
    assert "without a window" in made["message"]


@pytest.mark.parametrize(
    "path", ["Object.nope", "nope", 'data.objects["Nope"].location', "__import__('os').x", "Object", "."]
)
def test_path_that_leads_nowhere_is_told(path: str) -> None:
    outcome = run("msgbus_subscribe_rna", data_path=path)
    assert outcome.status == "failed"
    assert "expected Object.location" in outcome.error or "has no property" in outcome.error
    assert "Traceback" not in outcome.error


def test_subscriptions_are_listed_by_owner_and_cleared() -> None:
    run("msgbus_subscribe_rna", data_path="Object.location", owner_id="a", persistent=False)
    run("msgbus_subscribe_rna", data_path="frame_current", owner_id="b")
    listed = run("msgbus_list_subscriptions").document
    assert (listed["count"], listed["owners"]) == (2, ["a", "b"])
    assert listed["subscriptions"][0] == {
        "owner_id": "a", "data_path": "Object.location", "key": "Object.location", "persistent": False,
        "notify_type": "UPDATE", "active": False,
    }  # fmt: skip
    assert run("msgbus_list_subscriptions", owner_id="b").document["count"] == 1
    assert run("msgbus_clear_by_owner", owner_id="a").document["message"] == "1 subscriptions of a ended"
    assert run("msgbus_list_subscriptions").document["owners"] == ["b"]
    assert run("msgbus_clear_by_owner").document["success"] is True


def test_publishing_and_reading_notifications_say_that_nothing_is_delivered() -> None:
    run("msgbus_subscribe_rna", data_path="Object.location")
    assert "Published Object.location. Blender runs without" in run("msgbus_publish_rna").document["message"]
    assert run("msgbus_publish_rna", data_path="frame_current").document["success"] is True
    told = run("msgbus_get_notifications").document
    assert (told["notifications"], told["count"]) == ([], 0)
    assert "without a window" in told["note"]


def test_notifications_are_kept_by_owner_and_cleared_when_asked(bpy: Any) -> None:
    from addon.commands.msgbus import subscriptions

    run("msgbus_subscribe_rna", data_path="Object.location", owner_id="a")
    run("msgbus_subscribe_rna", data_path="frame_current", owner_id="b")
    for item in subscriptions.all:
        # What Blender calls where there is a window.
        subscriptions.note(item)
    told = run("msgbus_get_notifications", owner_id="a", clear=True).document
    assert told["count"] == 1
    assert set(told["notifications"][0]) == {"timestamp", "data_path", "owner_id", "context"}
    assert [item["owner_id"] for item in run("msgbus_get_notifications").document["notifications"]] == ["b"]


def test_subscriptions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from addon.commands import msgbus

    monkeypatch.setattr(msgbus, "MAX_SUBSCRIPTIONS", 2)
    for _ in range(2):
        run("msgbus_subscribe_rna", data_path="frame_current")
    assert "2 subscriptions exist" in run("msgbus_subscribe_rna", data_path="frame_current").error


def test_persistent_subscriptions_come_back_after_a_file_was_loaded(bpy: Any) -> None:
    from addon.commands.msgbus import subscriptions

    run("msgbus_subscribe_rna", data_path="Object.location", owner_id="kept")
    run("msgbus_subscribe_rna", data_path="frame_current", owner_id="gone", persistent=False)
    run("msgbus_subscribe_rna", data_path='data.objects["Cube"].location', owner_id="lost")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    subscriptions.file_loaded()
    assert run("msgbus_list_subscriptions").document["owners"] == ["kept"]
