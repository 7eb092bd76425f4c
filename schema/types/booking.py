"""An appointment for a service."""

from strawberry import ID

from models.bookings.booking import BookingStatus
from models.hours import LARGEST_AMOUNT
from models.tables import booking
from schema import enums  # registers BookingStatus under the name that clients know
from schema.amplify.bounds import Between, TimeOfDay
from schema.amplify.declaration import belongs_to, has_one
from schema.amplify.mirror import mirrored
from schema.amplify.rules import owner
from schema.scalars import AWSDate, AWSDateTime

__all__ = ["enums"]


@mirrored(
    table=booking.Booking,
    rules=[owner("providerId"), owner("consumerId")],
    bounds={
        "duration": Between(0.01, 24),
        "totalCost": Between(0, float(LARGEST_AMOUNT)),
        "startTime": TimeOfDay(),
        "endTime": TimeOfDay(),
    },
)
class Booking:
    """An appointment for a service, which both sides keep."""

    id: ID
    serviceId: ID
    providerId: ID
    consumerId: ID
    bookingDate: AWSDate
    startTime: str
    endTime: str
    duration: float
    totalCost: float
    status: BookingStatus
    notes: str | None
    providerNotes: str | None
    cancellationReason: str | None
    createdAt: AWSDateTime
    confirmedAt: AWSDateTime | None
    cancelledAt: AWSDateTime | None
    completedAt: AWSDateTime | None
    updatedAt: AWSDateTime
    bookingTransactionId: ID | None

    service = belongs_to("Service", "serviceId")
    provider = belongs_to("User", "providerId")
    consumer = belongs_to("User", "consumerId")
    transaction = has_one("Transaction", "bookingTransactionId")
