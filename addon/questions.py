"""How a client's question is drawn: all of its text, in lines that fit, and three answers."""

from __future__ import annotations

import functools
from typing import Any

import blf
import bpy

from .commands.allowed.policy import Question, Verdict
from .commands.allowed.shown import LINES_PER_PAGE, Shown, char_width, shown

DIALOG_WIDTH = 900
DIALOG_MARGIN = 60
# What of a window is left for rows above and below the text, and the height of a row, without the user's scale.
AROUND_ROWS, ROW_HEIGHT, FEWEST_ROWS = 270.0, 21.0, 8
ANSWERS = (
    (Verdict.ONCE, "Allow Once"),
    (Verdict.SESSION, "Allow for This Session"),
    (Verdict.REFUSE, "Refuse"),
)
# Blender's own, should it not tell.
FONT_POINTS = 11.0


def draw_answers(layout: Any, question: Question, *, seen: bool, narrow: bool = False) -> None:
    """Draw the three answers, one below the other where it is `narrow`.

    Nothing can be allowed before all of it was shown.
    """
    if not seen:
        layout.label(text="Look at every page before you allow it")
    row = layout.column(align=True) if narrow else layout.row(align=True)
    for verdict, word in ANSWERS:
        column = row.column(align=True)
        column.enabled = verdict is Verdict.REFUSE or (seen and (verdict is Verdict.ONCE or question.lasting))
        button = column.operator("blender_bus.answer", text=word)
        button.number, button.verdict = question.number, verdict.value


def pages(question: Question) -> Shown:
    """Return the text of a question in lines that fit the dialog, in pages that fit the window."""
    if not question.rows:
        # Once for all: whoever makes the window larger has not seen what is on other pages by that.
        question.rows = _rows()
    return fitted(question.text, DIALOG_WIDTH, question.rows)


def _rows() -> int:
    windows = bpy.context.window_manager.windows
    scale = bpy.context.preferences.system.ui_scale or 1.0
    heights = [window.height / scale for window in windows if window.height > 1]
    fits = (min(heights) - AROUND_ROWS) / ROW_HEIGHT if heights else LINES_PER_PAGE
    return int(max(FEWEST_ROWS, min(LINES_PER_PAGE, fits)))


@functools.lru_cache(maxsize=16)
def fitted(text: str, pixels: float, rows_a_page: int = LINES_PER_PAGE) -> Shown:
    """Return `text` in lines that fit a box of this width, in pixels without the user's scale."""
    return shown(text, max(16.0, (pixels - DIALOG_MARGIN) / _zero()), _measure, rows_a_page)


def _zero() -> float:
    """Return the width of a zero in pixels without the user's scale."""
    styles = bpy.context.preferences.ui_styles
    blf.size(0, styles[0].widget.points if len(styles) else FONT_POINTS)
    return max(1.0, float(blf.dimensions(0, "0" * 16)[0]) / 16)


@functools.lru_cache(maxsize=4096)
def _measure(char: str) -> float:
    """Return the width of a character in zeros. Some draw nothing by themselves, but nothing is endless for free."""
    zero = _zero()
    return max(float(blf.dimensions(0, char * 4)[0]) / 4 / zero, 0.25 * char_width(char))
