"""What a dispute is about and how far it has come, pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from models.hours import Hours
from models.identifiers import derived
from models.requests.statuses import RequestStatus, Response, StatusReason


class DisputeType(StrEnum):
    """What a dispute is about."""

    SERVICE_QUALITY = "SERVICE_QUALITY"
    PAYMENT = "PAYMENT"
    NO_SHOW = "NO_SHOW"
    OTHER = "OTHER"


class DisputeStatus(StrEnum):
    """How far a dispute has come."""

    OPEN = "OPEN"
    UNDER_REVIEW = "UNDER_REVIEW"
    RESOLVED = "RESOLVED"
    DISMISSED = "DISMISSED"


DECIDED = frozenset({DisputeStatus.RESOLVED, DisputeStatus.DISMISSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A dispute over a request. Version 0 is one that is not stored yet.

    Args:
        status_before, reason_before: where the request was, and why.
        due_before: when the request was due then; None if it was over.
        escrow_id: the hours held on the provider, of a request that was paid already; None if there were none.
        decision: what the admin decided, and with it `resolution`, their words; it is carried out when the
            status says so.
        provider_hours: the provider's share, of a partial refund.
        overdue_at: since when the decision is late.
    """

    id: str
    request_id: str
    raised_by: str
    against_user_id: str
    dispute_type: DisputeType
    description: str
    created_at: datetime
    updated_at: datetime
    status: DisputeStatus = DisputeStatus.OPEN
    transaction_id: str | None = None
    evidence: str | None = None
    admin_id: str | None = None
    resolution: str | None = None
    resolved_at: datetime | None = None
    step_function_execution_arn: str | None = None
    status_before: RequestStatus | None = None
    reason_before: StatusReason | None = None
    due_before: datetime | None = None
    escrow_id: str | None = None
    decision: Response | None = None
    provider_hours: Hours | None = None
    overdue_at: datetime | None = None
    version: int = 0

    @property
    def is_after_payment(self) -> bool:
        """Tell whether the hours had been paid when it was raised."""
        return self.status_before is RequestStatus.PAID

    def changed(self, now: datetime) -> "Dispute":
        """Return this dispute one version on."""
        return replace(self, version=self.version + 1, updated_at=now)


def of_dispute(request_id: str, dispute_id: str, name: str) -> str:
    """Return an id that follows from a dispute over a request, and from nothing else.

    Members choose the ids of both: a dispute may have a request's, or that of a dispute which was deleted.
    """
    return derived("dispute", request_id, dispute_id, name)


def escrow_key(request_id: str, dispute_id: str) -> str:
    """Return the id that the escrow of a dispute's own has or would have."""
    return of_dispute(request_id, dispute_id, "escrow")
