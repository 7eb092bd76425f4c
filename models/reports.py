"""The reports of reconciliations, as rows: begun one at a time, turned page by page, completed once."""

from datetime import datetime

from models.clock import Clock, to_text
from models.errors import ContentionError
from models.events import Event, EventEntityType, EventSource
from models.hours import to_float
from models.identifiers import derived
from models.reconciliation import Report, ReportStatus
from models.rows import decode, difference, item_of
from models.store import ConditionFailedError, Item, Store
from models.tables import ReconciliationReport
from models.transactions import Transactions, decoded
from models.writing import Writing

# The row that says which reconciliation runs; no report has such an id.
_RUNNING = "running"


class Reports:
    """Keeps the reports.

    Args:
        store: the tables.
        transactions: writes them.
        clock: the time.
    """

    def __init__(self, store: Store, transactions: Transactions, clock: Clock) -> None:
        self._store = store
        self._transactions = transactions
        self._clock = clock

    async def find(self, report_id: str) -> Report | None:
        """Return a report, read consistently."""
        if report_id == _RUNNING:
            return None
        return decoded(Report, ReconciliationReport, await self._item(report_id))

    async def _item(self, key: str) -> Item | None:
        return await self._store.get(ReconciliationReport, key, consistent=True)

    async def last(self) -> Report | None:
        """Return the last report that is complete; if none is, the one that runs."""
        for status in (ReportStatus.COMPLETED, ReportStatus.RUNNING):
            page = await self._store.query(
                ReconciliationReport, ReconciliationReport.byStatus, status.value, limit=1, forward=False
            )
            for item in page.items:
                return decoded(Report, ReconciliationReport, item)
        return None

    async def running(self) -> Report | None:
        """Return the report of the reconciliation that runs, or that has stopped on its way."""
        item = await self._item(_RUNNING)
        return None if item is None else await self.find(item["reportId"]["S"])

    async def begin(self, report: Report, *, instead_of: Report | None) -> None:
        """Store a new report as the one that runs; the other, which has stopped on its way, stays as it is.

        Raises:
            ClientError: another one has been begun meanwhile.
        """
        writing = Writing(self._store.names, report.created_at)
        writing.create(ReconciliationReport, report)
        mark = ReconciliationReport.reportId
        if instead_of is None:
            writing.put(ReconciliationReport, item_of(ReconciliationReport, id=_RUNNING, reportId=report.id))
        else:
            writing.update(ReconciliationReport, _RUNNING, [mark.set(report.id)], mark == instead_of.id)
        await self._transactions.write(writing, derived(report.id, "begin"))

    async def turn(self, before: Report, after: Report) -> Report:
        """Store a report's next version; of two who do so at once, both get the one that was stored."""
        version = ReconciliationReport.version == before.version
        actions = difference(ReconciliationReport, before, after)
        try:
            stored = await self._store.update(ReconciliationReport, before.id, actions, condition=version)
        except ConditionFailedError as error:
            report = decoded(Report, ReconciliationReport, error.item)
        else:
            report = decode(Report, ReconciliationReport, stored)
        if report is None or report.version != after.version:
            raise ContentionError(f"report {before.id} was turned on by another execution")
        return report

    async def complete(self, report_id: str) -> Report | None:
        """Complete a report, once: it runs no longer, and the log tells what it came to."""

        async def attempt() -> Report | None:
            before = await self.find(report_id)
            if before is None or before.status is ReportStatus.COMPLETED:
                return before
            now = self._clock()
            after = before.completed(now)
            writing = Writing(self._store.names, now, execution_arn=before.execution_arn)
            writing.change(ReconciliationReport, report_id, before, after)
            running = await self._item(_RUNNING)
            if running is not None and running["reportId"]["S"] == report_id:
                writing.remove(ReconciliationReport, _RUNNING, ReconciliationReport.reportId == report_id)
            writing.event(_completed(after), report_id)
            await self._transactions.write(writing, _token(after, now))
            return after

        return await self._transactions.patiently(attempt)


def _completed(report: Report) -> Event:
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
            "issuedHours": to_float(report.issued_hours),
        },
    )


def _token(report: Report, now: datetime) -> str:
    return derived(report.id, report.version, to_text(now))
