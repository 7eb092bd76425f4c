"""A message from one member to another."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from models.tables.base import MomentAttribute, Table, index


class Message(Table):
    """Amplify's Message."""

    class Meta(Table.Meta):
        table_name = "Message"

    id = UnicodeAttribute(hash_key=True)
    senderId = UnicodeAttribute()
    receiverId = UnicodeAttribute()
    conversationId = UnicodeAttribute()
    content = UnicodeAttribute()
    isRead = BooleanAttribute()
    messageType = UnicodeAttribute()
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    bySenderId = index("bySenderId", "senderId")
    byReceiverId = index("byReceiverId", "receiverId")
    byConversationId = index("byConversationId", "conversationId")
