"""Operations are counted by kind and outcome; the worst of an answer's errors says how it ended."""

import pytest
from graphql import GraphQLError, OperationType

from models.errors import UnavailableError
from resolvers.operation_counts import Durations, OperationCounts, Outcome
from schema.errors import NotAvailableError, UnauthorizedError, report_any

REFUSED, UNAVAILABLE = report_any(UnauthorizedError("x")), report_any(NotAvailableError(UnavailableError()))
FAILED = GraphQLError("not reported")


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        (None, Outcome.OK),
        ([], Outcome.OK),
        ([REFUSED], Outcome.REFUSED),
        ([REFUSED, UNAVAILABLE], Outcome.UNAVAILABLE),
        ([UNAVAILABLE, FAILED, REFUSED], Outcome.FAILED),
    ],
)
def test_the_worst_error_says_how_an_operation_ended(errors: list[GraphQLError] | None, outcome: Outcome) -> None:
    counts = OperationCounts()
    counts.note(OperationType.MUTATION, errors)
    assert counts.totals() == {("mutation", outcome): 1}


def test_queries_that_a_plan_answered_are_counted_with_the_others() -> None:
    counts = OperationCounts()
    counts.note(OperationType.QUERY, None)
    counts.plain_queries += 2
    assert counts.totals() == {("query", Outcome.OK): 3}


def test_what_was_refused_before_it_was_read_has_no_kind() -> None:
    counts = OperationCounts()
    for status in (400, 401, 429, 500, 503):
        counts.note_status(status)
    counts.note(None, [REFUSED])
    assert counts.totals() == {
        ("none", Outcome.REFUSED): 4,
        ("none", Outcome.FAILED): 1,
        ("none", Outcome.UNAVAILABLE): 1,
    }


def test_a_duration_is_counted_up_to_the_first_bound_that_it_does_not_exceed() -> None:
    durations = Durations((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0):
        durations.add(seconds)
    assert durations.counts == [2, 1, 1]
    assert durations.seconds == pytest.approx(7.65)
