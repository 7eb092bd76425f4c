"""What a field's value may be, beyond its type."""

from math import nan
from typing import Any

import pytest

from schema.amplify.bounds import JSON, KEY, TEXT, TEXTS, Between, Bound, Key, Text, Texts, TimeOfDay
from schema.types import CATALOGUE


@pytest.mark.parametrize(
    ("bound", "good", "bad"),
    [
        (Between(0.01, 1_000), [0.01, 1, 1_000.0], [0, -5, 1_000.01, nan]),
        (Text(3), ["", "abc", "äöü"], ["abcd"]),
        (Texts(2, 3), [[], ["a", "abc"]], [["a", "b", "c"], ["a", "abcd"]]),
        (TimeOfDay(), ["00:00", "23:59", "24:00"], ["", "9:00", "24:01", "noon"]),
        (Key(4), ["a", "éé"], ["", "abcde", "ééé"]),
    ],
)
def test_a_bound_says_what_is_wrong(bound: Bound, good: list[Any], bad: list[Any]) -> None:
    assert [bound.problem(value) for value in good] == [None] * len(good)
    assert all(bound.problem(value) for value in bad)


@pytest.mark.parametrize(
    ("model", "field", "bound"),
    [
        ("Service", "description", TEXT),
        ("Service", "category", KEY),
        ("Service", "tags", TEXTS),
        ("Service", "isActive", None),
        ("User", "totalTransactions", None),
        ("Service", "cancellationHours", Between(0, 87_600)),
        ("Service", "advanceBookingDays", Between(0, 3_650)),
        ("Booking", "startTime", TimeOfDay()),
        ("ServiceSchedule", "isActive", None),
        ("ServiceRequest", "id", KEY),
        ("ServiceRequest", "providerId", KEY),
        ("ServiceRequest", "message", Text(2_000)),
        ("ServiceRequest", "status", None),
        ("User", "bio", TEXT),
        ("User", "email", Key(254)),
        ("EventLog", "eventData", JSON),
    ],
)
def test_every_text_is_bounded_by_what_is_declared_or_usual(model: str, field: str, bound: Bound | None) -> None:
    assert CATALOGUE.models[model].bounds.get(field) == bound


def test_no_text_that_a_client_writes_is_without_bound() -> None:
    free = {"Boolean", "Float", "Int"}
    unbounded = [
        f"{model.name}.{field.name}"
        for model in CATALOGUE.models.values()
        for field in model.fields.values()
        if not field.is_enum and field.type not in free and field.name not in model.bounds
    ]
    assert unbounded == []
