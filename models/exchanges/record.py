"""What the row of an exchange says: a pure function of its request, written with every step that changes it.

Every request has an exchange, which is a row of Amplify's Transaction, from its first moment. No rule writes it:
`record_change` derives it from the request before and after any step, so that no rule can forget it. Rating,
feedback and the rating's id belong to the ratings and are not touched here.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from models.hours import ZERO, Hours
from models.requests.decision import Snapshot
from models.requests.payment import subject
from models.requests.request import Request
from models.requests.statuses import BEFORE_ACCEPTANCE, ENDED, RequestStatus, TransactionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRecord:
    """What a request says about its exchange.

    Args:
        id: the request's id; for a request that was paid before requests had exchanges, an id derived from it.
        hours_spent: the hours that the consumer asks for, then the hours that are held, then those that are paid.
        description: the request's message, or the title of its service.
        completed_at: when it was paid for the first time; a dispute does not take that back.
    """

    id: str
    provider_id: str
    consumer_id: str
    service_id: str
    hours_spent: Hours
    status: TransactionStatus
    description: str
    created_at: datetime
    updated_at: datetime
    booking_id: str | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange:
    """What a step writes to an exchange's row; a row that is missing is put.

    Args:
        record: what the row says after the step; a description that the row has already stays.
        is_new: the request is new, so that there must be no row of that id yet.
        keeps_hours: the request was paid before this step: the row goes on saying what was paid then.
    """

    record: ExchangeRecord
    is_new: bool
    keeps_hours: bool


def exchange_status(request: Request) -> TransactionStatus:
    """Return the status of a request's exchange."""
    if request.status in BEFORE_ACCEPTANCE:
        return TransactionStatus.PENDING
    if request.status is RequestStatus.PAID:
        return TransactionStatus.COMPLETED
    return TransactionStatus.CANCELLED if request.status in ENDED else TransactionStatus.IN_PROGRESS


def _hours(request: Request) -> Hours:
    """Return the hours that were paid, else those that are held, else those that are asked for."""
    for known in (request.earned, request.amount, request.asked):
        if known is not None:
            return known
    return request.estimated_hours


def paid_at(request: Request) -> datetime | None:
    """Return when a request was paid for the first time; None if it was not."""
    return next((passage.at for passage in request.passages if passage.status is RequestStatus.PAID), None)


def record_of(request: Request, title: str) -> ExchangeRecord:
    """Return what a request says about its exchange.

    Args:
        request: the request.
        title: the description of a request without a message.
    """
    return ExchangeRecord(
        id=request.exchange_key,
        provider_id=request.provider_id,
        consumer_id=request.requester_id,
        service_id=request.service_id,
        booking_id=request.booking_id,
        hours_spent=_hours(request),
        status=exchange_status(request),
        description=request.message or title,
        created_at=request.created_at,
        completed_at=paid_at(request),
        updated_at=request.updated_at,
    )


def record_change(snapshot: Snapshot, after: Request) -> RecordChange | None:
    """Return what a step writes to its request's exchange; None if it says the same as before.

    A request that is older than these rows has no `exchange_id`: whatever it says is written, then and there.
    """
    before, is_new = snapshot.request, snapshot.is_new
    keeps_hours = before.earned is not None
    if not is_new and before.exchange_id is not None:
        hours_changed = not keeps_hours and _hours(before) != _hours(after)
        if exchange_status(before) is exchange_status(after) and not hours_changed:
            return None
    return RecordChange(record=record_of(after, subject(snapshot)), is_new=is_new, keeps_hours=keeps_hours)


def removal_change(request: Request, now: datetime) -> RecordChange | None:
    """Return what a request's deletion writes to its exchange, which stays: it is CANCELLED if it was PENDING."""
    if request.exchange_id is None or exchange_status(request) is not TransactionStatus.PENDING:
        return None
    pending = record_of(request, "")
    cancelled = replace(pending, status=TransactionStatus.CANCELLED, updated_at=now)
    return RecordChange(record=cancelled, is_new=False, keeps_hours=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What a step adds to the figures of both members.

    Args:
        hours: the hours that the provider has given and the requester received; negative if a dispute takes some
            back after the payment.
        exchanges: 1 if the step is the payment, else 0.
        since: the figures of members who have joined after this moment do not have these hours; None if any have.
    """

    hours: Hours
    exchanges: int
    since: datetime | None


def count_of(before: Request, after: Request) -> Count | None:
    """Return what a step adds to its members' figures; None if it pays nothing and takes nothing back."""
    if before.earned is None:
        return None if after.earned is None else Count(hours=after.earned, exchanges=1, since=None)
    change = (after.earned or ZERO) - before.earned
    # What was paid before hours were counted cannot be taken back from the count.
    if change == ZERO or before.exchange_id != before.id:
        return None
    return Count(hours=change, exchanges=0, since=paid_at(before))
