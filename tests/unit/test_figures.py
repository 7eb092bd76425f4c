"""The figures that the design fixes: whoever changes one changes it here, too."""

import importlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from models.change import Scene
from models.hours import ZERO
from models.lifecycle import Step, Wait
from models.reconciliation import Account, Outcome, Report, ReportStatus
from models.reputation import Reputation
from tests.unit.builders import ALICE, NOW, make_request

FIGURES: list[tuple[str, str, Any]] = [
    ("endings", "LARGEST_PAUSE", timedelta(hours=1)),
    ("endings", "LONGEST_CAUSE", 1_000),
    ("endings", "RESUMED_FOR", timedelta(hours=24)),
    ("hours", "LARGEST_AMOUNT", Decimal(10_000)),
    ("hours", "LARGEST_FIGURE", Decimal(1_000_000_000)),
    ("hours", "SMALLEST_AMOUNT", Decimal("0.01")),
    ("idempotency", "CLAIMED_FOR", timedelta(seconds=30)),
    ("idempotency", "KEPT_FOR", timedelta(hours=24)),
    ("idempotency", "LARGEST_ANSWER", 350_000),
    ("intervention", "LONGEST_REASON", 500),
    ("lifecycle", "ANSWER_GRACE", timedelta(seconds=10)),
    ("lifecycle", "DUE_SHARDS", 8),
    ("lifecycle", "LARGEST_LIFE", 64),
    ("lifecycle", "MOST_ROUNDS", 2),
    ("lifecycle", "STEP_GRACE", timedelta(seconds=60)),
    ("lock", "LONGEST_REASON", 500),
    ("members", "MOST_PAGES", 20),
    ("members", "PAGE", 1_000),
    ("members", "WELCOME_BONUS", Decimal(10)),
    ("payment", "LONGEST_TITLE", 200),
    ("raising", "LONGEST_QUOTE", 300),
    ("reconciliation", "MOST_IN_REPORT", 200),
    ("reputation", "HIGHEST", 5),
    ("reputation", "LOWEST", 1),
    ("reputation", "PLACES", 2),
    ("store", "BATCH_KEYS", 100),
    ("store", "BATCH_ROUNDS", 8),
    ("store", "FIRST_PAUSE_SECONDS", 0.05),
    ("store", "KEY_BYTES", 2_048),
    ("transactions", "PATIENCE_SECONDS", 20.0),
    ("transfer", "LONGEST_DESCRIPTION", 500),
    ("writing", "LARGEST_TRANSACTION", 100),
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
    assert not Scene(request=request).is_new
    outcome = Outcome()
    assert (outcome.checked, outcome.count, outcome.total_hours, outcome.issued_hours) == (0, 0, ZERO, ZERO)
    report = Report(id="r", status=ReportStatus.RUNNING, created_at=NOW, updated_at=NOW)
    assert (report.page, report.members_checked, report.discrepancy_count, report.version) == (0, 0, 0, 1)
    assert (begun.rating_hundredths, begun.rating_count) == (0, 0)
    assert Account(user_id=ALICE, balance=None, entries=(), held=None).is_whole
