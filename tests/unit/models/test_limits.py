"""A limit is declared where it is kept, with what it means and what clients get beyond it."""

from dataclasses import dataclass

import pytest

from models import limits
from models.limits import LimitInfo, all_fixed_limits, declared_limits, fixed_limits, limit


@dataclass(frozen=True)
class _Limits:
    name: str = "x"
    rows: int = limit(5, "rows of a page", code="BadRequest")


def test_a_declared_limit_is_a_field_with_its_default() -> None:
    assert _Limits().rows == 5
    assert _Limits(rows=7).rows == 7


def test_a_declared_limit_says_what_it_means_and_what_clients_get_beyond_it() -> None:
    found = declared_limits(_Limits)
    assert list(found) == ["rows"]
    declared, info = found["rows"]
    assert (declared.name, declared.default) == ("rows", 5)
    assert info == LimitInfo("rows of a page", "BadRequest")


def test_fixed_limits_are_found_in_the_order_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_fixed", [])

    class B:
        pass

    class A:
        pass

    assert [fixed_limits(one) for one in (B, A)] == [B, A]
    assert all_fixed_limits() == [A, B]
