"""What fits a type, and what is said of what does not."""

from typing import Any

import pytest

from models.single_table.shapes import FieldShape, MisfitError, TypeShape, fitted, joined

NOTHING = frozenset[str]()


def _refuse(_: object) -> None:
    raise ValueError("'x' is no date")


SHAPE = TypeShape(
    "Thing",
    ("owner", "id"),
    {
        "owner": FieldShape("S", required=True),
        "mood": FieldShape("S", values=("GOOD", "ON_HOLD"), default={"S": "GOOD"}),
        "size": FieldShape("N"),
        "day": FieldShape("S", check=_refuse),
        "image": FieldShape("M", parts={"key": FieldShape("S", required=True), "place": FieldShape("S")}),
        "note": FieldShape("S"),
        "done": FieldShape("BOOL"),
        "tags": FieldShape("L"),
        "createdAt": FieldShape("S", required=True),
        "total": FieldShape("N", required=True),
    },
    (("mood", "size"),),
    frozenset({"owner"}),
    frozenset({"createdAt"}),
)


def test_defaults_are_taken_and_enums_may_be_spelled_as_people_do() -> None:
    assert fitted(SHAPE, {"owner": {"S": "a"}}, frozenset({"total"})) == {
        "owner": {"S": "a"},
        "mood": {"S": "GOOD"},
    }
    row = {"owner": {"S": "a"}, "mood": {"S": " on-hold"}, "total": {"N": "1"}, "createdAt": {"S": "now"}}
    row["note"] = {"S": ""}
    assert fitted(SHAPE, row, NOTHING) == row | {"mood": {"S": "ON_HOLD"}}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"total": {"N": "1"}, "owner": {"S": ""}}, "owner is empty, and rows are found by it"),
        ({}, "total is missing"),
        ({"size": {"S": "1"}}, "size must be a number"),
        ({"done": {"S": "yes"}}, "done must be true or false"),
        ({"tags": {"S": "x"}}, "tags must be a list"),
        ({"image": {"S": "x"}}, "image must be a map"),
        ({"mood": {"S": "bad"}}, "mood is bad, which is none of GOOD, ON_HOLD"),
        ({"day": {"S": "x"}}, "day: 'x' is no date"),
        ({"image": {"M": {}}}, "image.key is missing"),
        ({"image": {"M": {"key": {"N": "1"}}}}, "image.key must be a text"),
    ],
)
def test_what_does_not_fit_is_named(more: dict[str, dict[str, Any]], why: str) -> None:
    with pytest.raises(MisfitError, match=f"^{why}$"):
        fitted(SHAPE, {"owner": {"S": "a"}} | more, NOTHING)


def test_an_object_keeps_what_its_type_does_not_know() -> None:
    image = {"M": {"key": {"S": "k"}, "width": {"N": "1"}}}
    row: dict[str, Any] = {"owner": {"S": "a"}, "image": image, "total": {"N": "1"}}
    assert fitted(SHAPE, row, NOTHING)["image"] == image


def test_sort_fields_are_joined_where_a_row_has_them_all() -> None:
    assert joined(SHAPE, {"mood": {"S": "GOOD"}}) == {}
    assert joined(SHAPE, {"mood": {"S": "GOOD"}, "size": {"N": "2"}}) == {"mood#size": {"S": "GOOD#2"}}
