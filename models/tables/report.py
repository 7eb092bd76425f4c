"""A complaint about a member."""

from pynamodb.attributes import UnicodeAttribute

from models.tables.base import MomentAttribute, Table, index


class Report(Table):
    """Amplify's Report."""

    class Meta(Table.Meta):
        table_name = "Report"

    id = UnicodeAttribute(hash_key=True)
    reporterId = UnicodeAttribute()
    reportedUserId = UnicodeAttribute()
    transactionId = UnicodeAttribute(null=True)
    reason = UnicodeAttribute()
    description = UnicodeAttribute()
    status = UnicodeAttribute()
    adminNotes = UnicodeAttribute(null=True)
    createdAt = MomentAttribute()
    resolvedAt = MomentAttribute(null=True)
    updatedAt = MomentAttribute()

    byReporterId = index("byReporterId", "reporterId")
    byReportedUserId = index("byReportedUserId", "reportedUserId")
    byTransactionId = index("byTransactionId", "transactionId")
    byStatus = index("byStatus", "status")
