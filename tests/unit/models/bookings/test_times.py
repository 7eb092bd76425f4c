"""Times of day, and spans of a day."""

from datetime import UTC, date, datetime

import pytest

from models.bookings import times
from models.bookings.times import Span, merged, minutes_until, parse, span_of, stored_span, to_text, without
from models.errors import Code, Refusal


@pytest.mark.parametrize(("text", "minutes"), [("00:00", 0), ("09:30", 570), ("23:59", 1439), ("24:00", 1440)])
def test_a_time_of_day_is_read_and_written(text: str, minutes: int) -> None:
    assert parse(text) == minutes
    assert to_text(minutes) == text


@pytest.mark.parametrize("text", ["", "9:30", "09:60", "24:01", "25:00", "09:30:00", "09:30\n", " 09:30", "٠٩:٣٠"])
def test_anything_else_is_no_time_of_day(text: str) -> None:
    assert parse(text) is None


def test_a_span_begins_before_it_ends() -> None:
    assert span_of("09:00", "24:00") == Span(540, 1440)
    assert Span(540, 600).minutes == 60


@pytest.mark.parametrize(
    ("start", "end", "field", "word"),
    [
        ("9", "10:00", "startTime", "09:30"),
        ("09:00", "x", "endTime", "09:30"),
        ("10:00", "10:00", "startTime", "before endTime, which is 10:00"),
        ("11:00", "10:00", "startTime", "before endTime"),
    ],
)
def test_a_wrong_span_is_refused_by_name(start: str, end: str, field: str, word: str) -> None:
    refused = span_of(start, end)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts) == (Code.BAD_REQUEST, {"field": field})
    assert refused.message.startswith(f"{field}: ")
    assert word in refused.message


@pytest.mark.parametrize("stored", [(None, "10:00"), ("09:00", None), ("soon", "10:00"), ("10:00", "09:00")])
def test_stored_times_that_make_no_sense_are_no_span(stored: tuple[str | None, str | None]) -> None:
    assert stored_span(*stored) is None
    assert stored_span("09:00", "10:00") == Span(540, 600)


@pytest.mark.parametrize(
    ("other", "overlaps", "contains"),
    [
        (Span(0, 10), False, False),
        (Span(0, 11), True, False),
        (Span(10, 20), True, True),
        (Span(12, 18), True, True),
        (Span(19, 21), True, False),
        (Span(20, 30), False, False),
        (Span(5, 25), True, False),
    ],
)
def test_spans_overlap_where_they_share_a_minute(other: Span, *, overlaps: bool, contains: bool) -> None:
    assert Span(10, 20).overlaps(other) is overlaps
    assert other.overlaps(Span(10, 20)) is overlaps
    assert Span(10, 20).contains(other) is contains


def test_spans_that_touch_are_joined() -> None:
    assert merged([Span(5, 8), Span(1, 2), Span(2, 3), Span(6, 7)]) == [Span(1, 3), Span(5, 8)]
    assert merged([]) == []


def test_a_hole_is_cut_out_of_spans() -> None:
    spans = [Span(0, 10), Span(20, 30)]
    assert without(spans, [Span(5, 25)]) == [Span(0, 5), Span(25, 30)]
    assert without(spans, [Span(2, 3), Span(10, 20)]) == [Span(0, 2), Span(3, 10), Span(20, 30)]
    assert without(spans, [times.WHOLE_DAY]) == []
    assert without(spans, []) == spans


def test_a_stored_day_may_have_an_offset() -> None:
    assert times.day_of("2026-03-01") == times.day_of("2026-03-01+02:00") == date(2026, 3, 1)


def test_how_long_it_is_until_a_time_of_a_day() -> None:
    now = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert minutes_until(date(2026, 3, 1), 13 * 60, now) == 30
    assert minutes_until(date(2026, 2, 28), 24 * 60, now) == -12 * 60 - 30
    assert minutes_until(date.max, 24 * 60, now) > 0
