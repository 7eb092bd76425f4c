"""A service exchange that was paid."""

from strawberry import ID

from models import tables
from models.requests.statuses import TransactionStatus
from schema.amplify.declaration import belongs_to, has_many
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, owner
from schema.scalars import AWSDateTime


@mirrored(
    table=tables.Transaction,
    rules=[owner("providerId", READING), owner("consumerId", READING), groups("admin", operations=READING)],
)
class Transaction:
    """A service exchange between two members."""

    id: ID
    providerId: ID
    consumerId: ID
    serviceId: ID
    bookingId: ID | None
    hoursSpent: float
    status: TransactionStatus
    description: str
    rating: float | None
    feedback: str | None
    createdAt: AWSDateTime
    completedAt: AWSDateTime | None
    updatedAt: AWSDateTime

    provider = belongs_to("User", "providerId")
    consumer = belongs_to("User", "consumerId")
    service = belongs_to("Service", "serviceId")
    booking = belongs_to("Booking", "bookingId")
    ratings = has_many("Rating", "byTransactionId")
    reports = has_many("Report", "byTransactionId")
