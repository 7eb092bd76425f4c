"""What the app's own queries about bookings show: the slots of a day, and a provider's days."""

from enum import StrEnum
from typing import Any

import strawberry

from models.bookings import times
from models.bookings.schedules import Slot
from schema.documents.cost import MOST_OBJECTS
from schema.scalars import AWSDate
from schema.types.booking import Booking
from schema.types.schedule_exception import ScheduleException
from schema.types.service_schedule import ServiceSchedule

# The longest range of days that a provider's days are shown for, and how many rows of each kind are shown on a day
# of it, on average. A page of days is never larger: its cost is told from these figures.
MOST_DAYS = 31
SCHEDULES_A_DAY = 30
EXCEPTIONS_A_DAY = 10
BOOKINGS_A_DAY = 15


def _listed(most: int) -> Any:
    return strawberry.field(metadata={MOST_OBJECTS: most})


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
    schedules: list[ServiceSchedule] = _listed(SCHEDULES_A_DAY)
    exceptions: list[ScheduleException] = _listed(EXCEPTIONS_A_DAY)
    bookings: list[Booking] = _listed(BOOKINGS_A_DAY)
    is_available: bool
