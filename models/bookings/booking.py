"""An appointment and its service as the rules see them."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.bookings.times import Span, day_of, stored_span
from models.hours import USUAL_RATE, Hours


class BookingStatus(StrEnum):
    """How far an appointment has come."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED_BY_CONSUMER = "CANCELLED_BY_CONSUMER"
    CANCELLED_BY_PROVIDER = "CANCELLED_BY_PROVIDER"
    NO_SHOW_CONSUMER = "NO_SHOW_CONSUMER"
    NO_SHOW_PROVIDER = "NO_SHOW_PROVIDER"


# A booking that has come to nothing takes no time of its provider any more.
CANCELLED = frozenset({BookingStatus.CANCELLED_BY_CONSUMER, BookingStatus.CANCELLED_BY_PROVIDER})
FREEING = CANCELLED | {BookingStatus.NO_SHOW_CONSUMER, BookingStatus.NO_SHOW_PROVIDER}
TAKING = frozenset(BookingStatus) - FREEING
ENDED = FREEING | {BookingStatus.COMPLETED}


class Side(StrEnum):
    """One of the two whose appointment it is."""

    PROVIDER = "provider"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True)
class Offer:
    """A service, as far as bookings depend on it; a limit that is None is not set."""

    id: str
    user_id: str
    is_active: bool
    hourly_rate: Hours = USUAL_RATE
    hourly_duration: float | None = None
    min_booking_hours: Hours | None = None
    max_booking_hours: Hours | None = None
    advance_booking_days: int | None = None
    cancellation_hours: int | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """The member who offers a service, as far as bookings depend on them."""

    id: str
    is_active: bool | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking's stored row, as far as the rules depend on it."""

    id: str
    service_id: str
    provider_id: str
    consumer_id: str
    booking_date: str
    start_time: str
    end_time: str
    status: BookingStatus

    @property
    def day(self) -> date:
        """Return its day."""
        return day_of(self.booking_date)

    @property
    def day_key(self) -> str:
        """Return the key of the row that holds what is taken of its provider's day."""
        return day_key(self.provider_id, self.day)

    @property
    def span(self) -> Span | None:
        """Return its time; None if an old row's times make no sense."""
        return stored_span(self.start_time, self.end_time)

    def side_of(self, member: str) -> Side | None:
        """Return the side that a member is on; Amplify may have stored `sub::username`."""
        sides = {Side.PROVIDER: self.provider_id, Side.CONSUMER: self.consumer_id}
        return next((side for side, stored in sides.items() if stored.partition("::")[0] == member), None)


def day_key(provider_id: str, day: date) -> str:
    """Return the key of the row that holds what is taken of a provider's day."""
    return f"{provider_id}#{day.isoformat()}"
