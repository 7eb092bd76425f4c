"""The ledger's entries: one for each member whose hours a movement changes, chained by hashes."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import HoursAttribute, IntegerAttribute, MomentAttribute, Table, index


class TransactionLog(Table):
    """Amplify's TransactionLog; `amount`, `balanceBefore` and `balanceAfter` count available hours."""

    class Meta(Table.Meta):
        table_name = "TransactionLog"

    id = UnicodeAttribute(hash_key=True)
    transactionId = UnicodeAttribute(null=True)
    userId = UnicodeAttribute()
    transactionType = UnicodeAttribute()
    amount = HoursAttribute()
    balanceBefore = HoursAttribute()
    balanceAfter = HoursAttribute()
    description = UnicodeAttribute()
    relatedEntityId = UnicodeAttribute(null=True)
    stepFunctionExecutionArn = UnicodeAttribute(null=True)
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    escrowedAmount = HoursAttribute()
    issued = HoursAttribute()
    balanceVersion = IntegerAttribute()
    previousHash = UnicodeAttribute(null=True)
    hash = UnicodeAttribute()
    # Of a description that a person wrote: the hash covers its digest; the salt goes when the text is erased.
    descriptionSalt = UnicodeAttribute(null=True)
    descriptionDigest = UnicodeAttribute(null=True)

    byTransactionId = index("byTransactionId", "transactionId")
    byUserId = index("byUserId", "userId")
    byTransactionType = index("byTransactionType", "transactionType")
