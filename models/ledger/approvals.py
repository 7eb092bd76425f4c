"""The second administrator, whom it takes to issue or take back many hours. Pure rules.

The first one's transfer is kept as a pending approval. Another administrator who sends the same transfer, with the
same id, makes it happen.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.clock import to_text
from models.errors import Code, Refusal
from models.events import Event, EventEntityType, EventSource
from models.ledger.transfers import Transfer
from models.limits import LimitSet, limit

# The event that an administrator has asked for a transfer, and nothing has moved yet.
REQUESTED = "Direct Transfer Approval Requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalLimits(LimitSet):
    """When a second administrator is needed."""

    hours: int = limit(
        100,
        "hours that one administrator may issue or take back alone",
        code="APPROVAL_REQUIRED",
        may_be_zero=True,
    )
    days: int = limit(7, "days in which another administrator may approve", code="APPROVAL_REQUIRED")


DEFAULT_APPROVAL = ApprovalLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingApproval:
    """A transfer that one administrator has asked for.

    Args:
        id: the transfer's id.
        requested_by: the administrator.
        content: what they asked for, as JSON; another asks for the same or for something else.
        expires_at: when it no longer counts.
    """

    id: str
    requested_by: str
    content: str
    created_at: datetime
    expires_at: datetime


def needs_approval(transfer: Transfer, limits: ApprovalLimits) -> bool:
    """Return whether a transfer issues or takes back more hours than one administrator may alone."""
    return not transfer.is_between_members and transfer.amount > limits.hours


def judge(
    transfer: Transfer, pending: PendingApproval | None, now: datetime, limits: ApprovalLimits
) -> PendingApproval | Refusal:
    """Return what becomes of a transfer that needs an approval.

    Args:
        transfer: the transfer, by the administrator who asks for it now.
        pending: what is stored for its id; None if nothing is.
        now: the time.
        limits: for how long an approval is pending.

    Returns:
        `pending` itself if another administrator has asked for the same, so that the transfer may be made; a new
        pending approval, which is to be stored; or a refusal: APPROVAL_REQUIRED if the same administrator asks
        again, IDEMPOTENCY_MISMATCH if something else was asked for under this id.
    """
    if pending is None or pending.expires_at <= now:
        return PendingApproval(
            id=transfer.id,
            requested_by=transfer.by,
            content=json.dumps(transfer.content),
            created_at=now,
            expires_at=now + timedelta(days=limits.days),
        )
    if json.loads(pending.content) != transfer.content:
        return _other_content_refusal(pending)
    return approval_refusal(pending, limits) if pending.requested_by == transfer.by else pending


def _other_content_refusal(pending: PendingApproval) -> Refusal:
    return Refusal(
        Code.IDEMPOTENCY_MISMATCH,
        "The transfer with this id, which waits for a second administrator, is another one: send it as it was "
        "asked for, or use another id.",
        {"transferId": pending.id, "requested": json.loads(pending.content)},
    )


def approval_refusal(pending: PendingApproval, limits: ApprovalLimits) -> Refusal:
    """Return the refusal of a transfer that another administrator has to ask for, too."""
    return Refusal(
        Code.APPROVAL_REQUIRED,
        f"More than {limits.hours} hours need a second administrator: let another one send this transfer, "
        f"with the id {pending.id}, by {to_text(pending.expires_at)}.",
        {
            "transferId": pending.id,
            "threshold": float(limits.hours),
            "requestedBy": pending.requested_by,
            "expiresAt": to_text(pending.expires_at),
        },
    )


def requested_event(transfer: Transfer) -> Event:
    """Return the event that an administrator has asked for a transfer, and nothing has moved yet."""
    return Event(
        type=REQUESTED,
        source=EventSource.BALANCES,
        entity_type=EventEntityType.TRANSACTION,
        entity_id=transfer.id,
        actor=transfer.by,
        data=transfer.content,
    )
