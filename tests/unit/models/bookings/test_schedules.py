"""Opening hours from schedule and exceptions, and the slots of a day."""

from datetime import date

import pytest

from models.bookings.schedules import (
    CLOSED,
    TAKEN,
    DayException,
    ExceptionType,
    Hours,
    WeeklyHours,
    conflict,
    hours_on,
    is_free,
    slots,
    week_day,
)
from models.bookings.times import WHOLE_DAY, Span

SUNDAY = date(2026, 3, 1)
NINE, NOON, TWO = 540, 720, 840
MORNING = Span(NINE, NOON)


def weekly(day: int = 0, start: str = "09:00", end: str = "12:00", *, is_active: bool = True) -> WeeklyHours:
    return WeeklyHours("s", day, start, end, is_active)


def special(
    kind: ExceptionType, start: str | None = None, end: str | None = None, day: str = "2026-03-01"
) -> DayException:
    return DayException("s", day, kind, start, end)


def test_the_week_begins_on_sunday() -> None:
    assert [week_day(date(2026, 3, day)) for day in range(1, 8)] == [0, 1, 2, 3, 4, 5, 6]


def test_a_service_without_a_schedule_is_open_all_day() -> None:
    assert hours_on(SUNDAY, [], []) == Hours([WHOLE_DAY], [WHOLE_DAY])


def test_a_service_is_open_at_the_hours_of_the_day_of_the_week() -> None:
    rows = [
        weekly(),
        weekly(start="12:00", end="14:00"),
        weekly(1, "20:00", "21:00"),
        weekly(start="no", end="way"),
    ]
    assert hours_on(SUNDAY, rows, []).open == [Span(NINE, TWO)]


@pytest.mark.parametrize("rows", [[weekly(1)], [weekly(is_active=False)]])
def test_a_day_without_active_hours_is_closed(rows: list[WeeklyHours]) -> None:
    assert hours_on(SUNDAY, rows, []) == Hours([], [])


@pytest.mark.parametrize("kind", [ExceptionType.UNAVAILABLE, ExceptionType.HOLIDAY])
def test_a_day_or_a_part_of_it_is_closed(kind: ExceptionType) -> None:
    whole = hours_on(SUNDAY, [weekly()], [special(kind)])
    assert (whole.usual, whole.open) == ([MORNING], [])
    part = hours_on(SUNDAY, [weekly()], [special(kind, "10:00", "11:00")])
    assert (part.usual, part.open) == ([MORNING], [Span(NINE, 600), Span(660, NOON)])
    assert hours_on(SUNDAY, [weekly()], [special(kind, "10:00")]).open == []
    assert hours_on(SUNDAY, [weekly()], [special(kind, day="2026-03-08")]).open == [MORNING]


def test_hours_of_a_day_replace_those_of_the_week_and_may_be_closed_in_part() -> None:
    custom = special(ExceptionType.CUSTOM_HOURS, "14:00", "16:00", "2026-03-01Z")
    assert hours_on(SUNDAY, [weekly()], [custom]).open == [Span(TWO, 960)]
    closed = special(ExceptionType.UNAVAILABLE, "15:00", "24:00")
    found = hours_on(SUNDAY, [], [custom, closed])
    assert (found.usual, found.open) == ([Span(TWO, 960)], [Span(TWO, 900)])
    assert hours_on(SUNDAY, [], [special(ExceptionType.CUSTOM_HOURS)]).open == []


def test_a_time_conflicts_with_what_is_closed_or_taken() -> None:
    hours = Hours([MORNING], [Span(NINE, 660)])
    assert conflict(Span(600, 660), hours, [Span(NINE, 600)]) is None
    assert conflict(Span(600, 661), hours, []) == CLOSED
    assert conflict(Span(600, 660), hours, [Span(659, 700)]) == TAKEN


def test_slots_begin_every_half_hour_and_end_within_the_hours() -> None:
    hours = Hours([Span(NINE, 671)], [Span(NINE, 660)])
    found = slots(hours, [Span(NINE, 570)], 60)
    assert [(slot.span.start, slot.span.end, slot.conflict) for slot in found] == [
        (540, 600, TAKEN),
        (570, 630, None),
        (600, 660, None),
    ]
    assert slots(Hours([MORNING], []), [], 180)[0].conflict == CLOSED
    assert slots(hours, [], 180) == []


def test_a_day_is_free_if_any_minute_is() -> None:
    hours = Hours([MORNING], [MORNING])
    assert is_free(hours, [Span(NINE, NOON - 1)])
    assert not is_free(hours, [Span(NINE, 600), Span(600, NOON)])


def test_a_slot_ends_before_the_service_closes() -> None:
    for closes, slots_found in ((599, 0), (600, 1), (629, 1), (630, 2)):
        opening = [Span(NINE, closes)]
        assert len(slots(Hours(opening, opening), [], 60)) == slots_found
