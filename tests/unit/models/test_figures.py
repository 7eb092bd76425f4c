"""The figures that the design fixes; a change of one must be made here, too."""

import importlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from models.hours import ZERO
from models.ledger.reconciliation import Account, AuditOutcome, AuditReport, AuditReportStatus
from models.requests.decision import Snapshot
from models.requests.reputation import Reputation
from models.requests.request import Wait
from models.requests.statuses import Step
from tests.unit.builders import ALICE, NOW, make_request

FIGURES: list[tuple[str, str, Any]] = [
    ("changes", "LARGEST_ROW", 200_000),
    ("bookings.days", "MOST_BOOKINGS", 96),
    ("bookings.terms", "FURTHEST_DAYS", 3_650),
    ("transactions.calendars", "MOST_HOURS", 400),
    ("transactions.calendars", "MOST_PAGES", 10),
    ("transactions.calendars", "PAGE", 1_000),
    ("requests.recovery", "LARGEST_PAUSE", timedelta(hours=1)),
    ("requests.recovery", "LONGEST_CAUSE", 1_000),
    ("requests.recovery", "RESUMED_FOR", timedelta(hours=24)),
    ("hours", "LARGEST_AMOUNT", Decimal(10_000)),
    ("hours", "LARGEST_FIGURE", Decimal(1_000_000_000)),
    ("hours", "SMALLEST_AMOUNT", Decimal("0.01")),
    ("idempotency", "CLAIMED_FOR", timedelta(seconds=30)),
    ("idempotency", "KEPT_FOR", timedelta(hours=24)),
    ("idempotency", "LARGEST_ANSWER", 350_000),
    ("requests.admin", "LONGEST_REASON", 500),
    ("requests.request", "ANSWER_GRACE", timedelta(seconds=10)),
    ("requests.request", "DUE_SHARDS", 8),
    ("requests.request", "MOST_PASSAGES", 64),
    ("requests.request", "MOST_ROUNDS", 2),
    ("requests.request", "STEP_GRACE", timedelta(seconds=60)),
    ("ledger.locks", "LONGEST_REASON", 500),
    ("transactions.audits", "MOST_PAGES", 100),
    ("transactions.audits", "MOST_SCANNED_PAGES", 10_000),
    ("transactions.audits", "PAGE", 1_000),
    ("transactions.audits", "PAUSES", (0.2, 1.0, 3.0)),
    ("transactions.migration.copies", "_AT_ONCE", 25),
    ("transactions.migration.copies", "_MOST_BYTES", 1_000_000),
    ("transactions.members", "MOST_PAGES", 20),
    ("transactions.members", "PAGE", 1_000),
    ("transactions.leaving", "TOKENS_LIVE", timedelta(hours=24)),
    ("transactions.members", "WELCOME_BONUS", Decimal(10)),
    ("requests.payment", "LONGEST_TITLE", 200),
    ("disputes.raising", "LONGEST_QUOTE", 300),
    ("ledger.reconciliation", "MOST_IN_REPORT", 200),
    ("requests.reputation", "HIGHEST", 5),
    ("requests.reputation", "LOWEST", 1),
    ("requests.reputation", "PLACES", 2),
    ("storage.breaker", "AT_ONCE", 50),
    ("storage.breaker", "_PARTS", 10),
    ("storage.posts_blocking", "_LONGEST_HEAD", 65_536),
    ("storage.posts_blocking", "_PART", 65_536),
    ("storage.store", "BATCH_KEYS", 100),
    ("storage.store", "BATCH_ROUNDS", 6),
    ("storage.store", "FIRST_PAUSE_SECONDS", 0.05),
    ("storage.store", "KEY_BYTES", 2_048),
    ("transactions.retrying", "PATIENCE_SECONDS", 20.0),
    ("ledger.transfers", "LONGEST_DESCRIPTION", 500),
    ("ledger.transfers", "SALT_BYTES", 16),
    ("transactions.writing", "LARGEST_TRANSACTION", 100),
]


@pytest.mark.parametrize(("module", "name", "figure"), FIGURES)
def test_a_figure_is_what_the_design_says(module: str, name: str, figure: object) -> None:
    assert getattr(importlib.import_module(f"models.{module}"), name) == figure


def test_what_begins_begins_at_nothing() -> None:
    request = make_request()
    counts = (request.version, request.generation, request.resumptions, request.negotiation_round)
    assert counts == (0, 0, 0, 0)
    assert Wait(name=Step.WAIT_FOR_COMPLETION, deadline=NOW).generation == 0
    begun = Reputation(created_at=NOW)
    assert not Snapshot(request=request).is_new
    outcome = AuditOutcome()
    assert (outcome.checked, outcome.count, outcome.total_hours, outcome.issued_hours) == (0, 0, ZERO, ZERO)
    assert outcome.held_hours == ZERO
    report = AuditReport(id="r", status=AuditReportStatus.RUNNING, created_at=NOW, updated_at=NOW)
    assert (report.page, report.members_checked, report.discrepancy_count, report.version) == (0, 0, 0, 1)
    assert (begun.rating_hundredths, begun.rating_count) == (0, 0)
    assert Account(user_id=ALICE, balance=None, entries=(), held=None).is_whole
