"""A message from one member to another."""

from enum import StrEnum

import strawberry
from strawberry import ID

from models.tables import message
from schema.amplify.bounds import OneOf
from schema.amplify.declaration import belongs_to
from schema.amplify.mirror import mirrored
from schema.amplify.rules import Operation, owner
from schema.scalars import AWSDateTime


@strawberry.enum
class MessageType(StrEnum):
    """What a message holds."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    FILE = "FILE"
    SYSTEM = "SYSTEM"


@mirrored(
    table=message.Message,
    rules=[owner("senderId"), owner("receiverId", {Operation.READ, Operation.UPDATE}, may_change={"isRead"})],
    # A member who could send what looks like the system's own could make others believe anything.
    bounds={"messageType": OneOf((MessageType.TEXT, MessageType.IMAGE, MessageType.FILE))},
)
class Message:
    """A message from one member to another."""

    id: ID
    senderId: ID
    receiverId: ID
    conversationId: ID
    content: str
    isRead: bool
    messageType: MessageType
    createdAt: AWSDateTime
    updatedAt: AWSDateTime

    sender = belongs_to("User", "senderId")
    receiver = belongs_to("User", "receiverId")
