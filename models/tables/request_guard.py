"""A row per requester and service while a request is open; it prevents a second request for the service."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import MomentAttribute, Table


class RequestGuard(Table):
    """A table of our own, not one of Amplify's types; an index would show the first request too late."""

    class Meta(Table.Meta):
        table_name = "RequestGuard"
        stream_view_type = None

    id = UnicodeAttribute(hash_key=True)
    requestId = UnicodeAttribute()
    createdAt = MomentAttribute()
