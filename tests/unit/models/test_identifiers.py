"""Identifiers that follow from their cause, and names as they are compared."""

import pytest

from models.identifiers import derived, folded, is_uuid

UUID = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"


def test_the_same_cause_gives_the_same_id() -> None:
    assert derived("r1", "hold") == derived("r1", "hold")
    assert derived("r1", 2) == derived("r1", "2")
    assert is_uuid(derived("r1", "hold"))


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
