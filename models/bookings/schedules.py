"""When a service is open on a day, and which slots of that day are free."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.bookings.times import WHOLE_DAY, Span, day_of, merged, stored_span, without

# Slots begin every half hour, counted from when the service opens.
GRID_MINUTES = 30
TAKEN = "Another booking has taken this time."
CLOSED = "The service is closed at this time."


class ExceptionType(StrEnum):
    """How a day differs from the week's schedule."""

    UNAVAILABLE = "UNAVAILABLE"
    CUSTOM_HOURS = "CUSTOM_HOURS"
    HOLIDAY = "HOLIDAY"


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Hours of a service on a day of the week; day 0 is Sunday."""

    service_id: str
    day_of_week: int
    start_time: str
    end_time: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class DayException:
    """A day on which a service is open at other times than in the week, or closed."""

    service_id: str
    exception_date: str
    exception_type: ExceptionType
    start_time: str | None = None
    end_time: str | None = None

    @property
    def span(self) -> Span | None:
        """Return the part of the day that it is about; None if it has no times, or none that make sense."""
        return stored_span(self.start_time, self.end_time)


@dataclass(frozen=True, slots=True)
class Hours:
    """A service's hours on a day.

    Args:
        usual: when it is open by its schedule, or by the day's own hours.
        open: what of that the day's closures leave.
    """

    usual: Sequence[Span]
    open: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that may be booked, or why it may not."""

    span: Span
    conflict: str | None


def week_day(day: date) -> int:
    """Return the day of the week; 0 is Sunday."""
    return day.isoweekday() % 7


def hours_on(day: date, weekly: Collection[WeeklyHours], exceptions: Iterable[DayException]) -> Hours:
    """Return a service's hours on a day.

    Args:
        day: the day.
        weekly: all rows of the service's schedule; a service without any is open all day.
        exceptions: the service's exceptions, of any day.
    """
    usual = [WHOLE_DAY]
    if weekly:
        todays = (row for row in weekly if row.is_active and row.day_of_week == week_day(day))
        usual = _spans(stored_span(row.start_time, row.end_time) for row in todays)
    special = [row for row in exceptions if day_of(row.exception_date) == day]
    custom = [row for row in special if row.exception_type is ExceptionType.CUSTOM_HOURS]
    if custom:
        usual = _spans(row.span for row in custom)
    closures = [row.span or WHOLE_DAY for row in special if row not in custom]
    return Hours(usual, without(usual, closures))


def _spans(found: Iterable[Span | None]) -> list[Span]:
    return merged(span for span in found if span is not None)


def conflict(span: Span, hours: Hours, taken: Iterable[Span]) -> str | None:
    """Return why a time of a day cannot be booked; None if it can."""
    if not any(opening.contains(span) for opening in hours.open):
        return CLOSED
    return TAKEN if any(span.overlaps(other) for other in taken) else None


def slots(hours: Hours, taken: Collection[Span], minutes: int) -> list[Slot]:
    """Return the slots of a day, of so many minutes each, with those that are taken or closed."""
    spans = (
        Span(start, start + minutes)
        for opening in hours.usual
        for start in range(opening.start, opening.end - minutes + 1, GRID_MINUTES)
    )
    return [Slot(span, conflict(span, hours, taken)) for span in spans]


def is_free(hours: Hours, taken: Iterable[Span]) -> bool:
    """Return whether any minute of a day is open and not taken."""
    return without(hours.open, taken) != []
