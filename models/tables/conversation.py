"""A conversation between two members."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import MomentAttribute, Table, index


class Conversation(Table):
    """Amplify's Conversation."""

    class Meta(Table.Meta):
        table_name = "Conversation"

    id = UnicodeAttribute(hash_key=True)
    user1Id = UnicodeAttribute()
    user2Id = UnicodeAttribute()
    lastMessageId = UnicodeAttribute(null=True)
    lastMessageAt = MomentAttribute(null=True)
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    byUser1Id = index("byUser1Id", "user1Id")
    byUser2Id = index("byUser2Id", "user2Id")
