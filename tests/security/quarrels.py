"""HourBank's own operations on disputes: the row that an admin takes on, and the request that it is about."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from models import tables
from models.lifecycle import Raised, Request, RequestStatus, Step, Wait
from models.rows import encode
from models.store import Item

OPERATIONS = frozenset({"assignDispute", "resolveDispute"})


def request(key: str, parties: Mapping[str, str], *, disputed: bool) -> Item:
    """Return a request that was paid, of which nothing is left to hold; the dispute over it has its id."""
    now = datetime.now(UTC)
    row = Request(
        id=key,
        service_id="a-service",
        requester_id=parties["raisedBy"],
        provider_id=parties["againstUserId"],
        status=RequestStatus.PAID,
        estimated_hours=Decimal("2.00"),
        created_at=now,
        updated_at=now,
        version=1,
    )
    if disputed:
        # No execution waits with this token: the decision is written, and nothing moves on.
        wait = Wait(name=Step.WAIT_FOR_ADMIN_DECISION, deadline=now + timedelta(hours=1), token="nobody waits")  # noqa: S106 — a task's token
        raised = Raised(id=key, by=row.requester_id, at=now, generation=0)
        row = replace(row, status=RequestStatus.DISPUTED, wait=wait, disputes=(raised,))
    return encode(tables.ServiceRequest, row)


def stored(operation: str, admin: str) -> dict[str, Any]:
    """Return what a dispute's row has when an operation is due."""
    if operation == "assignDispute":
        return {"adminId": None}
    return {"adminId": admin, "status": "UNDER_REVIEW"} if operation == "resolveDispute" else {}


def variables(operation: str, dispute_id: str) -> dict[str, Any]:
    """Return the variables that ask for an operation on a dispute."""
    decision = {"decision": "PayToProvider", "resolution": "So be it."} if operation == "resolveDispute" else {}
    return {"input": {"disputeId": dispute_id, **decision}}
