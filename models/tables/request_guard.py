"""A row per requester and service while a request for it is open: the second one cannot be held."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import MomentAttribute, Table


class RequestGuard(Table):
    """Ours, not mirrored: an index would see the first request too late."""

    class Meta(Table.Meta):
        table_name = "RequestGuard"
        stream_view_type = None

    id = UnicodeAttribute(hash_key=True)
    requestId = UnicodeAttribute()
    createdAt = MomentAttribute()
