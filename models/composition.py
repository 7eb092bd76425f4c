"""What a step writes, row by row: from a change to the items of its one transaction."""

from dataclasses import dataclass
from datetime import datetime

from pynamodb.expressions.condition import Condition

from models.answers import SUBMITTED
from models.change import Change, Guard, Payment, Scene
from models.disputes import Dispute
from models.errors import BrokenLedgerError, Refusal
from models.hours import Hours
from models.identifiers import derived
from models.lifecycle import TransactionStatus
from models.tables import Dispute as DisputeTable
from models.tables import RequestGuard, Service, ServiceRequest, Transaction, User
from models.writing import Writing, event_id


def compose(writing: Writing, scene: Scene, change: Change, now: datetime) -> Refusal | None:
    """Lay out everything that a change writes; returns the refusal of hours that cannot be moved."""
    before, after = scene.request, change.request
    if scene.is_new:
        writing.create(ServiceRequest, after)
    else:
        unmoved = ServiceRequest.status == before.status.value
        writing.change(ServiceRequest, before.id, before, after, also=unmoved)
    if change.movement is not None:
        refused = writing.movement(change.movement, lambda user_id: scene.balance(user_id, now))
        if refused is not None:
            return refused
    if change.escrow is not None:
        writing.escrow(scene.held(change.escrow.id), change.escrow)
    if change.dispute is not None:
        _dispute(writing, scene.dispute, change.dispute)
    if change.guard is Guard.PUT:
        _check_offer(writing, scene)
        writing.create(RequestGuard, _Guarded(id=after.guard_id, request_id=after.id, created_at=now))
    # A request from before the guards has none, so that another one may have put its own, which stays.
    if change.guard is Guard.REMOVE and scene.guarded_by in (None, after.id):
        gone_or_ours = RequestGuard.id.does_not_exist() | (RequestGuard.requestId == after.id)
        writing.remove(RequestGuard, after.guard_id, gone_or_ours)
    if change.payment is not None:
        _record(writing, scene, change.payment, now)
    _tell(writing, change)
    return None


def _dispute(writing: Writing, before: Dispute | None, after: Dispute) -> None:
    if before is None:
        writing.create(DisputeTable, after)
    else:
        writing.change(DisputeTable, before.id, before, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guarded:
    id: str
    request_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exchange:
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


def _check_offer(writing: Writing, scene: Scene) -> None:
    """Hold hours only for a service and between members that still are what the decision rested on."""
    request, offer = scene.request, scene.offer
    if offer is None:
        raise BrokenLedgerError(f"hours for request {request.id} would be held for no service")
    on_offer = (Service.isActive == True) & (Service.hourlyRate == offer.hourly_rate)  # noqa: E712 — a condition
    writing.check(Service, offer.id, on_offer & (Service.userId == request.provider_id))
    for member_id in (request.requester_id, request.provider_id):
        writing.check(User, member_id, active())


def active() -> Condition:
    """Return that a member is there and active."""
    is_so: Condition = User.isActive.does_not_exist() | (User.isActive == True)  # noqa: E712 — a condition
    is_so &= User.id.exists()
    return is_so


def _record(writing: Writing, scene: Scene, payment: Payment, now: datetime) -> None:
    """Put the exchange on record, and count it for each of its members who is still there."""
    request = scene.request
    exchange = _Exchange(
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
    writing.create(Transaction, exchange)
    for member in (scene.requester, scene.provider):
        if member is not None:
            count = [User.totalTransactions.add(1), User.updatedAt.set(now)]
            writing.update(User, member.id, count, User.id.exists())


def _tell(writing: Writing, change: Change) -> None:
    """Log the events and write the notices."""
    cause = _cause(change.request.id, change.request.version)
    for event in change.events:
        writing.event(event, cause)
    for notice in change.notices:
        writing.notice(notice, cause, related_id=change.request.id)


def _cause(request_id: str, version: int) -> str:
    """Return what tells one step of a request from every other."""
    return derived(request_id, version)


def submission_id(request_id: str) -> str:
    """Return the id of the event that a request's life begins with, and which outlives the request."""
    return event_id(_cause(request_id, 1), SUBMITTED, request_id)
