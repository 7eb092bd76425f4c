"""A dispute over a request."""

from strawberry import ID

from models import tables
from models.requests.dispute import DisputeStatus, DisputeType
from models.requests.statuses import RequestStatus
from schema.amplify.declaration import Protection, belongs_to
from schema.amplify.mirror import decided_by_others, mirrored
from schema.amplify.rules import READING, Operation, groups, owner
from schema.scalars import AWSJSON, AWSDateTime

_DECISION = "assignDispute or resolveDispute"
_RESOLUTION = Protection(use="resolveDispute")


@decided_by_others("raisedBy", "againstUserId")
@mirrored(
    table=tables.Dispute,
    rules=[
        owner("raisedBy", {Operation.CREATE, Operation.READ}),
        owner("againstUserId", READING),
        groups("admin"),
    ],
    protected={
        "status": Protection(initial=DisputeStatus.OPEN, use=_DECISION),
        "adminId": Protection(use="assignDispute"),
        "resolution": _RESOLUTION,
        "resolvedAt": _RESOLUTION,
        "stepFunctionExecutionArn": Protection(use="createDispute"),
    },
    unwritable=["statusBefore", "escrowId", "decision", "providerHours", "overdueAt"],
)
class Dispute:
    """A dispute over a request; its workflow and an admin move it along."""

    id: ID
    requestId: ID
    transactionId: ID | None
    raisedBy: ID
    againstUserId: ID
    disputeType: DisputeType
    status: DisputeStatus
    description: str
    evidence: AWSJSON | None
    adminId: ID | None
    resolution: str | None
    stepFunctionExecutionArn: str | None
    createdAt: AWSDateTime
    resolvedAt: AWSDateTime | None
    updatedAt: AWSDateTime
    statusBefore: RequestStatus | None
    escrowId: ID | None
    decision: str | None
    providerHours: float | None
    overdueAt: AWSDateTime | None

    request = belongs_to("ServiceRequest", "requestId")
    raisedByUser = belongs_to("User", "raisedBy")
    againstUser = belongs_to("User", "againstUserId")
