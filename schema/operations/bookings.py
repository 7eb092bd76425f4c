"""What the app's own queries about bookings show: the slots of a day, and a provider's days."""

from enum import StrEnum

import strawberry

from models.bookings import times
from models.bookings.schedules import Slot
from schema.scalars import AWSDate
from schema.types.booking import Booking
from schema.types.schedule_exception import ScheduleException
from schema.types.service_schedule import ServiceSchedule


@strawberry.enum
class BookingRole(StrEnum):
    """On which side of a booking a member is."""

    PROVIDER = "PROVIDER"
    CONSUMER = "CONSUMER"


@strawberry.type
class TimeSlot:
    """A time of a day at which a service can be booked, or why it cannot."""

    start_time: str
    end_time: str
    is_available: bool
    conflict_reason: str | None

    @classmethod
    def of(cls, slot: Slot, problem: str | None) -> "TimeSlot":
        """Return a slot as clients see it; `problem` is what else stands against booking it."""
        reason = problem or slot.conflict
        return cls(
            start_time=times.to_text(slot.span.start),
            end_time=times.to_text(slot.span.end),
            is_available=reason is None,
            conflict_reason=reason,
        )


@strawberry.type
class ProviderAvailability:
    """A day of a provider: their hours, and whether any of them is free."""

    date: AWSDate
    day_of_week: int
    schedules: list[ServiceSchedule]
    exceptions: list[ScheduleException]
    bookings: list[Booking]
    is_available: bool
