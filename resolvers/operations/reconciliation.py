"""Reconciliations as GraphQL fields, for admins."""

import strawberry

from models.transactions.reports import Reports
from resolvers.context import signed_in_admin
from schema.amplify.resolver import AnyInfo
from schema.operations.reconciliation import ReconciliationReport
from workflows.executions.reconciliation import Reconciliations


def mutations(reconciliations: Reconciliations) -> type:
    """Return the mutation that starts a reconciliation."""

    @strawberry.type
    class ReconciliationMutations:
        @strawberry.mutation
        async def reconcile_balances(self, info: AnyInfo) -> ReconciliationReport | None:
            """An admin has every member's log compared with their balance; one that runs already is that one."""
            caller = signed_in_admin(info)
            return ReconciliationReport.of(await reconciliations.start(by=caller.sub))

    return ReconciliationMutations


def queries(reports: Reports) -> type:
    """Return the query for a report."""

    @strawberry.type
    class ReconciliationQueries:
        @strawberry.field
        async def get_reconciliation_report(
            self,
            info: AnyInfo,
            id: strawberry.ID | None = None,
        ) -> ReconciliationReport | None:
            """The report of that id; without one the last that is complete, or the one that runs if none is."""
            signed_in_admin(info)
            report = await (reports.last() if id is None else reports.find(id))
            return None if report is None else ReconciliationReport.of(report)

    return ReconciliationQueries
