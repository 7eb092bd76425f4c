"""Counter-offers: which terms a party may propose, and what is held once they are taken up. Pure rules."""

from dataclasses import replace
from datetime import datetime

from models import hours
from models.errors import BrokenLedgerError, Code, Refusal
from models.hours import Hours
from models.ledger import movements
from models.ledger.balances import EscrowStatus
from models.requests.decision import Change, Snapshot
from models.requests.request import MOST_ROUNDS, Request, Terms
from models.requests.statuses import Response
from models.requests.steps import escrow_event


def counter_refusal(request: Request, terms: Terms) -> Refusal | None:
    """Return the refusal if a party may not propose these terms now; None if it may."""
    if request.negotiation_round >= MOST_ROUNDS:
        return Refusal(
            Code.NEGOTIATION_ROUNDS_EXCEEDED,
            f"There were {MOST_ROUNDS} rounds of counter-offers, which is all; accept or reject.",
            {"rounds": request.negotiation_round},
        )
    if not hours.is_amount(terms.hours) or not hours.is_amount(terms.rate) or not hours.is_amount(terms.amount):
        return invalid_terms_refusal(terms.hours, terms.rate)
    return None


def invalid_terms_refusal(worked: Hours | float, rate: Hours | float) -> Refusal:
    """Return the refusal for terms whose amount cannot be held."""
    return Refusal(
        Code.INVALID_AMOUNT,
        f"counterOffer: {worked} hours at {rate} an hour cannot be offered. Give multiples of 0.01 "
        f"that come to between {hours.SMALLEST_AMOUNT} and {hours.LARGEST_AMOUNT} hours.",
        {"smallest": float(hours.SMALLEST_AMOUNT), "largest": float(hours.LARGEST_AMOUNT)},
    )


def with_adjusted_hold(snapshot: Snapshot, now: datetime, change: Change) -> Change:
    """Return an answer's change with the held hours adjusted, if the answer takes up other terms.

    Whether the requester has the hours is checked when the change is written.

    Raises:
        BrokenLedgerError: the request should hold hours and does not.
    """
    request = change.request
    if (terms := _agreed_terms(request)) is None:
        return change
    escrow = snapshot.escrow
    if escrow is None or escrow.status is not EscrowStatus.ESCROWED:
        raise BrokenLedgerError(f"request {request.id} is {request.status} without hours in escrow")
    movement = movements.adjust(
        request_id=request.id,
        round=request.negotiation_round,
        from_user_id=request.requester_id,
        held=escrow.amount,
        amount=terms.amount,
    )
    agreed = replace(request, estimated_hours=terms.hours, agreed_rate=terms.rate, amount=terms.amount)
    if movement is None:
        return replace(change, request=agreed)
    held = escrow.adjusted(terms.amount, now)
    events = (*change.events, escrow_event(held, "Held Hours Adjusted"))
    return replace(change, request=agreed, events=events, movement=movement, escrow=held)


def _agreed_terms(request: Request) -> Terms | None:
    """Return the terms that an answer takes up: the provider's if it accepts them, its own if it counters."""
    answer = request.answer
    if answer is None:
        return None
    if answer.response is Response.COUNTER:
        return answer.terms
    if (
        answer.response is Response.ACCEPT
        and request.offered_hours is not None
        and request.offered_rate is not None
    ):
        return Terms(hours=request.offered_hours, rate=request.offered_rate)
    return None
