"""Checkpoints by hand: the panel lists them, its buttons make one and go back to one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.bpy


class Layout:
    def __init__(self) -> None:
        self.labels: list[str] = []
        self.buttons: list[tuple[str, SimpleNamespace]] = []

    def row(self, **_: Any) -> Layout:
        return self

    column = row

    def label(self, text: str, **_: Any) -> None:
        self.labels.append(text)

    def prop(self, holder: Any, name: str, **_: Any) -> None:
        assert holder.bl_rna.properties[name].type == "BOOLEAN"

    def operator(self, name: str, **_: Any) -> SimpleNamespace:
        self.buttons.append((name, SimpleNamespace()))
        return self.buttons[-1][1]


@pytest.fixture
def operators(bpy: Any) -> Iterator[Any]:
    from addon import operators
    from addon.commands.checkpoints.store import store

    for path in Path(store.folder).glob("*"):
        if path.is_file():
            path.unlink()
    store._known = None
    classes = (operators.BLENDERBUS_OT_make_checkpoint, operators.BLENDERBUS_OT_restore_checkpoint)
    for item in classes:
        bpy.utils.register_class(item)
    yield bpy.ops.blender_bus
    for item in classes:
        bpy.utils.unregister_class(item)


def drawn() -> Layout:
    from addon.panels import BLENDERBUS_PT_checkpoints

    layout = Layout()
    BLENDERBUS_PT_checkpoints.draw(SimpleNamespace(layout=layout), None)
    return layout


def test_a_checkpoint_is_made_listed_and_gone_back_to(bpy: Any, operators: Any) -> None:
    assert [name for name, _ in drawn().buttons] == ["blender_bus.make_checkpoint"]
    bpy.data.objects["Cube"].location.x = 7
    assert operators.make_checkpoint() == {"FINISHED"}
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    shown = drawn()
    assert len(shown.labels) == 1 and shown.labels[0].endswith("without a name")
    name, values = shown.buttons[-1]
    assert name == "blender_bus.restore_checkpoint"
    assert operators.restore_checkpoint(checkpoint_id=values.checkpoint_id) == {"FINISHED"}
    assert bpy.data.objects["Cube"].location.x == 7.0
    # What was open before is kept too.
    assert len(drawn().labels) == 2 and "Before going back" in drawn().labels[0]


def test_a_checkpoint_that_has_gone_is_told_in_words(operators: Any) -> None:
    with pytest.raises(RuntimeError, match="there is no checkpoint 'c-000000000000'"):
        operators.restore_checkpoint(checkpoint_id="c-000000000000")
