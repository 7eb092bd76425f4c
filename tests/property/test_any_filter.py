"""Any filter, evaluated in memory, means what it means to DynamoDB."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.ledger.balances import EscrowStatus
from resolvers.mirror.filters import compile_filter
from tests.property.filters import Filter, comparisons, filters, passes, some_rows

anything = settings(max_examples=200)
seeds = st.integers(0, 9)


def compare(filter_: Filter, seed: int) -> None:
    test, rows = compile_filter(filter_), some_rows(seed, with_null=True)
    meant = [passes(filter_, row) for row in rows]
    assert [(row, test(row)) for row in rows] == list(zip(rows, meant, strict=True))


@anything
@given(filters(), seeds)
@example({}, 0)
@example({"status": {"eq": EscrowStatus.ESCROWED}}, 0)
@example({"title": {"size": {"eq": 2}}, "evidence": {"eq": None}}, 0)
def test_a_filter_in_memory_means_what_is_written_down(filter_: Filter, seed: int) -> None:
    compare(filter_, seed)


@anything
@given(filters(events=True), seeds)
def test_so_does_a_subscriptions(filter_: Filter, seed: int) -> None:
    compare(filter_, seed)


def test_every_comparison_means_what_is_written_down() -> None:
    for filter_ in comparisons():
        compare(filter_, 0)
