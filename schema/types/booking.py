"""An appointment for a service."""

from enum import StrEnum

import strawberry
from strawberry import ID

from models.hours import LARGEST_AMOUNT
from models.tables import booking
from schema.amplify.bounds import Between
from schema.amplify.declaration import belongs_to, has_one
from schema.amplify.mirror import mirrored
from schema.amplify.rules import owner
from schema.scalars import AWSDate, AWSDateTime


@strawberry.enum
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


@mirrored(
    table=booking.Booking,
    rules=[owner("providerId"), owner("consumerId")],
    bounds={"duration": Between(0.01, 24), "totalCost": Between(0, float(LARGEST_AMOUNT))},
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
