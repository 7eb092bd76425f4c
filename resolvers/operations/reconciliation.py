"""The admins' operations on reconciliations, as GraphQL fields."""

import strawberry

from models.transactions.reports import Reports
from resolvers.context import signed_in_admin
from resolvers.operations.fields import mutation_type, query_type
from schema.amplify.resolver import AnyInfo
from schema.operations.reconciliation import ReconciliationReport
from workflows.executions.reconciliation import Reconciliations


class ReconciliationMutations:
    """The mutation that starts a reconciliation."""

    def __init__(self, reconciliations: Reconciliations) -> None:
        self._reconciliations = reconciliations

    async def reconcile_balances(self, info: AnyInfo) -> ReconciliationReport:
        """An admin has every member's log compared with their balance; a comparison that runs is returned."""
        caller = signed_in_admin(info)
        return ReconciliationReport.of(await self._reconciliations.start(by=caller.sub))


class ReconciliationQueries:
    """The query for a reconciliation's report."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def get_reconciliation_report(
        self, info: AnyInfo, id: strawberry.ID | None = None
    ) -> ReconciliationReport | None:
        """The report of that id; without an id the last complete one, or else the one in progress."""
        signed_in_admin(info)
        report = await (self._reports.last() if id is None else self._reports.find(id))
        return None if report is None else ReconciliationReport.of(report)


def mutations(reconciliations: Reconciliations) -> type:
    """Return the mutation that starts a reconciliation, as a Strawberry type."""
    resolvers = ReconciliationMutations(reconciliations)
    return mutation_type("ReconciliationMutations", {resolvers.reconcile_balances: ReconciliationReport | None})


def queries(reports: Reports) -> type:
    """Return the query for a report, as a Strawberry type."""
    resolvers = ReconciliationQueries(reports)
    return query_type("ReconciliationQueries", {resolvers.get_reconciliation_report: ReconciliationReport | None})
