"""HourBank's own operations on a request: in which state each is due, and how it is asked."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from models import tables
from models.lifecycle import Request, RequestStatus, StatusReason, Step, Wait
from models.rows import encode
from models.store import Item

_WAITS = {
    "updateProviderResponse": (RequestStatus.AWAITING_RESPONSE, Step.WAIT_FOR_PROVIDER_RESPONSE),
    "markServiceStarted": (RequestStatus.ACCEPTED, Step.WAIT_FOR_SERVICE_START),
    "confirmServiceStart": (RequestStatus.ACCEPTED, Step.CONFIRM_SERVICE_START),
    "markServiceComplete": (RequestStatus.IN_PROGRESS, Step.WAIT_FOR_COMPLETION),
    "confirmServiceCompletion": (RequestStatus.IN_PROGRESS, Step.CONFIRM_SERVICE_COMPLETION),
}
# What is over may be started and withdrawn from again: the stored result is given.
_ENDED = {
    "startServiceRequestWorkflow": (RequestStatus.PAID, None),
    "withdrawServiceRequest": (RequestStatus.REJECTED, StatusReason.PROVIDER_WITHDREW),
}
IDLE = frozenset(_ENDED)
OPERATIONS = frozenset({*_WAITS, *_ENDED, "cancelServiceRequest", "getWorkflowStatus", "onServiceRequestProgress"})


def row(operation: str, request_id: str, parties: Mapping[str, str]) -> Item:
    """Return a request for which an operation is due."""
    now = datetime.now(UTC)
    request = Request(
        id=request_id,
        service_id="a-service",
        requester_id=parties["requesterId"],
        provider_id=parties["providerId"],
        status=RequestStatus.INITIATED,
        estimated_hours=Decimal("2.00"),
        created_at=now,
        updated_at=now,
        version=1,
    )
    if operation in _ENDED:
        status, reason = _ENDED[operation]
        request = replace(request, status=status, status_reason=reason)
    if operation in _WAITS:
        status, step = _WAITS[operation]
        # No execution waits with this token: the answer is written, and nothing moves on.
        wait = Wait(name=step, deadline=now + timedelta(hours=1), token="nobody waits")  # noqa: S106 — a task's token
        request = replace(request, status=status, wait=wait)
    return encode(tables.ServiceRequest, request)


def variables(operation: str, request_id: str) -> dict[str, Any]:
    """Return the variables that ask for an operation on a request."""
    if operation == "getWorkflowStatus":
        return {"executionArn": f"arn:aws:states:us-east-1:000000000000:execution:hourbank:{request_id}"}
    given = {"requestId": request_id}
    if operation == "onServiceRequestProgress":
        return given
    return {"input": given | ({"response": "ACCEPTED"} if operation == "updateProviderResponse" else {})}
