"""Reports of reconciliations, as admins see them."""

import strawberry

from models import clock, hours
from models.ledger.reconciliation import MOST_IN_REPORT, AuditReport, AuditReportStatus, Discrepancy, Fault
from schema.documents.cost import MOST_OBJECTS
from schema.scalars import AWSDateTime

strawberry.enum(Fault, name="BalanceFault")
strawberry.enum(AuditReportStatus, name="ReconciliationStatus")


@strawberry.type
class BalanceDiscrepancy:
    """What is wrong with a member's books, and the ledger entry that shows it."""

    user_id: strawberry.ID
    fault: Fault
    message: str
    entry_id: strawberry.ID | None

    @classmethod
    def of(cls, found: Discrepancy) -> "BalanceDiscrepancy":
        """Return a discrepancy as admins see it."""
        entry_id = None if found.entry_id is None else strawberry.ID(found.entry_id)
        return cls(
            user_id=strawberry.ID(found.user_id), fault=found.fault, message=found.message, entry_id=entry_id
        )


@strawberry.type
class ReconciliationReport:
    """A reconciliation: its first discrepancies and how many there are; hours in all accounts, and hours issued.

    The two sums may also differ because hours moved during the reconciliation.
    """

    id: strawberry.ID
    status: AuditReportStatus
    started_at: AWSDateTime
    started_by: strawberry.ID | None
    finished_at: AWSDateTime | None
    execution_arn: str | None
    members_checked: int
    discrepancy_count: int
    discrepancies: list[BalanceDiscrepancy] = strawberry.field(metadata={MOST_OBJECTS: MOST_IN_REPORT})
    total_hours: float
    issued_hours: float

    @classmethod
    def of(cls, report: AuditReport) -> "ReconciliationReport":
        """Return a report as admins see it."""
        finished = report.finished_at
        return cls(
            id=strawberry.ID(report.id),
            status=report.status,
            started_at=AWSDateTime(clock.to_text(report.created_at)),
            started_by=None if report.started_by is None else strawberry.ID(report.started_by),
            finished_at=None if finished is None else AWSDateTime(clock.to_text(finished)),
            execution_arn=report.execution_arn,
            members_checked=report.members_checked,
            discrepancy_count=report.discrepancy_count,
            discrepancies=[BalanceDiscrepancy.of(found) for found in report.discrepancies],
            total_hours=hours.to_float(report.total_hours),
            issued_hours=hours.to_float(report.issued_hours),
        )
