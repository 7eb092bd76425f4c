"""A member's request for another's service."""

from strawberry import ID

from models import tables
from models.limits import fixed_limit
from models.requests.statuses import RequestStatus
from schema.amplify.bounds import Text
from schema.amplify.declaration import Protection, belongs_to, has_many, has_one
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, owner
from schema.scalars import AWSDateTime

# A message is stored in the request's row, together with every later answer's.
MESSAGE_CHARACTERS = fixed_limit(2_000, "characters of a request's message", topic="rows", code="BadRequest")

_WORKFLOW = Protection(use="startServiceRequestWorkflow")
_NEGOTIATED = "updateProviderResponse or respondToCounterOffer"


@mirrored(
    table=tables.ServiceRequest,
    rules=[
        owner("requesterId"),
        owner("providerId", READING),
        groups("admin", operations=READING),
    ],
    protected={
        "status": Protection(
            initial=RequestStatus.INITIATED,
            use="startServiceRequestWorkflow, updateProviderResponse, markServiceStarted, confirmServiceStart, "
            "markServiceComplete, confirmServiceCompletion, cancelServiceRequest or withdrawServiceRequest",
        ),
        "estimatedHours": Protection(initial=..., use=_NEGOTIATED),
        "agreedRate": Protection(use=_NEGOTIATED),
        "negotiationRound": Protection(initial=0, use=_NEGOTIATED),
        "escrowId": _WORKFLOW,
        "stepFunctionExecutionArn": _WORKFLOW,
        "expiresAt": _WORKFLOW,
    },
    unwritable=["statusReason", "amount", "offeredHours", "offeredRate"],
    bounds={"message": Text(MESSAGE_CHARACTERS)},
)
class ServiceRequest:
    """A member's request for another's service; its workflow moves it along."""

    id: ID
    serviceId: ID
    requesterId: ID
    providerId: ID
    status: RequestStatus
    stepFunctionExecutionArn: str | None
    estimatedHours: float
    agreedRate: float | None
    message: str | None
    escrowId: ID | None
    negotiationRound: int
    expiresAt: AWSDateTime | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime
    statusReason: str | None
    amount: float | None
    offeredHours: float | None
    offeredRate: float | None

    service = belongs_to("Service", "serviceId")
    requester = belongs_to("User", "requesterId")
    provider = belongs_to("User", "providerId")
    escrow = has_one("Escrow", "escrowId")
    disputes = has_many("Dispute", "byRequestId")
