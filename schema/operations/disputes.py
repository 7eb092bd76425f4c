"""The inputs of the admins' operations on disputes."""

from enum import StrEnum

import strawberry

from models.requests.statuses import Response


@strawberry.enum
class DisputeDecision(StrEnum):
    """What an admin can decide, by the names of the workflow's states."""

    RefundToRequester = Response.REFUND_TO_REQUESTER
    PayToProvider = Response.PAY_TO_PROVIDER
    PartialRefund = Response.PARTIAL_REFUND
    DismissDispute = Response.DISMISS_DISPUTE


@strawberry.input
class AssignDisputeInput:
    """Which dispute to take on."""

    dispute_id: strawberry.ID


@strawberry.input
class ResolveDisputeInput:
    """How a dispute ends, and why; `providerHours`, the provider's share, goes with PartialRefund only."""

    dispute_id: strawberry.ID
    decision: DisputeDecision
    resolution: str
    provider_hours: float | None = None
