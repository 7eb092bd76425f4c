"""The functions that events call, not state machines: the event log's stream, rules of the bus, and schedules."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from models import tables
from models.changes import Feed
from models.disputes.raising import RAISED
from models.requests import recovery
from models.requests.answers import SUBMITTED
from models.requests.request import Request
from models.requests.statuses import RequestStatus
from workflows.executions.requests import DISPUTES, MACHINE, execution_of, request_id_of
from workflows.executions.services import Services
from workflows.executions.sweep import Check, Due
from workflows.handlers.bootstrap import Event, lambda_handler
from workflows.handlers.changes import publish
from workflows.metrics.declared import OLDEST_DUE, REQUESTS_DUE, REQUESTS_STUCK, STUCK_AFTER, Point
from workflows.metrics.emission import emit
from workflows.metrics.of_events import Row, points_of

# PutEvents' own limit.
LARGEST_BATCH = 10


@lambda_handler
async def publish_events(services: Services, event: Event) -> None:
    """Put each new row of the event log on the bus, at least once, and tell the servers of all changes.

    `detail.eventId` is the row's id, the same at every retry. Servers are told even if the bus takes nothing.

    Raises:
        RuntimeError: the bus or the topic refused some; Lambda retries the whole batch of the stream.
    """
    try:
        await _put_on_bus(services, event["Records"])
    finally:
        if services.feed is Feed.QUEUE:
            await publish(services, event["Records"])
    emit(services.names.stack, points_of(_new_rows(event["Records"]), services.clock()))


async def _put_on_bus(services: Services, records: Sequence[Mapping[str, Any]]) -> None:
    rows = _new_rows(records)
    for start in range(0, len(rows), LARGEST_BATCH):
        entries = [_entry(row, services.names.event_bus) for row in rows[start : start + LARGEST_BATCH]]
        answer = await services.calls.call("events", "put_events", Entries=entries)
        if answer.get("FailedEntryCount"):
            raise RuntimeError(f"the bus refused {answer['FailedEntryCount']} of {len(entries)} events")


def _new_rows(records: Sequence[Mapping[str, Any]]) -> list[Row]:
    return [record["dynamodb"]["NewImage"] for record in records if record["eventName"] == "INSERT"]


def _entry(row: Mapping[str, Mapping[str, Any]], bus: str) -> dict[str, Any]:
    detail = {
        **json.loads(row["eventData"]["S"]),
        "eventId": row["id"]["S"],
        "entityType": row["entityType"]["S"],
        "entityId": row["entityId"]["S"],
        "actorUserId": row["actorUserId"]["S"] if "actorUserId" in row else None,
        "timestamp": row["timestamp"]["S"],
        "correlationId": row["correlationId"]["S"] if "correlationId" in row else None,
    }
    return {
        "EventBusName": bus,
        "Source": row["source"]["S"],
        "DetailType": row["eventType"]["S"],
        "Detail": json.dumps(detail),
    }


@lambda_handler
async def start_service_request(services: Services, event: Event) -> None:
    """Repeat a mutation's last step, in case its process died before it.

    A submitted or disputed request's execution is started; an answered wait is completed. A request that is not
    INITIATED any more has had its execution.
    """
    request = await services.transactions.read(str(event["detail"]["requestId"]))
    if request is None:
        return
    if event["detail-type"] == SUBMITTED:
        if request.generation == 0 and request.status is RequestStatus.INITIATED:
            await services.executions.start(request)
    elif event["detail-type"] == RAISED:
        await services.executions.hand_over(request)
    elif request.answer is not None and request.wait is not None:
        await services.executions.complete_wait(request, request.wait)


@lambda_handler
async def resume_failed_request(services: Services, event: Event) -> None:
    """Record an execution's failure; resume its request at once, or later if it failed before."""
    detail = event["detail"]
    execution = str(detail["executionArn"])
    request = await _request_of(services, str(detail["stateMachineArn"]), execution)
    if request is None:
        return
    if services.names.execution_arn(*execution_of(request)) != execution:
        # A later generation exists; the process that raised it may have died before it started its execution.
        await services.executions.start_missing(request)
        return
    rule = partial(recovery.note_failure, error=str(detail["status"]), cause="the execution has closed")
    await services.transactions.move(request.id, rule, generation=request.generation)
    # "Before" excludes the moment itself, at which the request is due now.
    await services.sweep.ensure_progress(request.id, services.clock() + timedelta(milliseconds=1))


async def _request_of(services: Services, machine: str, execution: str) -> Request | None:
    """Return the request that an execution moves; None if it moves none, or if the request is gone."""
    request_id = request_id_of(execution)
    if machine == services.names.state_machine_arn(DISPUTES):
        dispute = await services.store.get(tables.Dispute, request_id, consistent=True)
        request_id = dispute["requestId"]["S"] if dispute else request_id
    elif machine != services.names.state_machine_arn(MACHINE):
        return None
    return await services.transactions.read(request_id)


@lambda_handler
async def sweep_requests(services: Services, _event: Event) -> dict[str, int]:
    """Ensure that requests that are due progress; return how many there were, and how many checks failed."""
    now = services.clock()
    found, checks = [], []
    async for due in services.sweep.due(now):
        found.append(due)
        checks.append(await services.sweep.ensure_progress(due.id, now))
    emit(services.names.stack, _sweep_points(found, checks, now))
    return {"seen": len(checks), "failed": sum(not check.succeeded for check in checks)}


def _sweep_points(found: Sequence[Due], checks: Sequence[Check], now: datetime) -> tuple[Point, ...]:
    failing = [check.failing_since for check in checks if check.failing_since is not None]
    return (
        REQUESTS_DUE.at(len(found)),
        REQUESTS_STUCK.at(sum(now - since > STUCK_AFTER for since in failing)),
        OLDEST_DUE.at(max(((now - due.at).total_seconds() for due in found), default=0)),
    )
