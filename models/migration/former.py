"""Rows of the former app, as its resolvers have written them; what cannot be taken over is an `Oddity`.

A row that HourBank has taken over stays where it is, with attributes of ours:

    row          what it says then                          attributes of ours
    -----------  -----------------------------------------  -------------------------------------------
    User         no hours: an hour exists in one app only   heldBy; hoursTakenOver, for good
    Transaction  CANCELLED: the former app ends it no more  heldBy; statusBefore, the status that it had
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.clock import from_text
from models.hours import ZERO, Hours, InvalidHoursError, exact, is_amount
from models.identifiers import is_uuid
from models.requests.statuses import TransactionStatus

Row = Mapping[str, Mapping[str, Any]]

# The attributes that are added to rows of the former app.
HELD_BY = "heldBy"
TAKEN_OVER = "hoursTakenOver"
STATUS_BEFORE = "statusBefore"

OPEN = frozenset({TransactionStatus.PENDING, TransactionStatus.IN_PROGRESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """A row that is left as it is, and why; a person has to put it right."""

    table: str
    id: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerMember:
    """A member of the former app.

    Args:
        hours: the hours that the former app keeps; none if the member was taken over.
        taken_over: the hours that were taken over, without those that were given back.
        is_held: whether this deployment keeps the member's hours.
    """

    id: str
    hours: Hours
    taken_over: Hours
    is_held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerExchange:
    """An open exchange of the former app, which has moved no hours yet."""

    id: str
    provider_id: str
    consumer_id: str
    service_id: str
    hours_spent: Hours
    status: TransactionStatus
    description: str
    created_at: datetime
    booking_id: str | None = None

    @property
    def parties(self) -> tuple[str, str]:
        """Return the ids of the two members: the consumer, the provider."""
        return self.consumer_id, self.provider_id


class _OddValueError(ValueError):
    """A value that no row should have; the message says why."""


def read_member(row: Row, stack: str) -> FormerMember | Oddity:
    """Return a member; or an oddity, if their hours cannot be an account's.

    Args:
        row: the row of the former app's User.
        stack: the deployment that takes members over.
    """
    try:
        return _member(row, stack)
    except _OddValueError as error:
        return Oddity(table="User", id=row_id(row), why=str(error))


def _member(row: Row, stack: str) -> FormerMember:
    holder = held_by(row)
    if holder not in (None, stack):
        raise _OddValueError(f"another deployment, {holder}, keeps this member's hours")
    found = _hours(row, "bankHours")
    if found < ZERO:
        raise _OddValueError(f"bankHours is {found}: nobody here can owe hours")
    if holder is not None and found != ZERO:
        # An app that writes a balance which it read before would have the hours twice.
        raise _OddValueError(
            f"bankHours is {found}, which the former app has written since the hours were taken over; correct the "
            "balance here by processDirectTransfer if hours are missing, and set bankHours to 0 there"
        )
    taken_over = _hours(row, TAKEN_OVER) if TAKEN_OVER in row else ZERO
    return FormerMember(id=_text(row, "id"), hours=found, taken_over=taken_over, is_held=holder is not None)


def is_open(row: Row) -> bool | Oddity:
    """Return whether an exchange is PENDING or IN_PROGRESS; or an oddity, if it has none of Amplify's statuses."""
    try:
        return _status(row) in OPEN
    except _OddValueError as error:
        return Oddity(table="Transaction", id=row_id(row), why=str(error))


def read_exchange(row: Row) -> FormerExchange | Oddity:
    """Return an open exchange; or an oddity, if it cannot become a request.

    Args:
        row: the row of the former app's Transaction.
    """
    try:
        return _exchange(row)
    except _OddValueError as error:
        return Oddity(table="Transaction", id=row_id(row), why=str(error))


def _exchange(row: Row) -> FormerExchange:
    exchange_id, consumer, provider = (_text(row, name) for name in ("id", "consumerId", "providerId"))
    if not is_uuid(exchange_id):
        raise _OddValueError("id is no UUID, which a request's is")
    if consumer == provider:
        raise _OddValueError("consumerId and providerId are the same member")
    spent = _hours(row, "hoursSpent")
    if not is_amount(spent):
        raise _OddValueError(f"hoursSpent is {spent}: no request can be of so many hours")
    return FormerExchange(
        id=exchange_id,
        provider_id=provider,
        consumer_id=consumer,
        service_id=_text(row, "serviceId"),
        hours_spent=spent,
        status=_status(row),
        description=_text_or_none(row, "description") or "",
        created_at=_moment(row, "createdAt"),
        booking_id=_text_or_none(row, "bookingId"),
    )


def held_by(row: Row) -> str | None:
    """Return the deployment that has taken over a row; None if the former app has it."""
    return _text_or_none(row, HELD_BY)


def row_id(row: Row) -> str:
    """Return a row's id, "?" if it has none."""
    return _text_or_none(row, "id") or "?"


def without_nulls(row: Row, known: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return a row as ours are stored: without nulls, and with the attributes that our table knows.

    Args:
        row: a row as Amplify stores it: with `owner`, versions, and a NULL for each field that was given as null.
        known: the names of our table's attributes.
    """
    kept = {*known, "__typename"}
    return {name: dict(wire) for name, wire in row.items() if name in kept and "NULL" not in wire}


def _status(row: Row) -> TransactionStatus:
    text = _text(row, "status")
    try:
        return TransactionStatus(text)
    except ValueError:
        raise _OddValueError(f"status is {text}, which is none of {', '.join(TransactionStatus)}") from None


def _hours(row: Row, name: str) -> Hours:
    number = row.get(name, {}).get("N")
    if number is None:
        raise _OddValueError(f"{name} is missing")
    try:
        return exact(number)
    except InvalidHoursError as error:
        raise _OddValueError(f"{name}: {error}") from None


def _moment(row: Row, name: str) -> datetime:
    text = _text(row, name)
    try:
        return from_text(text)
    except ValueError:
        raise _OddValueError(f"{name} is {text}, which is no moment") from None


def _text(row: Row, name: str) -> str:
    text = _text_or_none(row, name)
    if not text:
        raise _OddValueError(f"{name} is missing")
    return text


def _text_or_none(row: Row, name: str) -> str | None:
    found: str | None = row.get(name, {}).get("S")
    return found
