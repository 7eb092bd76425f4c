"""Executions of BalanceReconciliationWorkflow, one at a time, and the JSON form of their states."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from models.clock import Clock, to_text
from models.hours import exact
from models.identifiers import derived
from models.ledger.reconciliation import AuditOutcome, AuditReport, AuditReportStatus, Discrepancy, Fault
from models.storage.calls import Calls
from models.storage.names import Names
from models.transactions.reports import Reports
from models.transactions.retrying import retry

MACHINE = "BalanceReconciliationWorkflow"

# Discrepancies kept of each batch, so that a page fits into 256 KB of state; the report counts them all.
MOST_KEPT = 10
LONGEST_MESSAGE = 300


class Reconciliations:
    """Starts reconciliations.

    Args:
        calls: the way to AWS.
        names: the deployment's names.
        reports: stores their reports.
        clock: the time.
    """

    def __init__(self, calls: Calls, names: Names, reports: Reports, clock: Clock) -> None:
        self._calls = calls
        self._names = names
        self._reports = reports
        self._clock = clock

    async def start(self, *, by: str | None) -> AuditReport:
        """Start a reconciliation and return its report; if one runs already, return that one's.

        Args:
            by: the admin who starts it; None for the schedule.

        Raises:
            ContentionError: others kept starting reconciliations for 20 s.
        """
        return await retry(self._calls, partial(self._start, by))

    async def _start(self, by: str | None) -> AuditReport:
        unfinished = await self._reports.running()
        if unfinished is not None and await self._ensure_running(unfinished):
            return unfinished
        now = self._clock()
        report_id = derived("reconciliation", by, to_text(now))
        report = AuditReport(
            id=report_id,
            status=AuditReportStatus.RUNNING,
            started_by=by,
            execution_arn=self._names.execution_arn(MACHINE, report_id),
            created_at=now,
            updated_at=now,
        )
        await self._reports.begin(report, instead_of=unfinished)
        await self._ensure_running(report)
        return report

    async def _ensure_running(self, report: AuditReport) -> bool:
        """Start a report's execution, if it was not started yet; return whether it runs."""
        try:
            await self._calls.call(
                "stepfunctions",
                "start_execution",
                stateMachineArn=self._names.state_machine_arn(MACHINE),
                name=report.id,
                input=json.dumps({"reportId": report.id, "page": 0, "results": []}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            arn = self._names.execution_arn(MACHINE, report.id)
            found = await self._calls.call("stepfunctions", "describe_execution", executionArn=arn)
            return bool(found["status"] == "RUNNING")
        return True


def outcome_as_json(outcome: AuditOutcome) -> dict[str, Any]:
    """Return an outcome as JSON for the state machine, with its first discrepancies."""
    return {
        "checked": outcome.checked,
        "count": outcome.count,
        "totalHours": str(outcome.total_hours),
        "heldHours": str(outcome.held_hours),
        "issuedHours": str(outcome.issued_hours),
        "found": [
            {
                "userId": one.user_id,
                "fault": one.fault.value,
                "message": one.message[:LONGEST_MESSAGE],
                "entryId": one.entry_id,
            }
            for one in outcome.found[:MOST_KEPT]
        ],
    }


def read_outcomes(results: Iterable[Mapping[str, Any]]) -> AuditOutcome:
    """Return the sum of outcomes from the state machine's JSON."""
    return sum(_outcomes(results), AuditOutcome())


def _outcomes(results: Iterable[Mapping[str, Any]]) -> Iterator[AuditOutcome]:
    for one in results:
        yield AuditOutcome(
            checked=int(one["checked"]),
            count=int(one["count"]),
            total_hours=exact(one["totalHours"]),
            # A batch that an older version checked does not say.
            held_hours=exact(one.get("heldHours", "0")),
            issued_hours=exact(one["issuedHours"]),
            found=tuple(
                Discrepancy(
                    user_id=found["userId"],
                    fault=Fault(found["fault"]),
                    message=found["message"],
                    entry_id=found["entryId"],
                )
                for found in one["found"]
            ),
        )
