"""What a filter pins."""

import pytest

from models.ledger.balances import EscrowStatus
from resolvers.mirror.filtering.equalities import equalities
from resolvers.mirror.filtering.filters import Filter
from schema.errors import InvalidInputError


@pytest.mark.parametrize(
    ("filter_", "pinned"),
    [
        (None, {}),
        ({}, {}),
        ({"id": {"eq": "a"}}, {"id": "a"}),
        ({"id": {"eq": "a", "ne": "b"}, "title": {"contains": "x"}}, {"id": "a"}),
        ({"status": {"eq": EscrowStatus.ESCROWED}}, {"status": "ESCROWED"}),
        ({"and": [{"id": {"eq": "a"}}, {"and": [{"name": {"eq": "b"}}, None]}]}, {"id": "a", "name": "b"}),
        ({"and": {"id": {"eq": "a"}}}, {"id": "a"}),
        ({"and": None, "id": None}, {}),
        ({"or": [{"id": {"eq": "a"}}]}, {}),
        ({"not": {"id": {"eq": "a"}}}, {}),
        ({"id": {"eq": None}}, {}),
        ({"id": {"ne": "a"}}, {}),
        ({"rating": {"eq": 4.5}, "isActive": {"eq": True}}, {}),
    ],
)
def test_what_every_row_that_passes_has(filter_: Filter | None, pinned: dict[str, str]) -> None:
    assert equalities(filter_) == pinned


def test_a_filter_is_bounded_first() -> None:
    with pytest.raises(InvalidInputError):
        equalities({"and": [{"id": {"eq": "a"}}] * 301})
