"""What reconciliations have found; for admins, and not among Amplify's types."""

from pynamodb.attributes import ListAttribute, MapAttribute, UnicodeAttribute

from models.tables.base import HoursAttribute, IntegerAttribute, MomentAttribute, Table, index


class DiscrepancyMap(MapAttribute[str, object]):
    """What is wrong with a member's books, and the entry where it shows."""

    userId = UnicodeAttribute()
    fault = UnicodeAttribute()
    message = UnicodeAttribute()
    entryId = UnicodeAttribute(null=True)


class ReconciliationReport(Table):
    """A reconciliation while it runs and when it is over; and, under a name of its own, which one runs."""

    class Meta(Table.Meta):
        table_name = "ReconciliationReport"
        stream_view_type = None

    id = UnicodeAttribute(hash_key=True)
    status = UnicodeAttribute()
    startedBy = UnicodeAttribute(null=True)
    finishedAt = MomentAttribute(null=True)
    executionArn = UnicodeAttribute(null=True)
    page = IntegerAttribute()
    members: ListAttribute[UnicodeAttribute] = ListAttribute(of=UnicodeAttribute)
    cursor = UnicodeAttribute(null=True)
    membersChecked = IntegerAttribute()
    discrepancyCount = IntegerAttribute()
    discrepancies: ListAttribute[DiscrepancyMap] = ListAttribute(of=DiscrepancyMap)
    totalHours = HoursAttribute()
    issuedHours = HoursAttribute()
    version = IntegerAttribute()
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    # Of the row that says which one runs.
    reportId = UnicodeAttribute(null=True)

    byStatus = index("byStatus", "status")
