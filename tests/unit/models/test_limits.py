"""A limit is declared where it is kept, with what it means and what clients get beyond it."""

from dataclasses import dataclass
from typing import Any, cast

import pytest

from models import limits
from models.limits import FixedLimit, LimitInfo, LimitSet, all_fixed_limits, declared_limits, fixed_limit, limit


@dataclass(frozen=True)
class _Limits(LimitSet):
    name: str = "x"
    rows: int = limit(5, "rows of a page", code="BadRequest")
    pauses: float = limit(0.5, "seconds between two tries", code="none", may_be_zero=True)


def test_a_declared_limit_is_a_field_with_its_default() -> None:
    assert _Limits().rows == 5
    assert _Limits(rows=7).rows == 7


def test_a_declared_limit_says_what_it_means_and_what_clients_get_beyond_it() -> None:
    found = declared_limits(_Limits)
    assert list(found) == ["rows", "pauses"]
    declared, info = found["rows"]
    assert (declared.name, declared.default) == ("rows", 5)
    assert info == LimitInfo("rows of a page", "BadRequest")


def test_a_limit_is_declared_by_the_field_that_it_returns() -> None:
    # Not at import, so that a change of `limit` is noticed here.
    declared: Any = limit(3, "rows", code="x")
    assert declared.default == 3
    assert dict(declared.metadata) == {"limit": LimitInfo("rows", "x")}
    assert dict(cast("Any", limit(3, "rows", code="x", may_be_zero=True)).metadata) == {
        "limit": LimitInfo("rows", "x", may_be_zero=True)
    }


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"rows": 0}, "rows must be more than 0, not 0"),
        ({"rows": -1}, "rows must be more than 0, not -1"),
        ({"pauses": -0.1}, "pauses must be 0 or more, not -0.1"),
    ],
)
def test_a_limit_that_makes_no_sense_is_told(limits: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        _Limits(**limits)


def test_some_limits_may_be_zero() -> None:
    assert _Limits(pauses=0).pauses == 0


def test_a_fixed_limit_is_its_value_and_is_listed_by_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_fixed", [])

    assert fixed_limit(96, "bookings on a day", topic="bookings", code="SLOT_TAKEN") == 96
    assert fixed_limit(9, "hours of a movement", topic="accounts", code="INVALID_AMOUNT") == 9
    assert fixed_limit(3, "bookings at once", topic="bookings", code="SLOT_TAKEN") == 3
    assert all_fixed_limits() == [
        FixedLimit("accounts", 9, LimitInfo("hours of a movement", "INVALID_AMOUNT")),
        FixedLimit("bookings", 3, LimitInfo("bookings at once", "SLOT_TAKEN")),
        FixedLimit("bookings", 96, LimitInfo("bookings on a day", "SLOT_TAKEN")),
    ]
