"""A row per Idempotency-Key: who is running its request, or the answer that the request was given."""

from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from models.tables.base import MomentAttribute, Table


class Idempotency(Table):
    """A table of the house: no GraphQL type can have its name.

    Rows expire after a day and need no recovery: without its row a request only runs again.
    """

    class Meta(Table.Meta):
        table_name = ".Idempotency"
        stream_view_type = None
        point_in_time_recovery = False

    id = UnicodeAttribute(hash_key=True)
    requestHash = UnicodeAttribute()
    claim = UnicodeAttribute()
    claimedUntil = MomentAttribute(null=True)
    answer = UnicodeAttribute(null=True)
    expiresAt = TTLAttribute()
