"""A complaint about a member."""

from dataclasses import replace
from enum import StrEnum

import strawberry
from strawberry import ID

from models.tables import report
from schema.amplify.declaration import Protection, belongs_to
from schema.amplify.mirror import decided_by_others, mirrored
from schema.amplify.rules import Operation, groups, owner
from schema.scalars import AWSDateTime


@strawberry.enum
class ReportReason(StrEnum):
    """Why a member is complained about."""

    INAPPROPRIATE_BEHAVIOR = "INAPPROPRIATE_BEHAVIOR"
    POOR_SERVICE_QUALITY = "POOR_SERVICE_QUALITY"
    NO_SHOW = "NO_SHOW"
    PAYMENT_DISPUTE = "PAYMENT_DISPUTE"
    SPAM = "SPAM"
    HARASSMENT = "HARASSMENT"
    OTHER = "OTHER"


@strawberry.enum
class ReportStatus(StrEnum):
    """How far a complaint has come."""

    PENDING = "PENDING"
    UNDER_REVIEW = "UNDER_REVIEW"
    RESOLVED = "RESOLVED"
    DISMISSED = "DISMISSED"


_JUDGES = frozenset({"admin", "moderator"})
_JUDGED = Protection(use="an admin's or a moderator's updateReport", groups=_JUDGES)


@decided_by_others("reporterId", "reportedUserId")
@mirrored(
    table=report.Report,
    rules=[owner("reporterId", {Operation.CREATE, Operation.READ}), groups(*sorted(_JUDGES))],
    protected={
        "status": replace(_JUDGED, initial=ReportStatus.PENDING),
        "adminNotes": _JUDGED,
        "resolvedAt": _JUDGED,
    },
)
class Report:
    """A complaint about a member, which admins and moderators look into."""

    id: ID
    reporterId: ID
    reportedUserId: ID
    transactionId: ID | None
    reason: ReportReason
    description: str
    status: ReportStatus
    adminNotes: str | None
    createdAt: AWSDateTime
    resolvedAt: AWSDateTime | None
    updatedAt: AWSDateTime

    reporter = belongs_to("User", "reporterId")
    reportedUser = belongs_to("User", "reportedUserId")
    transaction = belongs_to("Transaction", "transactionId")
