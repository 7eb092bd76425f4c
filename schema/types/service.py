"""A service that a member offers."""

from strawberry import ID

from models import tables
from schema.amplify.declaration import belongs_to, has_many
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, owner, private
from schema.scalars import AWSDateTime


@mirrored(
    table=tables.Service,
    rules=[owner("userId"), private(READING), groups("admin")],
    bounds={"responseWindowHours": (2, 72)},
)
class Service:
    """A service that a member offers, and its price in hours."""

    id: ID
    userId: ID
    title: str
    description: str
    category: str
    hourlyRate: float
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
