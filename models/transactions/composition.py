"""What a step writes, row by row: turns a change into the items of one transaction."""

from dataclasses import dataclass
from datetime import datetime

from pynamodb.expressions.condition import Condition

from models import tables
from models.errors import BrokenLedgerError, Refusal
from models.hours import Hours
from models.identifiers import derived
from models.requests.answers import SUBMITTED
from models.requests.decision import Change, GuardAction, Payment, Snapshot
from models.requests.dispute import Dispute
from models.requests.statuses import TransactionStatus
from models.transactions.writing import Writing, event_id


def compose(writing: Writing, snapshot: Snapshot, change: Change, now: datetime) -> Refusal | None:
    """Add everything that a change writes to a transaction; return a refusal if its hours cannot be moved."""
    before, after = snapshot.request, change.request
    if snapshot.is_new:
        writing.create(tables.ServiceRequest, after)
    else:
        same_status = tables.ServiceRequest.status == before.status.value
        writing.change(tables.ServiceRequest, before.id, before, after, also=same_status)
    if change.movement is not None:
        refusal = writing.movement(change.movement, lambda user_id: snapshot.balance(user_id, now))
        if refusal is not None:
            return refusal
    if change.escrow is not None:
        writing.escrow(snapshot.held(change.escrow.id), change.escrow)
    if change.dispute is not None:
        _write_dispute(writing, snapshot.dispute, change.dispute)
    if change.guard is GuardAction.PUT:
        _check_service_and_members(writing, snapshot)
        writing.create(tables.RequestGuard, _GuardRow(id=after.guard_id, request_id=after.id, created_at=now))
    # A request from before guards were introduced has none; then the guard may be another request's and stays.
    if change.guard is GuardAction.REMOVE and snapshot.guarded_by in (None, after.id):
        gone_or_ours = tables.RequestGuard.id.does_not_exist() | (tables.RequestGuard.requestId == after.id)
        writing.remove(tables.RequestGuard, after.guard_id, gone_or_ours)
    if change.payment is not None:
        _record_exchange(writing, snapshot, change.payment, now)
    _add_events_and_notices(writing, change)
    return None


def _write_dispute(writing: Writing, before: Dispute | None, after: Dispute) -> None:
    if before is None:
        writing.create(tables.Dispute, after)
    else:
        writing.change(tables.Dispute, before.id, before, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class _GuardRow:
    id: str
    request_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _ExchangeRow:
    id: str
    provider_id: str
    consumer_id: str
    service_id: str
    hours_spent: Hours
    status: TransactionStatus
    description: str
    created_at: datetime
    completed_at: datetime
    updated_at: datetime


def _check_service_and_members(writing: Writing, snapshot: Snapshot) -> None:
    """Condition the write on service and members being unchanged."""
    request, service = snapshot.request, snapshot.service
    if service is None:
        raise BrokenLedgerError(f"hours for request {request.id} would be held for no service")
    is_offered = (tables.Service.isActive == True) & (tables.Service.hourlyRate == service.hourly_rate)  # noqa: E712 — a condition
    writing.check(tables.Service, service.id, is_offered & (tables.Service.userId == request.provider_id))
    for member_id in (request.requester_id, request.provider_id):
        writing.check(tables.User, member_id, active_member_condition())


def active_member_condition() -> Condition:
    """Return the condition that a member exists and is active."""
    condition: Condition = tables.User.isActive.does_not_exist() | (tables.User.isActive == True)  # noqa: E712 — a condition
    condition &= tables.User.id.exists()
    return condition


def _record_exchange(writing: Writing, snapshot: Snapshot, payment: Payment, now: datetime) -> None:
    """Write the exchange, and count it for each of the two members who still exists."""
    request = snapshot.request
    exchange = _ExchangeRow(
        id=derived(request.id, "exchange"),
        provider_id=request.provider_id,
        consumer_id=request.requester_id,
        service_id=request.service_id,
        hours_spent=payment.hours_spent,
        status=TransactionStatus.COMPLETED,
        description=payment.description,
        created_at=now,
        completed_at=now,
        updated_at=now,
    )
    writing.create(tables.Transaction, exchange)
    for member in (snapshot.requester, snapshot.provider):
        if member is not None:
            count = [tables.User.totalTransactions.add(1), tables.User.updatedAt.set(now)]
            writing.update(tables.User, member.id, count, tables.User.id.exists())


def _add_events_and_notices(writing: Writing, change: Change) -> None:
    """Log the events and write the notices."""
    cause = _cause(change.request.id, change.request.version)
    for event in change.events:
        writing.event(event, cause)
    for notice in change.notices:
        writing.notice(notice, cause, related_id=change.request.id)


def _cause(request_id: str, version: int) -> str:
    """Return the cause of the rows of one step of a request, unique to the step."""
    return derived(request_id, version)


def submission_id(request_id: str) -> str:
    """Return the id of a request's first event, which stays in the log even if the request is deleted."""
    return event_id(_cause(request_id, 1), SUBMITTED, request_id)
