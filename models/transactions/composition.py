"""What a step writes, row by row: turns a change into the items of one transaction."""

from dataclasses import dataclass
from datetime import datetime

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from models import tables
from models.errors import BrokenLedgerError, Refusal
from models.exchanges.record import RecordChange, count_of, record_change, removal_change
from models.hours import USUAL_RATE, ZERO, Hours
from models.identifiers import derived
from models.requests.answers import SUBMITTED
from models.requests.decision import Appointment, Change, GuardAction, Snapshot
from models.requests.dispute import Dispute
from models.requests.request import Request
from models.storage.store import Item
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
    if (recorded := record_change(snapshot, after)) is not None:
        _write_exchange(writing, recorded)
    if snapshot.booking is not None:
        _link_booking(writing, snapshot.booking, after.exchange_key)
    _count(writing, snapshot, change, now)
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


def _check_service_and_members(writing: Writing, snapshot: Snapshot) -> None:
    """Condition the write on service and members being unchanged."""
    request, service = snapshot.request, snapshot.service
    if service is None:
        raise BrokenLedgerError(f"hours for request {request.id} would be held for no service")
    writing.check(tables.Service, service.id, offer_condition(request.provider_id, service.hourly_rate))
    for member_id in (request.requester_id, request.provider_id):
        writing.check(tables.User, member_id, active_member_condition())


def offer_condition(provider_id: str, hourly_rate: Hours) -> Condition:
    """Return the condition that a service is on offer by a member at a price."""
    is_priced = tables.Service.hourlyRate == hourly_rate
    if hourly_rate == USUAL_RATE:
        is_priced |= tables.Service.hourlyRate.does_not_exist()
    condition: Condition = (tables.Service.isActive == True) & (tables.Service.userId == provider_id) & is_priced  # noqa: E712 — a condition
    return condition


def active_member_condition() -> Condition:
    """Return the condition that a member exists and is active."""
    condition: Condition = tables.User.isActive.does_not_exist() | (tables.User.isActive == True)  # noqa: E712 — a condition
    condition &= tables.User.id.exists()
    return condition


def _write_exchange(writing: Writing, recorded: RecordChange) -> None:
    """Put a new request's exchange; or set what the request says in the row that there is.

    The row needs no condition of its own: the same transaction conditions its request's version. A row that is
    missing is put, because everything is set: requests that were stored before there were exchanges have none.
    """
    record, table = recorded.record, tables.Transaction
    if recorded.is_new:
        writing.create(table, record)
        return
    hours, description = table.hoursSpent, table.description
    actions = [
        Path(["__typename"]).set(table.Meta.table_name),
        table.providerId.set(record.provider_id),
        table.consumerId.set(record.consumer_id),
        table.serviceId.set(record.service_id),
        table.status.set(record.status.value),
        hours.set(hours | record.hours_spent if recorded.keeps_hours else record.hours_spent),
        description.set(description | record.description),
        table.createdAt.set(record.created_at),
        table.updatedAt.set(record.updated_at),
    ]
    if record.booking_id is not None:
        actions.append(table.bookingId.set(record.booking_id))
    if record.completed_at is not None:
        actions.append(table.completedAt.set(record.completed_at))
    writing.update(table, record.id, actions, None)


def compose_removal(writing: Writing, stored: Item, request: Request) -> None:
    """Add everything that the deletion of a request writes, if its row is still as it was read."""
    table = tables.ServiceRequest
    unchanged: Condition = table.updatedAt == request.updated_at
    # Two hosts may write at the same time; a row that Amplify wrote has no version.
    unchanged &= table.version == request.version if "version" in stored else table.version.does_not_exist()
    writing.remove(table, request.id, unchanged)
    if (recorded := removal_change(request, writing.now)) is not None:
        _write_exchange(writing, recorded)


def _link_booking(writing: Writing, booking: Appointment, exchange_id: str) -> None:
    """Name the exchange in its booking, unless that names an earlier one; the booking must be as it was read."""
    table, earlier = tables.Booking, booking.booking_transaction_id
    unchanged: Condition = table.serviceId == booking.service_id
    unchanged &= table.providerId == booking.provider_id
    unchanged &= table.consumerId == booking.consumer_id
    unchanged &= table.status.does_not_exist() if booking.status is None else table.status == booking.status
    if earlier is not None:
        writing.check(table, booking.id, unchanged & (table.bookingTransactionId == earlier))
        return
    named = [table.bookingTransactionId.set(exchange_id), table.updatedAt.set(writing.now)]
    writing.update(table, booking.id, named, unchanged & table.bookingTransactionId.does_not_exist())


def _count(writing: Writing, snapshot: Snapshot, change: Change, now: datetime) -> None:
    """Count a payment, or hours that a dispute takes back, for each of the two members who still exists."""
    count = count_of(snapshot.request, change.request)
    if count is None:
        return
    given, received = tables.User.hoursProvided, tables.User.hoursConsumed
    for member, hours, others in ((snapshot.requester, received, given), (snapshot.provider, given, received)):
        if member is None or (count.since and member.created_at and member.created_at > count.since):
            continue
        # Whoever is counted has both figures: a member without is not known to have given or received nothing.
        figures = [
            hours.add(count.hours),
            others.add(ZERO),
            tables.User.totalTransactions.add(count.exchanges),
            tables.User.updatedAt.set(now),
        ]
        writing.update(tables.User, member.id, figures, tables.User.id.exists())


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
