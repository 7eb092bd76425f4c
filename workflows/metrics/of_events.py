"""What the event log says in figures.

Each of its rows is written once, in the transaction that it tells of, whoever has made that: a step of the
workflow, a mutation, an operator. So whatever is counted here is counted once, however often a step was tried;
only the stream may bring a batch again, if the function died right after it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from models.clock import from_text
from models.ledger.movements import TransactionType
from models.requests.statuses import RequestStatus
from workflows.metrics import declared
from workflows.metrics.declared import Moved, Point

Row = Mapping[str, Mapping[str, Any]]

# The events with which a request ends; a dispute's end is one if its request was refunded.
_ENDINGS = frozenset(
    {
        "Service Request Paid",
        "Service Request Rejected",
        "Service Request Expired",
        "Service Request Cancelled",
        "Service Request Withdrawn",
        "Service Request Failed",
        "Escrow Cancelled By Administrator",
        "Service Request Ended By Rollback",
    }
)
_RESOLVED = "Dispute Resolved"
_DECIDED = frozenset({_RESOLVED, "Dispute Dismissed"})
_GIVEN_UP = frozenset({"Service Request Failed", "Service Request Needs Attention"})
_ESCROWS = {
    "Hours Held In Escrow": Moved.HELD,
    "Escrow Released": Moved.RELEASED,
    "Escrow Cancelled": Moved.RETURNED,
}
_TRANSFERRED = "Direct Transfer Processed"
_RECONCILED = "Balances Reconciled"
_RATED = "Rating Submitted"


def points_of(rows: Iterable[Row], now: datetime) -> Iterator[Point]:
    """Yield what new rows of the event log say, and how late they are published.

    Args:
        rows: the rows, as DynamoDB's stream has them.
        now: when they have been published.
    """
    oldest = now
    for row in rows:
        at = from_text(row["timestamp"]["S"])
        oldest = min(oldest, at)
        yield from _points_of(row["eventType"]["S"], at, json.loads(row["eventData"]["S"]))
    if oldest < now:
        yield declared.EVENT_LAG.at((now - oldest).total_seconds())


def _points_of(event: str, at: datetime, data: Mapping[str, Any]) -> Iterator[Point]:
    if event in _ENDINGS or (event == _RESOLVED and data["status"] == RequestStatus.REJECTED):
        yield declared.REQUESTS_ENDED.at(1, data["status"])
    if event in _GIVEN_UP:
        yield declared.REQUESTS_GIVEN_UP.at(1)
    if (escrow := _ESCROWS.get(event)) is not None:
        yield declared.HOURS_MOVED.at(data["amount"], escrow)
    if event == _TRANSFERRED:
        yield declared.HOURS_MOVED.at(data["amount"], TransactionType(data["transactionType"]).value)
    if event in _DECIDED and "raisedAt" in data:
        yield declared.DISPUTE_TIME.at((at - from_text(data["raisedAt"])).total_seconds())
    if event == _RATED and "rating" in data:
        yield declared.RATING.at(data["rating"])
    if event == _RECONCILED:
        yield from _reconciliation(data)


def _reconciliation(data: Mapping[str, Any]) -> Iterator[Point]:
    members, total = data["membersChecked"], data["totalHours"]
    yield declared.MEMBERS.at(members)
    yield declared.TOTAL_HOURS.at(total)
    yield declared.MEAN_BALANCE.at(total / members if members else 0)
    yield declared.DISCREPANCIES.at(data["discrepancyCount"])
    if "heldHours" in data:  # absent from reports that an older version completed
        yield declared.HELD_HOURS.at(data["heldHours"])
