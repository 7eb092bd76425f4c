"""The reports of reconciliations; for admins, not one of Amplify's types."""

from pynamodb.attributes import ListAttribute, MapAttribute, UnicodeAttribute

from models.tables.base import HoursAttribute, IntegerAttribute, MomentAttribute, Table, index


class DiscrepancyMap(MapAttribute[str, object]):
    """Something wrong in a member's books, and the entry where it shows."""

    userId = UnicodeAttribute()
    fault = UnicodeAttribute()
    message = UnicodeAttribute()
    entryId = UnicodeAttribute(null=True)


class ReconciliationReport(Table):
    """A reconciliation, running or completed; plus one row, with the id `running`, that names the running one."""

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
    heldHours = HoursAttribute(null=True)  # absent from older reports
    issuedHours = HoursAttribute()
    version = IntegerAttribute()
    createdAt = MomentAttribute()
    updatedAt = MomentAttribute()

    # Only in the row that names the running reconciliation.
    reportId = UnicodeAttribute(null=True)

    byStatus = index("byStatus", "status")
