"""A quarrel over a request, which an admin decides."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import MomentAttribute, Table, index


class Dispute(Table):
    """Amplify's Dispute."""

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

    byRequestId = index("byRequestId", "requestId")
    byRaisedBy = index("byRaisedBy", "raisedBy")
    byStatus = index("byStatus", "status")
    byAdminId = index("byAdminId", "adminId")
    byAgainstUserId = index("byAgainstUserId", "againstUserId")
