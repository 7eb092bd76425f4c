"""The reports of reconciliations: one runs at a time, is saved page by page, and is completed once."""

from datetime import datetime

from models import tables
from models.clock import Clock, to_text
from models.errors import ContentionError
from models.events import Event, EventEntityType, EventSource
from models.hours import to_float
from models.identifiers import derived
from models.ledger.reconciliation import AuditReport, AuditReportStatus
from models.storage.codec import decode, decode_or_none, difference, item_of
from models.storage.store import ConditionFailedError, Item, Store
from models.transactions.moves import Transactions
from models.transactions.retrying import retry
from models.transactions.writing import Writing

# The id of the row that names the running reconciliation; no report has this id.
_RUNNING = "running"


class Reports:
    """Stores the reports of reconciliations.

    Args:
        store: the tables.
        transactions: writes the transactions.
        clock: returns the current time.
    """

    def __init__(self, store: Store, transactions: Transactions, clock: Clock) -> None:
        self._store = store
        self._transactions = transactions
        self._clock = clock

    async def find(self, report_id: str) -> AuditReport | None:
        """Return a report, read consistently; None if there is none with this id."""
        if report_id == _RUNNING:
            return None
        return decode_or_none(AuditReport, tables.ReconciliationReport, await self._item(report_id))

    async def _item(self, key: str) -> Item | None:
        return await self._store.get(tables.ReconciliationReport, key, consistent=True)

    async def last(self) -> AuditReport | None:
        """Return the latest completed report; if there is none, the latest running one."""
        for status in (AuditReportStatus.COMPLETED, AuditReportStatus.RUNNING):
            page = await self._store.query(
                tables.ReconciliationReport,
                tables.ReconciliationReport.byStatus,
                status.value,
                limit=1,
                forward=False,
            )
            for item in page.items:
                return decode_or_none(AuditReport, tables.ReconciliationReport, item)
        return None

    async def running(self) -> AuditReport | None:
        """Return the report of the reconciliation that is running, or that stopped before it was completed."""
        item = await self._item(_RUNNING)
        return None if item is None else await self.find(item["reportId"]["S"])

    async def begin(self, report: AuditReport, *, instead_of: AuditReport | None) -> None:
        """Store a new report as the running one.

        Args:
            report: the new report.
            instead_of: the report that is marked as running but has stopped, which stays as it is; None if no
                report is marked as running.

        Raises:
            ClientError: another reconciliation has been begun meanwhile.
        """
        writing = Writing(self._store.names, report.created_at)
        writing.create(tables.ReconciliationReport, report)
        mark = tables.ReconciliationReport.reportId
        if instead_of is None:
            writing.put(
                tables.ReconciliationReport, item_of(tables.ReconciliationReport, id=_RUNNING, reportId=report.id)
            )
        else:
            writing.update(tables.ReconciliationReport, _RUNNING, [mark.set(report.id)], mark == instead_of.id)
        await self._transactions.write(writing, derived(report.id, "begin"))

    async def save_next(self, before: AuditReport, after: AuditReport) -> AuditReport:
        """Store the next version of a report and return it; if another caller stored it first, return theirs.

        Raises:
            ContentionError: the report has moved past that version.
        """
        version = tables.ReconciliationReport.version == before.version
        actions = difference(tables.ReconciliationReport, before, after)
        try:
            stored = await self._store.update(tables.ReconciliationReport, before.id, actions, condition=version)
        except ConditionFailedError as error:
            report = decode_or_none(AuditReport, tables.ReconciliationReport, error.item)
        else:
            report = decode(AuditReport, tables.ReconciliationReport, stored)
        if report is None or report.version != after.version:
            raise ContentionError(f"report {before.id} was moved on by another execution")
        return report

    async def complete(self, report_id: str) -> AuditReport | None:
        """Complete a report, once: unmark it as running and log its outcome; None if there is no such report."""

        async def attempt() -> AuditReport | None:
            before = await self.find(report_id)
            if before is None or before.status is AuditReportStatus.COMPLETED:
                return before
            now = self._clock()
            after = before.completed(now)
            writing = Writing(self._store.names, now, execution_arn=before.execution_arn)
            writing.change(tables.ReconciliationReport, report_id, before, after)
            running = await self._item(_RUNNING)
            if running is not None and running["reportId"]["S"] == report_id:
                writing.remove(
                    tables.ReconciliationReport, _RUNNING, tables.ReconciliationReport.reportId == report_id
                )
            writing.event(_completed_event(after), report_id)
            await self._transactions.write(writing, _token(after, now))
            return after

        return await retry(self._store.calls, attempt)


def _completed_event(report: AuditReport) -> Event:
    return Event(
        type="Balances Reconciled",
        source=EventSource.BALANCES,
        entity_type=EventEntityType.TRANSACTION,
        entity_id=report.id,
        actor=report.started_by,
        data={
            "membersChecked": report.members_checked,
            "discrepancyCount": report.discrepancy_count,
            "totalHours": to_float(report.total_hours),
            "heldHours": to_float(report.held_hours),
            "issuedHours": to_float(report.issued_hours),
        },
    )


def _token(report: AuditReport, now: datetime) -> str:
    return derived(report.id, report.version, to_text(now))
