"""Invariants of the books: a request's earnings, the disputes over it, and the log that replays to a balance."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from models.errors import BrokenLedgerError
from models.exchanges.record import ExchangeRecord
from models.hours import ZERO, Hours
from models.ledger import chain
from models.ledger.balances import Balance, Escrow, EscrowStatus
from models.ledger.entries import Entry
from models.requests.dispute import DECIDED, Dispute, escrow_key
from models.requests.request import Request
from models.requests.statuses import RequestStatus


def check_earnings(request: Request, entries: Iterable[Entry]) -> None:
    """Assert that the hours that a request has moved to its provider are its `earned`."""
    causes = {request.id, *(raised.id for raised in request.disputes)}
    moved = dict.fromkeys((request.requester_id, request.provider_id), ZERO)
    for entry in entries:
        if entry.related_entity_id in causes:
            moved[entry.user_id] += entry.amount + entry.escrowed_amount
    earned = request.earned or ZERO
    assert ZERO <= earned <= (request.amount or ZERO)
    if request.requester_id != request.provider_id:
        assert moved == {request.requester_id: -earned, request.provider_id: earned}


# The status of a request's exchange, by the request's.
EXCHANGE_STATUSES = {
    **dict.fromkeys(("INITIATED", "VALIDATING", "ESCROWED", "AWAITING_RESPONSE", "NEGOTIATING"), "PENDING"),
    **dict.fromkeys(("ACCEPTED", "IN_PROGRESS", "COMPLETED", "DISPUTED"), "IN_PROGRESS"),
    **dict.fromkeys(("REJECTED", "EXPIRED"), "CANCELLED"),
    "PAID": "COMPLETED",
}


def check_exchange(request: Request, record: ExchangeRecord | None, paid: Hours | None) -> None:
    """Assert that a request's exchange says what the request says.

    Args:
        request: the request.
        record: its exchange.
        paid: the hours that its payment gave the provider; None if it was not paid.
    """
    assert record is not None, f"{request.id} has no exchange"
    assert record.id == request.id == request.exchange_id
    parties = (record.consumer_id, record.provider_id, record.service_id, record.booking_id)
    assert parties == (request.requester_id, request.provider_id, request.service_id, request.booking_id)
    assert record.status == EXCHANGE_STATUSES[request.status]
    assert record.created_at == request.created_at
    assert record.description == (request.message or record.description)
    assert (record.completed_at is None) == (request.earned is None)
    if request.earned is not None:
        assert record.hours_spent == paid
    elif request.amount is not None:
        assert record.hours_spent == request.amount
    else:
        assert record.hours_spent == request.asked


def is_disputed_after_payment(
    request: Request, stored: Mapping[str, Dispute], escrows: Mapping[str, Escrow]
) -> bool:
    """Assert that only the last dispute can be open; return whether it is, and was raised after the payment."""
    disputes = [stored[raised.id] for raised in request.disputes]
    is_open = [dispute.status not in DECIDED for dispute in disputes]
    assert any(is_open) == (request.dispute is not None) == (request.status is RequestStatus.DISPUTED)
    assert not any(is_open[:-1])
    assert request.set_aside is None or request.dispute is not None
    for dispute, alive in zip(disputes, is_open, strict=True):
        recalled = escrows.get(escrow_key(dispute.request_id, dispute.id))
        assert (recalled is not None) == (dispute.escrow_id is not None)
        assert recalled is None or (recalled.status is EscrowStatus.ESCROWED) == alive
    return any(is_open) and disputes[-1].is_after_payment


def replay(entries: Iterable[Entry], *, user_id: str, now: datetime) -> Balance:
    """Return the balance that a member's entries, in any order, lead to.

    Raises:
        BrokenLedgerError: an entry is missing, changed, or does not follow from the one before it.
    """
    balance = Balance.empty(user_id, now)
    for entry in chain.in_order(entries):
        if (why := chain.breach(balance, entry)) is not None:
            raise BrokenLedgerError(f"the log of {user_id} breaks at entry {entry.id}: {why}")
        balance = chain.balance_after(balance, entry)
    return balance
