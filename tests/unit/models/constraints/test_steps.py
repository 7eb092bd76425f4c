"""A field changes by its steps only."""

from typing import Any

import pytest

from models.constraints.ruled import Row
from models.constraints.steps import refused_step
from models.errors import Code
from tests.unit.models.constraints.shop import ORDER, SHOP, wire

NEXT = ["PAID", "GONE"]


def row(status: str | None) -> Row:
    return wire({"customer": "c", "number": "1", "status": status})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, row("NEW")), (None, row(None)), (row("NEW"), row("NEW")), (row("NEW"), row("GONE")),
        (row("PAID"), row("SENT")), (row(None), row("NEW")), (row("SENT"), row("SENT")),
    ],
)  # fmt: skip
def test_what_follows_is_allowed(before: Row | None, after: Row) -> None:
    assert refused_step(ORDER, before, after) is None


@pytest.mark.parametrize(
    ("before", "after", "message", "facts"),
    [
        (None, row("PAID"), "status: a new Order begins with NEW, not with PAID.", (None, ["NEW"])),
        (row(None), row("PAID"), "status: a new Order begins with NEW, not with PAID.", (None, ["NEW"])),
        (row("NEW"), row("SENT"), "status: from NEW it goes to PAID or GONE, not to SENT.", ("NEW", NEXT)),
        (row("NEW"), row(None), "status: from NEW it goes to PAID or GONE, not to nothing.", ("NEW", NEXT)),
        (row("SENT"), row("NEW"), "status: from SENT it goes to nothing else, not to NEW.", ("SENT", [])),
    ],
)  # fmt: skip
def test_anything_else_is_refused(before: Row | None, after: Row, message: str, facts: tuple[Any, Any]) -> None:
    refusal = refused_step(ORDER, before, after)
    assert refusal is not None
    assert (refusal.code, refusal.message) == (Code.INVALID_TRANSITION, message)
    assert refusal.facts == {"field": "status", "is": facts[0], "possible": facts[1]}


def test_a_type_without_steps_has_no_wrong_ones() -> None:
    assert refused_step(SHOP, None, wire({"id": "s", "status": "any"})) is None
