"""Identifiers that follow from their cause, and names as they are compared."""

import uuid

import pytest

from models.identifiers import JOINERS, derived, folded, is_uuid, name_problem, unprintable_in

UUID = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"


def test_the_same_cause_gives_the_same_id() -> None:
    assert derived("r1", "hold") == derived("r1", "hold")
    assert derived("r1", 2) == derived("r1", "2")
    assert is_uuid(derived("r1", "hold"))


def test_an_id_is_that_of_the_standard() -> None:
    hourbank = uuid.UUID("6a1c2f0e-5d1b-5c36-9b7e-2f4f5f0a7c11")
    for number in range(200):
        assert derived("r\u00fc", number) == str(uuid.uuid5(hourbank, f"r\u00fc\x1f{number}"))


def test_other_causes_give_other_ids() -> None:
    causes = [("r1", "hold"), ("r1", "release"), ("r2", "hold"), ("hold", "r1"), ("r1hold",), ("r1", "hold", "")]
    assert len({derived(*cause) for cause in causes}) == len(causes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (UUID, True),
        (UUID.upper(), True),
        (UUID.replace("-", ""), False),
        (f"{{{UUID}}}", False),
        (f"urn:uuid:{UUID}", False),
        ("", False),
        ("11111111-1111-4111-8111-11111111111", False),
        ("a request", False),
    ],
)
def test_only_the_canonical_form_is_a_uuid(text: str, expected: bool) -> None:  # noqa: FBT001 — a table's column
    assert is_uuid(text) is expected


@pytest.mark.parametrize("text", ["Caf\u00e9", "CAFE\u0301", " cafe\u0301 ", "\uff23afé"])
def test_a_name_is_compared_without_case_and_spelling(text: str) -> None:
    assert folded(text) == "caf\u00e9"


def test_other_names_are_others() -> None:
    assert len({folded(text) for text in ("cafe", "café", "ca fé", "")}) == 4


@pytest.mark.parametrize(
    "text", ["", "alice", "Zoë", "李小龍", "o'Neil-Smith jr.", "نرگس", "a@b.org", "☕", "e\u0301"]
)
def test_what_is_seen_for_what_it_is(text: str) -> None:
    assert unprintable_in(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\x00b", "U+0000"),
        ("a\x7f", "U+007F"),
        ("a\x85", "U+0085"),
        ("\u202ea", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("a\u2066b", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("a\u200bb", "U+200B ZERO WIDTH SPACE"),
        ("a\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("a\u00adb", "U+00AD SOFT HYPHEN"),
        ("a\u2028b", "U+2028 LINE SEPARATOR"),
        ("a\u2029b", "U+2029 PARAGRAPH SEPARATOR"),
        ("a\ud800", "U+D800"),
        ("a\u0378", "U+0378"),
        ("a\u00a0b", "U+00A0 NO-BREAK SPACE"),
        ("a\u3000b", "U+3000 IDEOGRAPHIC SPACE"),
        ("a\u3164b", "U+3164 HANGUL FILLER"),
        ("a\u2800b", "U+2800 BRAILLE PATTERN BLANK"),
        ("a\ufe0f", "U+FE0F VARIATION SELECTOR-16"),
        ("a\U000e0101", "U+E0101 VARIATION SELECTOR-18"),
        ("a\u200cb", "U+200C ZERO WIDTH NON-JOINER"),
    ],
)
def test_what_nobody_sees_is_named(text: str, found: str) -> None:
    assert unprintable_in(text) == found


def test_joiners_are_allowed_where_languages_need_them() -> None:
    persian = "م\u200cی"
    assert name_problem(persian, longest=9, allowed=JOINERS) is None
    assert str(name_problem(persian, longest=9)).startswith("U+200C ZERO WIDTH NON-JOINER")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a" * 10, None),
        ("a" * 11, "11 characters are too many; at most 10 fit"),
        (" alice", "leave out the blanks at its ends"),
        ("alice ", "leave out the blanks at its ends"),
        ("al ice", None),
    ],
)
def test_a_name_is_no_longer_than_it_may_be_and_has_no_blank_ends(text: str, problem: str | None) -> None:
    assert name_problem(text, longest=10) == problem
