"""What of a provider's day is taken; two bookings of one provider never overlap."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from models.bookings.booking import Booking
from models.bookings.times import Span
from models.errors import Code, Refusal
from models.limits import fixed_limit

# A quarter of an hour each; a transaction of 100 items has room to check all of them when the day's row begins.
MOST_BOOKINGS = fixed_limit(96, "bookings of a provider on one day", topic="bookings", code="SLOT_TAKEN")


@dataclass(frozen=True, slots=True)
class Taken:
    """A booking's time, in minutes after midnight."""

    booking_id: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        """Return its time."""
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Day:
    """The stored row of a provider's day; version 0 is not stored yet."""

    id: str
    taken: tuple[Taken, ...] = ()
    version: int = 0

    @property
    def spans(self) -> list[Span]:
        """Return the times that are taken."""
        return [taken.span for taken in self.taken]

    def with_booking(self, booking_id: str, span: Span) -> "Day | Refusal":
        """Return the next version, in which a booking takes its time; or the refusal SLOT_TAKEN."""
        if any(span.overlaps(other) for other in self.spans):
            return Refusal(
                Code.SLOT_TAKEN,
                "The provider has another booking at this time; getAvailableTimeSlots shows what is free.",
            )
        if len(self.taken) >= MOST_BOOKINGS:
            return Refusal(
                Code.SLOT_TAKEN, f"A provider takes {MOST_BOOKINGS} bookings a day; choose another day."
            )
        taken = (*self.taken, Taken(booking_id, span.start, span.end))
        return replace(self, taken=taken, version=self.version + 1)

    def without_booking(self, booking_id: str) -> "Day":
        """Return the next version, in which a booking takes no time."""
        taken = tuple(other for other in self.taken if other.booking_id != booking_id)
        return replace(self, taken=taken, version=self.version + 1)

    @classmethod
    def of_bookings(cls, key: str, bookings: Iterable[Booking]) -> "Day":
        """Return a day that is not stored yet, from the bookings of that day that were made before it was kept."""
        found = ((booking.id, booking.span) for booking in bookings if booking.day_key == key)
        return cls(key, tuple(Taken(name, span.start, span.end) for name, span in found if span is not None))
