"""A service exchange that was paid."""

from strawberry import ID

from models import tables
from models.requests.statuses import TransactionStatus
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
