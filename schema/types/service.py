"""A service that a member offers."""

from strawberry import ID

from models import tables
from models.bookings.terms import FURTHEST_DAYS
from models.hours import LARGEST_AMOUNT, SMALLEST_AMOUNT
from schema.amplify.bounds import NAME, Between
from schema.amplify.declaration import belongs_to, has_many
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, owner, private, public
from schema.scalars import AWSDateTime

# The hours that one request may be about.
_BOOKING = Between(float(SMALLEST_AMOUNT), float(LARGEST_AMOUNT))


@mirrored(
    table=tables.Service,
    rules=[owner("userId"), private(READING), public(), groups("admin")],
    bounds={
        "title": NAME,
        "hourlyRate": Between(0.01, 1_000),
        "hourlyDuration": _BOOKING,
        "minBookingHours": _BOOKING,
        "maxBookingHours": _BOOKING,
        "advanceBookingDays": Between(0, FURTHEST_DAYS),
        "cancellationHours": Between(0, FURTHEST_DAYS * 24),
        "responseWindowHours": Between(2, 72),
    },
    ordered=[("minBookingHours", "maxBookingHours")],
    defaults={"hourlyRate": 1.0, "hourlyDuration": 1.0},
)
class Service:
    """A service that a member offers: `hourlyRate` is the price of an hour, `hourlyDuration` how long it takes."""

    id: ID
    userId: ID
    title: str
    description: str
    category: str
    hourlyRate: float
    hourlyDuration: float
    isActive: bool
    tags: list[str]
    requiresScheduling: bool | None
    minBookingHours: float | None
    maxBookingHours: float | None
    advanceBookingDays: int | None
    cancellationHours: int | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime
    responseWindowHours: int | None

    user = belongs_to("User", "userId")
    requests = has_many("ServiceRequest", "byServiceId")
    transactions = has_many("Transaction", "byServiceId")
    schedules = has_many("ServiceSchedule", "byServiceId")
    bookings = has_many("Booking", "byServiceId")
    scheduleExceptions = has_many("ScheduleException", "byServiceId")
