"""Hours held for a request until they are released or returned."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import HoursAttribute, IntegerAttribute, MomentAttribute, Table, index


class Escrow(Table):
    """Amplify's Escrow, and its version for optimistic locking."""

    class Meta(Table.Meta):
        table_name = "Escrow"

    id = UnicodeAttribute(hash_key=True)
    requestId = UnicodeAttribute(null=True)
    fromUserId = UnicodeAttribute()
    toUserId = UnicodeAttribute()
    amount = HoursAttribute()
    status = UnicodeAttribute()
    escrowType = UnicodeAttribute()
    stepFunctionExecutionArn = UnicodeAttribute(null=True)
    createdAt = MomentAttribute()
    releasedAt = MomentAttribute(null=True)
    cancelledAt = MomentAttribute(null=True)
    updatedAt = MomentAttribute()

    version = IntegerAttribute()

    byRequestId = index("byRequestId", "requestId")
    byFromUserId = index("byFromUserId", "fromUserId")
    byToUserId = index("byToUserId", "toUserId")
    byStatus = index("byStatus", "status")
