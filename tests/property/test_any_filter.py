"""Any filter, evaluated in memory, means what it means to DynamoDB."""

from datetime import datetime, timedelta, timezone

from hypothesis import example, given, settings
from hypothesis import strategies as st

from models import clock
from models.ledger.balances import EscrowStatus
from resolvers.mirror.filtering.client_filters import read_filter
from resolvers.mirror.filtering.filters import compile_filter
from schema.types import CATALOGUE
from tests.property.filters import Filter, comparisons, filters, passes, some_rows

anything = settings(max_examples=200)
seeds = st.integers(0, 9)


def compare(filter_: Filter, seed: int) -> None:
    test, rows = compile_filter(filter_), some_rows(seed)
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


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 — Hypothesis adds the offset
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=offsets,
)


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, str]:
    """Return a moment as rows spell it, and in another spelling that AWSDateTime takes."""
    moment = draw(moments)
    digits = draw(st.integers(0, 9))
    spelling = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if digits:
        spelling += f".{moment.microsecond:06}000"[: digits + 1]
    microseconds = int(f"{spelling.partition('.')[2]:0<6}"[:6])
    offset = moment.strftime("%z")
    written = spelling + (f"{offset[:3]}:{offset[3:]}" if offset != "+0000" or draw(st.booleans()) else "Z")
    return clock.to_text(moment.replace(microsecond=microseconds)), written


@anything
@given(st.lists(spelled(), min_size=2, max_size=2), st.sampled_from(["eq", "ne", "le", "lt", "ge", "gt"]))
def test_a_moment_is_compared_in_any_spelling(two: list[tuple[str, str]], word: str) -> None:
    model = CATALOGUE.models["Booking"]
    (stored, written), (other, _) = two
    read = read_filter(model, {"confirmedAt": {word: written}})
    assert read == {"confirmedAt": {word: stored}}
    assert (
        passes(read, {"confirmedAt": {"S": other}})
        is {
            "eq": clock.from_text(other) == clock.from_text(stored),
            "ne": clock.from_text(other) != clock.from_text(stored),
            "le": clock.from_text(other) <= clock.from_text(stored),
            "lt": clock.from_text(other) < clock.from_text(stored),
            "ge": clock.from_text(other) >= clock.from_text(stored),
            "gt": clock.from_text(other) > clock.from_text(stored),
        }[word]
    )


@anything
@given(filters(), seeds)
def test_what_is_left_out_of_a_filter_says_nothing(filter_: Filter, seed: int) -> None:
    read = read_filter(CATALOGUE.models["Dispute"], filter_)
    test, rows = compile_filter(read), some_rows(seed)
    assert [test(row) for row in rows] == [passes(filter_, row) for row in rows]
    assert read_filter(CATALOGUE.models["Dispute"], read) == read
