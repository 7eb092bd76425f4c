"""Locked accounts: what a lock writes and tells, and what it leaves alone."""

from dataclasses import replace
from datetime import timedelta

from models.errors import Code, Refusal
from models.ledger import locks
from models.ledger.locks import LockChange
from tests.unit.builders import ADA, ALICE, NOW, make_balance

LATER = NOW + timedelta(hours=1)


def test_a_lock_is_one_version_with_who_and_when_and_the_member_is_told_why() -> None:
    before = make_balance(ALICE, "8", "2")
    change = locks.lock(before, LATER, by=ADA, reason="A complaint")
    assert isinstance(change, LockChange)
    assert change.balance == replace(before, locked_at=LATER, locked_by=ADA, updated_at=LATER, version=2)
    assert (change.event.type, change.event.actor) == ("Account Locked", ADA)
    assert change.event.data == {"userId": ALICE, "reason": "A complaint"}
    assert (change.notice.user_id, change.notice.title) == (ALICE, "Your account is locked")
    assert "“A complaint”" in change.notice.message


def test_the_same_admin_again_gets_what_stands_and_another_is_told_of_it() -> None:
    locked = make_balance(ALICE, locked_at=NOW, locked_by=ADA)
    assert locks.lock(locked, NOW, by=ADA, reason="Again") is locked
    refused = locks.lock(locked, NOW, by="another", reason="Me, too")
    assert isinstance(refused, Refusal)
    assert refused.code is Code.ACCOUNT_LOCKED
    assert refused.facts == {"lockedBy": ADA, "lockedAt": "2026-01-05T12:00:00.000Z"}


def test_any_admin_unlocks_and_an_unlocked_account_is_left_as_it_is() -> None:
    change = locks.unlock(make_balance(ALICE, locked_at=NOW, locked_by=ADA), LATER, by="another")
    assert isinstance(change, LockChange)
    assert change.balance == make_balance(ALICE, updated_at=LATER, version=2)
    assert (change.event.type, change.notice.title) == ("Account Unlocked", "Your account is unlocked")
    assert locks.unlock(change.balance, NOW, by=ADA) is change.balance


def test_nobody_locks_or_unlocks_their_own_account() -> None:
    own = make_balance(ADA, locked_at=NOW, locked_by=ALICE)
    for refused in (locks.lock(own, NOW, by=ADA, reason="x"), locks.unlock(own, NOW, by=ADA)):
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.facts) == (Code.UNAUTHORIZED_ADMIN, {"field": "userId"})
