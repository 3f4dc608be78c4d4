"""What a person is shown before code may run: all of it."""

from __future__ import annotations

import random
import re

import pytest

from addon.commands.allowed.shown import MAX_CHARS, MAX_LINES, TooLong, char_width, check_length, question_text, shown

WIDTH = 60


def rows(text: str) -> list[str]:
    return [row for page in shown(text, WIDTH).pages for row in page]


def test_code_behind_blanks_is_seen() -> None:
    told = rows("x = 1" + " " * 150 + "; import os; os.system('evil')")
    assert "x = 1<150 blanks>; import os;" in told[0]
    assert "evil" in "".join(told)


def test_code_behind_empty_lines_is_seen_on_the_first_page() -> None:
    page = shown("x = 1" + "\n" * 4000 + "evil()", WIDTH).pages[0]
    assert any("empty lines>" in row for row in page)
    assert page[-1].endswith("evil()")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_newline_of_python_begins_a_line(newline: str) -> None:
    assert rows(f"# fine{newline}evil()") == ["1  # fine", "2  evil()"]


@pytest.mark.parametrize(
    ("char", "seen"),
    [
        ("\u202e", "<U+202E>"),
        ("\u2066", "<U+2066>"),
        ("\u200b", "<U+200B>"),
        ("\u3164", "<U+3164>"),
        ("\u00a0", "<U+00A0>"),
        ("\u2028", "<U+2028>"),
        ("\x0c", "<U+000C>"),
        ("\x00", "<U+0000>"),
        ("\ufe0f", "<U+FE0F>"),
        ("\U000e0041", "<U+E0041>"),
        ("\ud800", "<U+D800>"),
    ],
)
def test_what_draws_nothing_or_turns_the_direction_is_written_out(char: str, seen: str) -> None:
    told = shown(f"a{char}b", WIDTH)
    assert told.pages[0][0] == f"1  a{seen}b"
    assert told.notes[0].startswith("1 characters")


def test_letters_that_look_like_others_are_mentioned() -> None:
    assert "look like others" in shown("\u0430 = 1", WIDTH).notes[0]
    assert shown("a = 1", WIDTH).notes == ()


def test_nothing_is_left_out_and_no_row_is_too_wide() -> None:
    draw = random.Random(3)
    alphabet = "abc  \t{}'\u6905\u0e01\u202e\n"
    for _ in range(300):
        text = "".join(draw.choice(alphabet) for _ in range(draw.randrange(1, 400))) + "end"
        told = rows(text)
        assert all(sum(map(char_width, row)) <= WIDTH for row in told)
        margin = len(str(len(text.split("\n")))) + 2
        seen = "".join(row[margin:] for row in told)
        for kind in "abc{}'\u6905\u0e01":
            hidden = len(re.findall(r"<\d+ (?:blanks|empty lines)>", seen))
            extra = {"a": 1, "b": 1}.get(kind, 0) * hidden
            assert seen.count(kind) - extra >= text.count(kind), (text, told)
        assert seen.count("<U+202E>") == text.count("\u202e")


def test_lines_and_characters_are_counted() -> None:
    assert shown("a\nb", WIDTH).summary == "2 lines, 3 characters"
    assert shown("a", WIDTH).summary == "1 line, 1 characters"


def test_code_inside_parameters_is_shown_as_code() -> None:
    told = question_text({"operation": "execute", "params": {"code": "# hi\nevil()"}})
    assert told == 'operation: "execute"\n----- params.code:\n# hi\nevil()'
    assert question_text({"code": "a\nb"}) == "a\nb"
    assert question_text({"code": "a", "keep_names": True}) == "keep_names: true\n----- code:\na"


def test_what_cannot_be_shown_is_not_asked_about() -> None:
    check_length("x" * MAX_CHARS)
    for text in ("x" * (MAX_CHARS + 1), "\n" * MAX_LINES):
        with pytest.raises(TooLong, match="Send it in smaller parts"):
            check_length(text)
