"""A notification to a member."""

from strawberry import ID

from models import tables
from models.events import NotificationType
from schema.amplify.bounds import NAME
from schema.amplify.declaration import belongs_to
from schema.amplify.mirror import mirrored
from schema.amplify.rules import Operation, owner
from schema.scalars import AWSDateTime


@mirrored(
    table=tables.Notification,
    rules=[owner("userId", {Operation.READ, Operation.UPDATE, Operation.DELETE})],
    bounds={"title": NAME},
)
class Notification:
    """A notification to a member of something that concerns them."""

    id: ID
    userId: ID
    type: NotificationType
    title: str
    message: str
    isRead: bool
    relatedId: str | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime

    user = belongs_to("User", "userId")
