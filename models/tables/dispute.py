"""A quarrel over a request, which an admin decides."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import HoursAttribute, IntegerAttribute, MomentAttribute, Table, index


class Dispute(Table):
    """Amplify's Dispute, and below its fields what the resolution rests on."""

    class Meta(Table.Meta):
        table_name = "Dispute"

    id = UnicodeAttribute(hash_key=True)
    requestId = UnicodeAttribute()
    transactionId = UnicodeAttribute(null=True)
    raisedBy = UnicodeAttribute()
    againstUserId = UnicodeAttribute()
    disputeType = UnicodeAttribute()
    status = UnicodeAttribute()
    description = UnicodeAttribute()
    evidence = UnicodeAttribute(null=True)
    adminId = UnicodeAttribute(null=True)
    resolution = UnicodeAttribute(null=True)
    stepFunctionExecutionArn = UnicodeAttribute(null=True)
    createdAt = MomentAttribute()
    resolvedAt = MomentAttribute(null=True)
    updatedAt = MomentAttribute()

    # Where the request was, and why; a dismissal brings it back there.
    statusBefore = UnicodeAttribute(null=True)
    reasonBefore = UnicodeAttribute(null=True)
    # When the request was due then; of one that was paid, its rating was still to be enabled.
    dueBefore = MomentAttribute(null=True)
    # The hours held on the provider, of a request that was paid already.
    escrowId = UnicodeAttribute(null=True)
    decision = UnicodeAttribute(null=True)
    # The provider's share in a partial refund.
    providerHours = HoursAttribute(null=True)
    # Since when the decision is late.
    overdueAt = MomentAttribute(null=True)
    version = IntegerAttribute(null=True)

    byRequestId = index("byRequestId", "requestId")
    byRaisedBy = index("byRaisedBy", "raisedBy")
    byStatus = index("byStatus", "status")
    byAdminId = index("byAdminId", "adminId")
    byAgainstUserId = index("byAgainstUserId", "againstUserId")
