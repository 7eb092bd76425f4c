"""The steps of BalanceReconciliationWorkflow: members are checked page by page, and a report is stored."""

from typing import Any

from models.ledger.reconciliation import AuditOutcome, AuditReport, AuditReportStatus
from models.transactions.audits import Audits
from workflows.executions.reconciliation import outcome_as_json, read_outcomes
from workflows.executions.services import Services
from workflows.handlers.bootstrap import Event, lambda_handler

# Members in a batch, which is one call of reconcileBalances (30 s), and in a page, which takes some 200 of the
# 25,000 events that an execution may have.
BATCH = 10
PAGE = 200
# By then an execution has 20,000 events.
MOST_PAGES = 100


@lambda_handler
async def start_reconciliation(services: Services, _event: Event) -> dict[str, str]:
    """Start the daily reconciliation unless one runs; return the id of the report in either case."""
    return {"reportId": (await services.reconciliations.start(by=None)).id}


@lambda_handler
async def page_members(services: Services, event: Event) -> dict[str, Any]:
    """PageMembers: add a page's results to the report, once, and return the members to check next.

    Raises:
        OverflowError: there are more members than one execution can check.
    """
    report, page = await services.reports.find(str(event["reportId"])), int(event["page"])
    if report is None or report.status is not AuditReportStatus.RUNNING:
        return _next(event["reportId"], page, [], is_done=True)
    if report.page == page:
        report = await _with_page(services, report, event["results"])
    is_done = report.cursor is None and not report.members
    return _next(report.id, report.page, report.members, is_done=is_done)


async def _with_page(services: Services, report: AuditReport, results: Any) -> AuditReport:
    if report.page >= MOST_PAGES:
        raise OverflowError(f"report {report.id} has more than {MOST_PAGES * PAGE} members")
    members: list[str] = []
    cursor: str | None = None
    if report.page == 0 or report.cursor is not None:
        audits = Audits(services.store, services.clock)
        members, cursor = await audits.members(report.cursor, limit=PAGE)
    return await services.reports.save_next(
        report, report.with_page(read_outcomes(results), members, cursor, services.clock())
    )


def _next(report_id: str, page: int, members: Any, *, is_done: bool) -> dict[str, Any]:
    batches = [list(members[start : start + BATCH]) for start in range(0, len(members), BATCH)]
    return {"reportId": report_id, "page": page, "batches": batches, "isDone": is_done}


@lambda_handler
async def reconcile_balances(services: Services, event: Event) -> dict[str, Any]:
    """ReconcileBalances: replay members' logs and compare them with the balances; nothing is written."""
    audits = Audits(services.store, services.clock)
    outcome = AuditOutcome()
    for user_id in event["members"]:
        outcome += await audits.outcome(str(user_id))
    return outcome_as_json(outcome)


@lambda_handler
async def complete_reconciliation(services: Services, event: Event) -> dict[str, Any]:
    """WriteReport: complete the report and notify the admins of discrepancies, at least once."""
    report_id = str(event["reportId"])
    report = await services.reports.complete(report_id)
    count = report.discrepancy_count if report else 0
    if count:
        await services.calls.call(
            "sns",
            "publish",
            TopicArn=services.names.admin_topic_arn,
            Subject="HourBank's books do not balance",
            Message=f"{count} discrepancies are in reconciliation report {report_id}.",
        )
    return {"reportId": report_id, "discrepancyCount": count}
