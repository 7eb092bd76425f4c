"""The second administrator: when one is needed, who may be one, and what is said until then."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.errors import Code, Refusal
from models.ledger.approvals import (
    DEFAULT_APPROVAL,
    ApprovalLimits,
    PendingApproval,
    approval_refusal,
    judge,
    needs_approval,
    requested_event,
)
from models.ledger.transfers import Transfer
from tests.unit.builders import ADA, ALICE, BOB, NOW
from tests.unit.models.ledger.test_transfers import ID, A, R, by_admin, made, wish

LIMITS = ApprovalLimits(hours=100, days=7)
WEEK = timedelta(days=7)


def large(**changes: Any) -> Transfer:
    return made(replace(by_admin(A, to_user_id=BOB), amount=100.01, **changes))


def pending(transfer: Transfer) -> PendingApproval:
    asked = judge(transfer, None, NOW, LIMITS)
    assert isinstance(asked, PendingApproval)
    return asked


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (replace(by_admin(A, to_user_id=BOB), amount=100), False),
        (replace(by_admin(A, to_user_id=BOB), amount=100.01), True),
        (replace(by_admin(R, to_user_id=BOB), amount=9_999.99), True),
        (replace(by_admin(A, from_user_id=BOB), amount=100.01), True),
        (wish(amount=5_000), False),
    ],
)
def test_many_hours_from_nobody_or_to_nobody_need_a_second_admin(given: Any, expected: bool) -> None:  # noqa: FBT001 — a table's column
    assert needs_approval(made(given), DEFAULT_APPROVAL) is expected


def test_the_first_admin_asks_for_a_week() -> None:
    asked = pending(large())
    assert (asked.id, asked.requested_by) == (ID, ADA)
    assert (asked.created_at, asked.expires_at) == (NOW, NOW + WEEK)


def test_another_admin_who_wants_the_same_makes_it_happen() -> None:
    asked = pending(large())
    assert judge(large(by=ALICE), asked, NOW + WEEK - timedelta(seconds=1), LIMITS) is asked


@pytest.mark.parametrize(
    ("transfer", "code"),
    [
        (large(), Code.APPROVAL_REQUIRED),
        (large(by=ALICE, description="Another"), Code.IDEMPOTENCY_MISMATCH),
        (large(description="Another"), Code.IDEMPOTENCY_MISMATCH),
        (replace(large(by=ALICE), to_user_id="carol"), Code.IDEMPOTENCY_MISMATCH),
        (made(replace(by_admin(A, to_user_id=BOB), amount=100.02, by=ALICE)), Code.IDEMPOTENCY_MISMATCH),
        (made(replace(by_admin(R, to_user_id=BOB), amount=100.01, by=ALICE)), Code.IDEMPOTENCY_MISMATCH),
    ],
)
def test_nobody_else_does(transfer: Transfer, code: Code) -> None:
    refused = judge(transfer, pending(large()), NOW, LIMITS)
    assert isinstance(refused, Refusal)
    assert refused.code is code


def test_after_a_week_it_is_asked_for_anew() -> None:
    asked = judge(large(by=ALICE), pending(large()), NOW + WEEK, LIMITS)
    assert isinstance(asked, PendingApproval)
    assert (asked.requested_by, asked.expires_at) == (ALICE, NOW + 2 * WEEK)


def test_what_is_needed_is_told() -> None:
    refusal = approval_refusal(pending(large()), LIMITS)
    assert ID in refusal.message
    assert refusal.facts == {
        "transferId": ID,
        "threshold": 100.0,
        "requestedBy": ADA,
        "expiresAt": "2026-01-12T12:00:00.000Z",
    }


def test_that_it_was_asked_for_is_logged() -> None:
    event = requested_event(large())
    assert (event.type, event.actor, event.entity_id) == ("Direct Transfer Approval Requested", ADA, ID)
    assert event.data == large().content


def test_who_sends_something_else_under_a_pending_id_is_told_what_was_asked_for() -> None:
    first, other = large(), large(by=ALICE, description="Another")
    refused = judge(other, pending(first), NOW, LIMITS)
    assert isinstance(refused, Refusal)
    assert refused.facts == {"transferId": ID, "requested": first.content}
    assert "as it was asked for" in refused.message


@pytest.mark.parametrize("limits", [{"days": 0}, {"days": -1}, {"hours": -1}])
def test_an_approval_must_be_possible(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ApprovalLimits(**limits)


def test_every_transfer_may_need_a_second_admin() -> None:
    assert needs_approval(made(replace(by_admin(A, to_user_id=BOB), amount=0.01)), ApprovalLimits(hours=0, days=1))
