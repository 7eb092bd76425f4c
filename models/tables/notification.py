"""A notification to a member."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from models.tables.base import MomentAttribute, Table, index


class Notification(Table):
    """Amplify's Notification."""

    class Meta(Table.Meta):
        table_name = "Notification"

    id = UnicodeAttribute(hash_key=True)
    userId = UnicodeAttribute()
    type = UnicodeAttribute()
    title = UnicodeAttribute()
    message = UnicodeAttribute()
    isRead = BooleanAttribute()
    relatedId = UnicodeAttribute(null=True)
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    byUserId = index("byUserId", "userId")
