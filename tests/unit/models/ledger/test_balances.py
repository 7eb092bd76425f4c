"""Balances and escrows: each change is the next version, dated."""

from dataclasses import replace
from datetime import timedelta

from models.hours import ZERO
from models.ledger.balances import Balance, EscrowStatus
from tests.unit.builders import ADA, ALICE, NOW, hours, make_balance, make_escrow

LATER = NOW + timedelta(hours=1)


def test_a_first_balance_is_empty_and_not_stored_yet() -> None:
    assert Balance.empty(ALICE, NOW) == make_balance(ALICE, "0", version=0)
    assert Balance.empty(ALICE, NOW).total_balance == ZERO


def test_a_lock_is_one_version_and_its_end_another() -> None:
    before = make_balance(ALICE, "8", "2")
    locked = before.locked(ADA, LATER)
    assert locked == replace(before, locked_at=LATER, locked_by=ADA, updated_at=LATER, version=2)
    assert locked.unlocked(LATER) == replace(before, updated_at=LATER, version=3)


def test_an_escrow_ends_with_its_moment() -> None:
    escrow = make_escrow()
    released, cancelled = escrow.released(NOW), escrow.cancelled(NOW)
    assert (released.status, released.released_at, released.version) == (EscrowStatus.RELEASED, NOW, 2)
    assert (cancelled.status, cancelled.cancelled_at, cancelled.version) == (EscrowStatus.CANCELLED, NOW, 2)


def test_an_escrow_that_is_adjusted_is_another_version_of_itself() -> None:
    adjusted = make_escrow().adjusted(hours("3"), LATER)
    assert adjusted == make_escrow(amount=hours("3"), updated_at=LATER, version=2)
    assert make_escrow().released(LATER).updated_at == make_escrow().cancelled(LATER).updated_at == LATER
