"""PageMembers: what a page of members came to is put on record, and the next page is handed out."""

from typing import Any

from models.audits import Audits
from models.reconciliation import Report, ReportStatus
from workflows.handlers.bootstrap import Event, handles
from workflows.reconciliations import read
from workflows.services import Services

# A batch is one call of reconcileBalances, which has 30 s; a page is some 200 of an execution's 25,000 events.
BATCH = 10
PAGE = 200
# An execution that came so far has 20,000 events.
MOST_PAGES = 100


async def page_members(services: Services, event: Event) -> dict[str, Any]:
    """Take in the results of a page, unless that has been done, and say whom to check next.

    Raises:
        OverflowError: there are more members than one execution can check.
    """
    report, page = await services.reports.find(str(event["reportId"])), int(event["page"])
    if report is None or report.status is not ReportStatus.RUNNING:
        return _next(event["reportId"], page, [], is_done=True)
    if report.page == page:
        report = await _turned(services, report, event["results"])
    is_done = report.cursor is None and not report.members
    return _next(report.id, report.page, report.members, is_done=is_done)


async def _turned(services: Services, report: Report, results: Any) -> Report:
    if report.page >= MOST_PAGES:
        raise OverflowError(f"report {report.id} is of more than {MOST_PAGES * PAGE} members")
    members: list[str] = []
    cursor: str | None = None
    if report.page == 0 or report.cursor is not None:
        audits = Audits(services.store, services.clock)
        members, cursor = await audits.members(report.cursor, limit=PAGE)
    return await services.reports.turn(report, report.turned(read(results), members, cursor, services.clock()))


def _next(report_id: str, page: int, members: Any, *, is_done: bool) -> dict[str, Any]:
    batches = [list(members[start : start + BATCH]) for start in range(0, len(members), BATCH)]
    return {"reportId": report_id, "page": page, "batches": batches, "isDone": is_done}


handler = handles(page_members)
