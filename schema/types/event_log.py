"""The log of business events."""

from strawberry import ID

from models import tables
from models.events import EventEntityType
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, owner
from schema.scalars import AWSJSON, AWSDateTime


@mirrored(
    table=tables.EventLog,
    rules=[owner("actorUserId", READING), groups("admin", operations=READING)],
    # Amplify adds them to types that do not declare them, but to none of their inputs.
    unwritable=["createdAt", "updatedAt"],
)
class EventLog:
    """Something that happened, in business words."""

    id: ID
    eventType: str
    entityType: EventEntityType
    entityId: ID
    actorUserId: ID | None
    eventData: AWSJSON | None
    businessContext: str | None
    stepFunctionExecutionArn: str | None
    timestamp: AWSDateTime
    source: str
    createdAt: AWSDateTime
    updatedAt: AWSDateTime
