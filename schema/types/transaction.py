"""An exchange of a service, as the app sees a request."""

from strawberry import ID

from models import tables
from models.requests.reputation import HIGHEST, LOWEST, PLACES
from models.requests.statuses import TransactionStatus
from schema.amplify.bounds import Between, Text
from schema.amplify.declaration import Protection, belongs_to, has_many
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, Operation, groups, owner
from schema.scalars import AWSDateTime
from schema.types.rating import FEEDBACK_CHARACTERS
from schema.types.service_request import MESSAGE_CHARACTERS

_FIXED = Protection(initial=..., use="updateProviderResponse or respondToCounterOffer, for other terms")
_LATER = Protection(use="updateTransaction, once it is paid")


@mirrored(
    table=tables.Transaction,
    rules=[
        owner("providerId", {Operation.READ, Operation.UPDATE}),
        owner("consumerId", {Operation.CREATE, Operation.READ, Operation.UPDATE}),
        groups("admin", operations=READING),
    ],
    protected={
        "status": Protection(initial=TransactionStatus.PENDING, use="updateTransaction"),
        "hoursSpent": _FIXED,
        "description": _FIXED,
        "rating": _LATER,
        "feedback": _LATER,
        "completedAt": Protection(use="updateTransaction; the server sets it when it is paid"),
    },
    bounds={
        "description": Text(MESSAGE_CHARACTERS),
        "rating": Between(LOWEST, HIGHEST, places=PLACES),
        "feedback": Text(FEEDBACK_CHARACTERS),
    },
)
class Transaction:
    """A service exchange between two members: a request, with its hours and its rating."""

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
