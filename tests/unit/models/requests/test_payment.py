"""A completed request is paid once, and only while its hours are held."""

import pytest

from models.errors import BrokenLedgerError, Code, Refusal
from models.events import NotificationType
from models.ledger.balances import EscrowStatus
from models.requests import payment
from models.requests.decision import Change
from models.requests.statuses import RequestStatus
from tests.unit.builders import (
    ALICE,
    BOB,
    NOW,
    REQUEST_ID,
    hours,
    make_escrow,
    make_request,
    make_service,
    make_snapshot,
)
from tests.unit.places import bank_at

COMPLETED = make_request(status=RequestStatus.COMPLETED, version=9, escrow_id=make_escrow().id)


def test_paying_releases_records_and_tells() -> None:
    bank = bank_at("COMPLETED")
    change = bank.move(payment.pay)

    assert isinstance(change, Change)
    assert change.escrow is not None
    assert change.escrow.status is EscrowStatus.RELEASED
    assert [(notice.user_id, notice.type) for notice in change.notices] == [
        (BOB, NotificationType.TRANSACTION_COMPLETED),
        (ALICE, NotificationType.TRANSACTION_COMPLETED),
    ]
    assert bank.balances[BOB].available_balance == hours("12")
    assert change.request.earned == hours("2")


def test_a_service_that_is_gone_is_paid_all_the_same() -> None:
    change = payment.pay(make_snapshot(request=COMPLETED, escrow=make_escrow(), service=None), NOW)
    assert isinstance(change, Change)
    assert change.request.earned == hours("2")
    assert "2.00 hours for a service are yours." in {notice.message for notice in change.notices}


def test_hours_that_are_not_held_are_not_paid() -> None:
    for escrow, code in (
        (None, Code.ESCROW_NOT_FOUND),
        (make_escrow(status=EscrowStatus.CANCELLED), Code.INVALID_ESCROW_STATUS),
        (make_escrow(status=EscrowStatus.RELEASED), Code.INVALID_ESCROW_STATUS),
    ):
        snapshot = make_snapshot(request=COMPLETED, escrow=escrow)
        refused = payment.payment_refusal(snapshot)
        assert isinstance(refused, Refusal)
        assert refused.code is code
        with pytest.raises(BrokenLedgerError, match="without hours in escrow"):
            payment.pay(snapshot, NOW)


def test_only_completed_work_is_payable() -> None:
    assert payment.payment_refusal(make_snapshot(request=COMPLETED, escrow=make_escrow())) is None
    for status in set(RequestStatus) - {RequestStatus.COMPLETED}:
        refused = payment.payment_refusal(make_snapshot(request=make_request(status=status), escrow=make_escrow()))
        assert isinstance(refused, Refusal)
        assert refused.facts["status"] == status


def test_the_rating_is_asked_for_once() -> None:
    bank = bank_at("PAID")
    change = bank.move(payment.enable_rating)
    assert isinstance(change, Change)
    assert [(notice.user_id, notice.title) for notice in change.notices] == [(ALICE, "How was it?")]
    assert change.request.is_over
    assert bank.move(payment.enable_rating) is bank.requests[REQUEST_ID]


def test_a_title_that_has_grown_since_the_hold_still_fits() -> None:
    service = make_service(title="g" * 400_000)
    snapshot = make_snapshot(request=COMPLETED, escrow=make_escrow(), service=service)
    change = payment.pay(snapshot, NOW)
    assert isinstance(change, Change)
    assert payment.subject(snapshot) == "g" * payment.LONGEST_TITLE
    assert all(len(notice.message) < 2 * payment.LONGEST_TITLE for notice in change.notices)


def test_what_cannot_be_paid_says_how_it_stands() -> None:
    assert payment.payment_refusal(make_snapshot(request=COMPLETED, escrow=make_escrow())) is None
    refused = payment.payment_refusal(
        make_snapshot(request=COMPLETED, escrow=make_escrow(status=EscrowStatus.RELEASED))
    )
    assert refused is not None
    assert (refused.code, refused.facts) == (Code.INVALID_ESCROW_STATUS, {"status": "RELEASED"})


def test_checking_a_payment_changes_nothing() -> None:
    payable = make_snapshot(request=COMPLETED, escrow=make_escrow())
    assert payment.check_payable(payable, NOW) is COMPLETED
    paid = make_snapshot(request=COMPLETED, escrow=make_escrow(status=EscrowStatus.RELEASED))
    assert payment.check_payable(paid, NOW) == payment.payment_refusal(paid)
