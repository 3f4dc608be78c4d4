"""The six scenes of docs/reference/side-by-side.md: this extension answers the question of each."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from conftest import ROOT

sys.path.append(str(ROOT / "bench"))
from side_by_side import SCENES, Scene, make, ours

pytestmark = pytest.mark.bpy


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_question_of_each_scene_is_answered(scene: Scene, bpy: Any) -> None:
    make(scene)
    assert re.search(scene.ours.pattern, ours(scene.ours)), ours(scene.ours)[:2000]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_page_has_a_row_of_each_scene(scene: Scene) -> None:
    page = (ROOT / "docs" / "reference" / "side-by-side.md").read_text(encoding="utf-8")
    assert f"| {scene.name} | {scene.question} | yes, " in page
