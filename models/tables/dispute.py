"""A dispute over a request, which an admin decides."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import HoursAttribute, IntegerAttribute, MomentAttribute, Table, index


class Dispute(Table):
    """Amplify's Dispute, followed by the fields that its resolution needs."""

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

    # The request's status and its reason before the dispute; a dismissal restores them.
    statusBefore = UnicodeAttribute(null=True)
    reasonBefore = UnicodeAttribute(null=True)
    # When the request was due before the dispute; if it was paid, its rating was still to be enabled then.
    dueBefore = MomentAttribute(null=True)
    # The escrow that holds the provider's hours; set if the request was paid before the dispute.
    escrowId = UnicodeAttribute(null=True)
    decision = UnicodeAttribute(null=True)
    # The provider's share in a partial refund.
    providerHours = HoursAttribute(null=True)
    # When the decision became overdue.
    overdueAt = MomentAttribute(null=True)
    version = IntegerAttribute(null=True)

    byRequestId = index("byRequestId", "requestId")
    byRaisedBy = index("byRaisedBy", "raisedBy")
    byStatus = index("byStatus", "status")
    byAdminId = index("byAdminId", "adminId")
    byAgainstUserId = index("byAgainstUserId", "againstUserId")
