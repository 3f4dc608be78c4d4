"""The dialog and the panel of a question, drawn into a layout that notes what it is given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from addon.link.records import Origin

pytestmark = pytest.mark.bpy


class Layout:
    """Takes what a draw function puts into it. What is inside a disabled part is disabled."""

    def __init__(self, parent: Layout | None = None) -> None:
        self.parent = parent
        self.labels: list[str] = parent.labels if parent else []
        self.buttons: list[tuple[str, str, Layout]] = parent.buttons if parent else []
        self.enabled = True

    @property
    def usable(self) -> bool:
        return self.enabled and (self.parent is None or self.parent.usable)

    def row(self, **_: Any) -> Layout:
        return Layout(self)

    column = box = row

    def label(self, text: str = "", **_: Any) -> None:
        self.labels.append(text)

    def prop(self, data: Any, name: str, text: str = "", **_: Any) -> None:
        self.labels.append(text)

    def operator(self, name: str, text: str = "", **_: Any) -> Any:
        self.buttons.append((name, text, self))
        return SimpleNamespace()

    def usable_answers(self) -> list[str]:
        return [text for name, text, layout in self.buttons if name == "blender_bus.answer" and layout.usable]


@pytest.fixture
def ask(bpy: Any) -> Any:
    from addon.commands.allowed.policy import Question, consent

    def make(text: str, origin: Origin) -> Question:
        question = Question(len(consent.questions) + 1, "execute_code", origin, text, "studio-llm")
        consent.questions.append(question)
        return question

    yield make
    consent.questions.clear()


def dialog(question: Any, page: int = 1) -> Layout:
    from addon.operators import BLENDERBUS_OT_consent

    layout = Layout()
    operator = SimpleNamespace(layout=layout, number=question.number, page=page)
    BLENDERBUS_OT_consent.draw(operator, None)
    return layout


def test_every_page_is_shown_before_anything_can_be_allowed(ask: Any) -> None:
    from addon.questions import pages

    question = ask("\n".join(f"line_{n} = {n}" for n in range(200)), Origin("bus:g", "'Claude'"))
    count = len(pages(question).pages)
    assert count > 3
    seen: list[str] = []
    for page in range(1, count + 1):
        layout = dialog(question, page)
        seen += layout.labels
        if page < count:
            assert layout.usable_answers() == ["Refuse"]
    assert layout.usable_answers() == ["Allow Once", "Allow for This Session", "Refuse"]
    assert "200 lines, " in " ".join(layout.labels)
    for number in range(200):
        assert any(label.endswith(f"  line_{number} = {number}") for label in seen)
    assert "execute_code, from 'Claude', which calls itself 'studio-llm'" in seen


def test_pages_fit_the_window_and_stay_as_they_were_when_it_grows(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace as Space

    from addon import questions

    def screen(height: int, scale: float = 1.0) -> Space:
        manager = Space(windows=[Space(height=height)])
        preferences = Space(system=Space(ui_scale=scale), ui_styles=[])
        return Space(context=Space(window_manager=manager, preferences=preferences))

    monkeypatch.setattr(questions, "bpy", screen(900))
    question = ask("\n".join(f"line_{n} = {n}" for n in range(100)), Origin())
    count = len(questions.pages(question).pages)
    assert question.rows == 30 and count == 4
    monkeypatch.setattr(questions, "bpy", screen(2000))
    assert len(questions.pages(question).pages) == count
    assert len(questions.pages(ask("\n".join("x" for n in range(100)), Origin())).pages) == 3
    monkeypatch.setattr(questions, "bpy", screen(900, 2.0))
    assert questions._rows() == 8


def test_nobody_the_bus_vouches_for_can_be_allowed_once_only(ask: Any) -> None:
    layout = dialog(ask("print(1)", Origin()))
    assert layout.usable_answers() == ["Allow Once", "Refuse"]


def test_no_line_is_wider_than_the_dialog(ask: Any) -> None:
    import blf

    from addon.questions import DIALOG_WIDTH, pages

    for text in ("W" * 900, "i" * 900, "\u6905" * 400, "x" * 900):
        for page in pages(ask(text, Origin())).pages:
            for row in page:
                assert blf.dimensions(0, row)[0] < DIALOG_WIDTH


def test_the_panel_allows_only_what_it_shows_whole(ask: Any, bpy: Any) -> None:
    from addon.panels import BLENDERBUS_PT_bus

    context = SimpleNamespace(region=SimpleNamespace(width=240), preferences=bpy.context.preferences)
    ask("print(1)", Origin("bus:g", "'Claude'"))
    layout = Layout()
    BLENDERBUS_PT_bus._draw_questions(None, context, layout)
    assert layout.usable_answers() == ["Allow Once", "Allow for This Session", "Refuse"]
    long = ask("x = 1\n" * 10 + "evil()", Origin("bus:g", "'Claude'"))
    layout = Layout()
    BLENDERBUS_PT_bus._draw_questions(None, context, layout)
    assert layout.usable_answers() == ["Allow Once", "Allow for This Session", "Refuse", "Refuse"]
    assert "... there is more" in layout.labels
    dialog(long)
    layout = Layout()
    BLENDERBUS_PT_bus._draw_questions(None, context, layout)
    assert len(layout.usable_answers()) == 6
