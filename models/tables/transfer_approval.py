"""A row per transfer that one administrator has asked for and another has to ask for, too."""

from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from models.tables.base import MomentAttribute, Table


class TransferApproval(Table):
    """A table of our own, not one of Amplify's types.

    A row is deleted by the transfer that it approves, or expires; without it the transfer is only asked for again.
    """

    class Meta(Table.Meta):
        table_name = "TransferApproval"
        stream_view_type = None
        point_in_time_recovery = False

    id = UnicodeAttribute(hash_key=True)
    requestedBy = UnicodeAttribute()
    content = UnicodeAttribute()
    createdAt = MomentAttribute()
    expiresAt = TTLAttribute()
