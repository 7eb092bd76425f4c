"""How much a socket may send at once, and in the long run."""

import pytest

from resolvers.hosting.connections.budgets import Budget


def test_it_is_spent_once() -> None:
    budget = Budget(3, 100, 0)
    assert [budget.spend(1, 10, now) for now in (0, 1, 2)] == [True] * 3
    assert not budget.spend(1, 10, 1_000_000)


def test_bytes_are_spent_without_frames() -> None:
    budget = Budget(3, 100, 0)
    assert budget.spend(0, 100, 0)
    assert not budget.spend(0, 1, 0)


@pytest.mark.parametrize(("waited", "enough"), [(0.4, False), (0.5, True), (1000, True)])
def test_it_is_refilled_with_time(waited: float, enough: bool) -> None:  # noqa: FBT001 — a parameter of the test
    budget = Budget(10, 100, 0, frames_per_second=2, bytes_per_second=20)
    assert budget.spend(10, 100, 0)
    assert budget.spend(1, 10, waited) == enough


def test_it_is_never_more_than_at_first() -> None:
    budget = Budget(10, 100, 0, frames_per_second=2, bytes_per_second=20)
    assert not budget.spend(11, 0, 1_000_000)
