"""Counter-offers: what either side may propose, and what is held when the requester takes it up. Pure rules."""

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
    """Say why a side may not propose other terms, None if it may."""
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
    """Return the refusal of terms that come to no amount that could be held."""
    return Refusal(
        Code.INVALID_AMOUNT,
        f"counterOffer: {worked} hours at {rate} an hour cannot be offered. Give multiples of 0.01 "
        f"that come to between {hours.SMALLEST_AMOUNT} and {hours.LARGEST_AMOUNT} hours.",
        {"smallest": float(hours.SMALLEST_AMOUNT), "largest": float(hours.LARGEST_AMOUNT)},
    )


def with_adjusted_hold(snapshot: Snapshot, now: datetime, change: Change) -> Change:
    """Return an answer with the hours that are held from now on, if it takes up other terms.

    The requester who accepts takes up the provider's terms, the one who counters their own; whether they have
    the hours is seen when the change is written.
    """
    request, said = change.request, change.request.answer
    terms = _taken_up(request)
    if said is None or terms is None:
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


def _taken_up(request: Request) -> Terms | None:
    said = request.answer
    if said is None:
        return None
    if said.response is Response.COUNTER:
        return said.terms
    if said.response is Response.ACCEPT and request.offered_hours is not None and request.offered_rate is not None:
        return Terms(hours=request.offered_hours, rate=request.offered_rate)
    return None
