"""The event log's rows in figures; that every way a request ends is counted is tested in the simulation."""

import json
from datetime import timedelta
from typing import Any

import pytest

from models.clock import to_text
from tests.unit.builders import NOW
from workflows.metrics.of_events import Row, points_of


def row(event: str, *, ago: float = 0, **data: Any) -> Row:
    at = NOW - timedelta(seconds=ago)
    return {"eventType": {"S": event}, "timestamp": {"S": to_text(at)}, "eventData": {"S": json.dumps(data)}}


def said(*rows: Row) -> list[tuple[str, float, str | None]]:
    return [(point.metric.name, point.value, point.label) for point in points_of(rows, NOW)]


@pytest.mark.parametrize(
    ("event", "status", "counts"),
    [
        ("Service Request Paid", "PAID", True),
        ("Escrow Cancelled By Administrator", "REJECTED", True),
        ("Dispute Resolved", "REJECTED", True),
        ("Dispute Resolved", "PAID", False),
        ("Dispute Dismissed", "IN_PROGRESS", False),
        ("Rating Enabled", "PAID", False),
        ("Service Request Resumed", "PAID", False),
    ],
)
def test_a_request_ends_once(event: str, status: str, *, counts: bool) -> None:
    assert said(row(event, status=status)) == ([("RequestsEnded", 1, status)] if counts else [])


def test_hours_are_counted_by_what_moved_them() -> None:
    assert said(
        row("Hours Held In Escrow", amount=2.0, status="ESCROWED"),
        row("Escrow Released", amount=2.0, status="RELEASED"),
        row("Escrow Cancelled", amount=1.5, status="CANCELLED"),
        row("Direct Transfer Processed", amount=0.25, transactionType="ADMIN_ADJUSTMENT"),
        row("Held Hours Adjusted", amount=9, status="ESCROWED"),
    ) == [
        ("HoursMoved", 2.0, "HELD"),
        ("HoursMoved", 2.0, "RELEASED"),
        ("HoursMoved", 1.5, "RETURNED"),
        ("HoursMoved", 0.25, "ADMIN_ADJUSTMENT"),
    ]


def test_a_dispute_says_how_long_it_took_and_a_rating_how_good_it_was() -> None:
    raised = to_text(NOW - timedelta(hours=2))
    assert said(row("Dispute Dismissed", status="ACCEPTED", raisedAt=raised)) == [("DisputeTime", 7200, None)]
    assert said(row("Rating Submitted", rating=4.5)) == [("Rating", 4.5, None)]
    # What an older version wrote says neither.
    assert said(row("Dispute Dismissed", status="ACCEPTED"), row("Rating Submitted")) == []


def test_a_request_that_nobody_can_move_is_counted_whether_it_ended_or_not() -> None:
    assert ("RequestsGivenUp", 1, None) in said(row("Service Request Failed", status="REJECTED"))
    assert said(row("Service Request Needs Attention", status="ACCEPTED")) == [("RequestsGivenUp", 1, None)]


def test_a_reconciliation_says_how_balances_stand() -> None:
    told = {"membersChecked": 4, "totalHours": 50.0, "discrepancyCount": 1}
    assert said(row("Balances Reconciled", **told, heldHours=6.0)) == [
        ("Members", 4, None),
        ("TotalHours", 50.0, None),
        ("MeanBalance", 12.5, None),
        ("Discrepancies", 1, None),
        ("HeldHours", 6.0, None),
    ]
    nobody = said(row("Balances Reconciled", membersChecked=0, totalHours=0, discrepancyCount=0))
    assert ("MeanBalance", 0, None) in nobody


def test_the_oldest_of_a_batch_says_how_late_it_is_told() -> None:
    assert said(row("Service Started", ago=3), row("Service Started", ago=8)) == [("EventLag", 8, None)]
    assert said() == []
