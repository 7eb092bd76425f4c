"""What others wrote cannot make a terminal do or show anything else."""

import pytest

from workflows.console.texts import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice", "alice"),
        ("Zoë 李", "Zoë 李"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\u202eecila", "\\u202eecila"),
        ("ali\u200bce", "ali\\u200bce"),
        ("a\u00a0b", "a\\xa0b"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800", "\\ud800"),
        ("\U000e0101", "\\U000e0101"),
    ],
)
def test_a_text_is_shown_as_what_it_is(text: str, shown: str) -> None:
    assert plain(text) == shown
