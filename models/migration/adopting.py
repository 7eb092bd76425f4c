"""How an open exchange of the former app becomes a request that its workflow goes on with: a pure rule."""

from dataclasses import replace
from datetime import datetime

from models.custody import custody_refusal
from models.errors import Code, Refusal
from models.exchanges.asking import ask_for_hours
from models.hours import exact
from models.ledger import movements
from models.ledger.balances import Escrow, EscrowStatus, EscrowType
from models.migration.former import FormerExchange
from models.requests.decision import Change, Snapshot
from models.requests.request import Request
from models.requests.statuses import RequestStatus, TransactionStatus
from models.requests.steps import escrow_event, request_event

ADOPTED = "Exchange Taken Over"


def request_of(exchange: FormerExchange, now: datetime, *, execution_arn: str) -> Request:
    """Return the request that an exchange is to become, as it is given to `adopt`."""
    return Request(
        id=exchange.id,
        service_id=exchange.service_id,
        requester_id=exchange.consumer_id,
        provider_id=exchange.provider_id,
        status=RequestStatus.INITIATED,
        estimated_hours=exchange.hours_spent,
        asked=exchange.hours_spent,
        message=exchange.description or None,
        booking_id=exchange.booking_id,
        step_function_execution_arn=execution_arn,
        created_at=exchange.created_at,
        updated_at=now,
    )


def adopt(snapshot: Snapshot, now: datetime, *, exchange: FormerExchange) -> Change | Refusal:
    """Make an exchange a request of the same id.

    A PENDING one becomes INITIATED: its workflow validates it, holds the hours, and asks the provider again. One
    that is IN_PROGRESS, whose provider has accepted it and begun, becomes IN_PROGRESS, with its hours held.

    Args:
        snapshot: the new request, from `request_of`, with its service, booking and members, and the requester's
            balance.
        now: the time of the change.
        exchange: the exchange.

    Returns:
        The change; or the refusal HOURS_NOT_HERE_YET, USER_NOT_ACTIVE if a member is unknown, or one of
        `ask_for_hours`: then the exchange stays with the former app.
    """
    members = {"consumerId": snapshot.requester, "providerId": snapshot.provider}
    for field, member in members.items():
        if member is None:
            return Refusal(Code.USER_NOT_ACTIVE, f"{field}: there is no such member.", {"field": field})
        if (refusal := custody_refusal({field: member.custody})) is not None:
            return refusal
    asked = ask_for_hours(snapshot, now)
    if not isinstance(asked, Change):
        return asked
    request = replace(asked.request, created_at=exchange.created_at)
    event = request_event(request, ADOPTED, statusBefore=exchange.status.value)
    change = replace(asked, request=request, events=(*asked.events, event))
    return change if exchange.status is TransactionStatus.PENDING else _begun(change, exchange, now)


def _begun(change: Change, exchange: FormerExchange, now: datetime) -> Change:
    """Return the change with the hours held, and the request IN_PROGRESS."""
    request = change.request
    escrow = Escrow(
        id=request.escrow_key,
        request_id=request.id,
        from_user_id=request.requester_id,
        to_user_id=request.provider_id,
        amount=exchange.hours_spent,
        status=EscrowStatus.ESCROWED,
        escrow_type=EscrowType.SERVICE_REQUEST,
        step_function_execution_arn=request.step_function_execution_arn,
        created_at=now,
        updated_at=now,
    )
    held = replace(
        request,
        escrow_id=escrow.id,
        amount=escrow.amount,
        agreed_rate=exact(escrow.amount / request.estimated_hours),
    )
    # It is one step of the request, the first: its version is that of a request that was just created.
    begun = replace(held.moved(now, status=RequestStatus.IN_PROGRESS), version=request.version)
    return replace(
        change,
        request=begun,
        events=(*change.events, escrow_event(escrow, "Hours Held In Escrow")),
        movement=movements.hold(request_id=request.id, from_user_id=request.requester_id, amount=escrow.amount),
        escrow=escrow,
    )
