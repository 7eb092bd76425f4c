"""A member's hours: `total = available + escrowed`, none of them negative."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import HoursAttribute, IntegerAttribute, MomentAttribute, Table


class UserBalance(Table):
    """Amplify's UserBalance, and the hash of the last entry in the member's chain."""

    class Meta(Table.Meta):
        table_name = "UserBalance"

    userId = UnicodeAttribute(hash_key=True)
    totalBalance = HoursAttribute()
    availableBalance = HoursAttribute()
    escrowedBalance = HoursAttribute()
    lastTransactionId = UnicodeAttribute(null=True)
    version = IntegerAttribute()
    lockedAt = MomentAttribute(null=True)
    lockedBy = UnicodeAttribute(null=True)
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    lastHash = UnicodeAttribute(null=True)
    # Since when the member is being erased, or is: nobody joins with their id again.
    erasedAt = MomentAttribute(null=True)
