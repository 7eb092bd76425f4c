"""WriteReport: the report is complete, the log tells of it, and admins are told if something is wrong."""

from typing import Any

from workflows.handlers.bootstrap import Event, handles
from workflows.services import Services


async def complete_reconciliation(services: Services, event: Event) -> dict[str, Any]:
    """Complete the report; a repetition tells the admins once more."""
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


handler = handles(complete_reconciliation)
