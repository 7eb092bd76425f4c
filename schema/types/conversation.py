"""Two members who write to each other."""

from strawberry import ID

from models.tables import conversation
from schema.amplify.declaration import belongs_to, has_many
from schema.amplify.mirror import mirrored
from schema.amplify.rules import owner
from schema.scalars import AWSDateTime


@mirrored(
    table=conversation.Conversation,
    rules=[owner("user1Id"), owner("user2Id")],
)
class Conversation:
    """Two members who write to each other."""

    id: ID
    user1Id: ID
    user2Id: ID
    lastMessageId: ID | None
    lastMessageAt: AWSDateTime | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime

    messages = has_many("Message", "byConversationId")
    user1 = belongs_to("User", "user1Id")
    user2 = belongs_to("User", "user2Id")
