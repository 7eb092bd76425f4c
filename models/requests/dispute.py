"""A dispute as it is stored: what it is about, and how far it has come."""

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
        status_before, reason_before: the request's status when the dispute was raised, and its reason.
        due_before: when the request was due then; None if it was over.
        escrow_id: the escrow held on the provider of a request that was paid already; None if nothing was held.
        decision: what the admin decided, with `resolution`, their explanation; carried out once `status` is
            RESOLVED or DISMISSED.
        provider_hours: the provider's share in a partial refund.
        overdue_at: since when the decision is overdue.
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
        """Return whether the request had been paid when the dispute was raised."""
        return self.status_before is RequestStatus.PAID

    def changed(self, now: datetime) -> "Dispute":
        """Return this dispute one version on."""
        return replace(self, version=self.version + 1, updated_at=now)


def of_dispute(request_id: str, dispute_id: str, name: str) -> str:
    """Return an id that is derived from a dispute and its request together.

    Members choose the ids of both, so that neither is unique by itself: a dispute may have the id of a request, or
    of a dispute that was deleted.
    """
    return derived("dispute", request_id, dispute_id, name)


def escrow_key(request_id: str, dispute_id: str) -> str:
    """Return the id of the escrow held for a dispute, whether there is one or not."""
    return of_dispute(request_id, dispute_id, "escrow")
