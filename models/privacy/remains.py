"""What remains of a row when a member is erased: what happened, without what anybody wrote about it. Pure rules.

Erased are the texts that the member wrote, and those that others wrote about them in ratings, reports, disputes.
Each rule leaves a row that has been erased already as it is.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from models.identifiers import derived
from models.ledger.entries import ERASED
from models.ledger.movements import TransactionType
from models.ledger.transfers import STANDARD_DESCRIPTIONS
from models.privacy.traces import ENTRY, EVENT, EXCHANGE, REQUEST

Row = dict[str, dict[str, Any]]

_STANDS_FOR_A_TEXT = {"S": ERASED}
# Something stands in their place: every row of their types has the first two, and an exchange repeats a message.
_REPLACED = frozenset({"content", "description", "message"})
# What is erased of the rows that a field says are the member's.
_TEXTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Message": {"senderId": ("content",)},
    "Rating": {"raterId": ("feedback", "categories"), "ratedUserId": ("feedback", "categories")},
    "Report": {"reporterId": ("description", "adminNotes"), "reportedUserId": ("description", "adminNotes")},
    "Dispute": {
        "raisedBy": ("description", "evidence", "resolution"),
        "againstUserId": ("description", "evidence", "resolution"),
        "adminId": ("resolution",),
    },
    "Booking": {
        "consumerId": ("notes", "cancellationReason"),
        "providerId": ("providerNotes", "cancellationReason"),
    },
    EXCHANGE: {"consumerId": ("feedback",), "providerId": ("feedback",)},
    REQUEST: {"requesterId": ("message",)},
}
# The facts of events that are texts.
_TOLD = ("description", "message", "reason")
# A notice quotes whoever wrote something; the title of the service that was paid for stands without marks.
_QUOTED = re.compile("“.*”", re.DOTALL)
_TITLED = re.compile(r"(?<= hours were paid for ).*(?=\.\Z)", re.DOTALL)


def remains(table: str, row: Row, member: str) -> Row:
    """Return what remains of a row of a member, of a table whose rows are blanked."""
    return _RULES.get(table, _blanked_by_role)(table, row, member)


def _blanked_by_role(table: str, row: Row, member: str) -> Row:
    roles = _TEXTS[table]
    return _blanked(row, (name for field in roles if named(row, field) == member for name in roles[field]))


def _blanked(row: Row, names: Iterable[str]) -> Row:
    """Return a row without the texts of these names; some are replaced."""
    gone = {name for name in names if name in row}
    kept = {name: wire for name, wire in row.items() if name not in gone}
    return kept | dict.fromkeys(gone & _REPLACED, _STANDS_FOR_A_TEXT)


def named(row: Row, field: str) -> str | None:
    """Return whom a field names."""
    text: str | None = row.get(field, {}).get("S")
    return text


def exchange_remains(row: Row, request: Row | None, member: str) -> Row:
    """Return what remains of an exchange; its description is the consumer's message, or else the provider's title.

    Args:
        row: the exchange.
        request: its request, None if it was deleted, so that nobody knows whose the description is.
        member: the member.
    """
    has_message = request is not None and "message" in request
    author = "consumerId" if has_message else "providerId"
    is_theirs = request is None or named(row, author) == member
    return _blanked(_blanked_by_role(EXCHANGE, row, member), ("description",) if is_theirs else ())


def _request_remains(table: str, row: Row, member: str) -> Row:
    """Return what remains of a request: whatever the member answered stands, without their words."""
    return {
        name: {kind: _speechless(value, member) for kind, value in wire.items()}
        for name, wire in _blanked_by_role(table, row, member).items()
    }


def _speechless(value: Any, member: str) -> Any:
    """Return a list or map without the messages of a member's answers in it; anything else as it is."""
    if isinstance(value, list):
        return [{kind: _speechless(inner, member) for kind, inner in wire.items()} for wire in value]
    if not isinstance(value, dict):
        return value
    is_theirs = value.get("by") == {"S": member}
    return {
        name: {kind: _speechless(inner, member) for kind, inner in wire.items()}
        for name, wire in value.items()
        if not (is_theirs and name == "message")
    }


def _entry_remains(_table: str, row: Row, _member: str) -> Row:
    return entry_remains(row)


def entry_remains(row: Row) -> Row:
    """Return what remains of an entry of the ledger; it replays, because its hash covers the text's digest."""
    if "descriptionDigest" not in row:
        return row
    kept = {name: wire for name, wire in row.items() if name != "descriptionSalt"}
    return kept | {"description": _STANDS_FOR_A_TEXT}


def _event_remains(_table: str, row: Row, _member: str) -> Row:
    return event_remains(row)


def event_remains(row: Row) -> Row:
    """Return what remains of an event: its facts, without texts."""
    try:
        data = json.loads(row["eventData"]["S"])
    except (KeyError, ValueError):
        return row
    if not isinstance(data, dict):
        return row
    said = [name for name in _TOLD if isinstance(data.get(name), str) and data[name] != ERASED]
    if not said:
        return row
    return row | {"eventData": {"S": json.dumps(data | dict.fromkeys(said, ERASED))}}


_RULES: Mapping[str, Callable[[str, Row, str], Row]] = {
    REQUEST: _request_remains,
    ENTRY: _entry_remains,
    EVENT: _event_remains,
}


def notice_remains(row: Row) -> Row:
    """Return what remains of a notice to the other side of something that the member had part in."""
    told = _TITLED.sub(ERASED, _QUOTED.sub(f"“{ERASED}”", row["message"]["S"]))
    return row | {"message": {"S": told}}


def is_direct_transfer(entry: Row) -> bool:
    """Return whether an entry is of hours that were transferred, issued or taken back directly."""
    return named(entry, "transactionId") == derived(named(entry, "relatedEntityId"), "transfer")


def is_gift_of(entry: Row, member: str) -> bool:
    """Return whether an entry is of hours that a member gave: they wrote what is said about it."""
    is_between_members = named(entry, "transactionType") == TransactionType.TRANSFER
    is_giver = named(entry, "userId") == member and entry["amount"]["N"].startswith("-")
    return is_direct_transfer(entry) and is_between_members and is_giver


def cannot_be_erased(entry: Row) -> bool:
    """Return whether somebody's text is sealed into an entry itself, as it was before texts had digests."""
    is_ours = named(entry, "description") in STANDARD_DESCRIPTIONS
    return is_direct_transfer(entry) and "descriptionDigest" not in entry and not is_ours
