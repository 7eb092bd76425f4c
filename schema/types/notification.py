"""What a member is told."""

from strawberry import ID

from models import tables
from models.events import NotificationType
from schema.amplify.bounds import NAME
from schema.amplify.mirror import mirrored
from schema.amplify.rules import Operation, owner
from schema.scalars import AWSDateTime


@mirrored(
    table=tables.Notification,
    rules=[owner("userId", {Operation.READ, Operation.UPDATE, Operation.DELETE})],
    bounds={"title": NAME},
)
class Notification:
    """What a member is told of something that concerns them."""

    id: ID
    userId: ID
    type: NotificationType
    title: str
    message: str
    isRead: bool
    relatedId: str | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime
