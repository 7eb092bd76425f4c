"""What each Idempotency-Key has come to: who works on its request, or what the request was answered."""

from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from models.tables.base import MomentAttribute, Table


class Idempotency(Table):
    """Ours, not mirrored.

    Rows go after a day, and there is nothing to recover: without its row a request only runs again.
    """

    class Meta(Table.Meta):
        table_name = "Idempotency"
        stream_view_type = None
        point_in_time_recovery = False

    id = UnicodeAttribute(hash_key=True)
    requestHash = UnicodeAttribute()
    claim = UnicodeAttribute()
    claimedUntil = MomentAttribute(null=True)
    answer = UnicodeAttribute(null=True)
    expiresAt = TTLAttribute()
