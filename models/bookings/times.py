"""Times of day as bookings and schedules have them: `HH:MM` from 00:00 to 24:00, reckoned in minutes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from models.errors import Code, Refusal

DAY_MINUTES = 24 * 60
VALID = "must be a time of day such as 09:30, from 00:00 to 24:00"
# Dates and times of day have no time zone and are taken as UTC. A member's own clock may be this far from it.
LEEWAY_MINUTES = 14 * 60

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_DATE_CHARACTERS = len("2026-03-01")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A part of a day, in minutes after midnight, without its end."""

    start: int
    end: int

    @property
    def minutes(self) -> int:
        """Return how long it is."""
        return self.end - self.start

    def overlaps(self, other: "Span") -> bool:
        """Return whether the two have a minute in common."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: "Span") -> bool:
        """Return whether the other lies wholly within this one."""
        return self.start <= other.start and other.end <= self.end


WHOLE_DAY = Span(0, DAY_MINUTES)


def parse(text: str) -> int | None:
    """Return the minutes after midnight of an `HH:MM`; None if it is no time of day."""
    return int(text[:2]) * 60 + int(text[3:]) if _TIME.fullmatch(text) else None


def to_text(minutes: int) -> str:
    """Return minutes after midnight as `HH:MM`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def span_of(start: str, end: str) -> Span | Refusal:
    """Return the span from one time of day to another; or the refusal that names the wrong one."""
    found = {"startTime": parse(start), "endTime": parse(end)}
    for name, minutes in found.items():
        if minutes is None:
            return invalid(name, VALID)
    first, last = (minutes or 0 for minutes in found.values())
    if first >= last:
        return invalid("startTime", f"{start} must be before endTime, which is {end}")
    return Span(first, last)


def invalid(field: str, problem: str) -> Refusal:
    """Return the refusal of a field's value."""
    return Refusal(Code.BAD_REQUEST, f"{field}: {problem}", {"field": field})


def stored_span(start: str | None, end: str | None) -> Span | None:
    """Return the span of two stored times; None if one is missing or they make no sense, as old rows may not."""
    found = None if start is None or end is None else span_of(start, end)
    return found if isinstance(found, Span) else None


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, with those that overlap or touch joined."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(span.end, joined[-1].end))
        else:
            joined.append(span)
    return joined


def without(spans: Iterable[Span], removed: Iterable[Span]) -> list[Span]:
    """Return what is left of spans without the parts that other spans cover."""
    left = list(spans)
    for hole in removed:
        parts = (
            part for span in left for part in (Span(span.start, min(span.end, hole.start)),
                                               Span(max(span.start, hole.end), span.end))
        )  # fmt: skip
        left = [part for part in parts if part.minutes > 0]
    return left


def day_of(text: str) -> date:
    """Return the day of a stored date; what Amplify stored may end in an offset."""
    return date.fromisoformat(text[:_DATE_CHARACTERS])


def minutes_until(day: date, minutes: int, now: datetime) -> int:
    """Return in how many minutes a time of a day begins; negative if it is past."""
    return (day - now.date()).days * DAY_MINUTES + minutes - (now.hour * 60 + now.minute)
