"""Hours that are held."""

from strawberry import ID

from models import tables
from models.ledger.balances import EscrowStatus, EscrowType
from schema.amplify.declaration import belongs_to
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, owner
from schema.scalars import AWSDateTime


@mirrored(
    table=tables.Escrow,
    rules=[owner("fromUserId", READING), owner("toUserId", READING), groups("admin", operations=READING)],
)
class Escrow:
    """Hours held for a request until they are released or returned."""

    id: ID
    requestId: ID | None
    fromUserId: ID
    toUserId: ID
    amount: float
    status: EscrowStatus
    escrowType: EscrowType
    stepFunctionExecutionArn: str | None
    createdAt: AWSDateTime
    releasedAt: AWSDateTime | None
    cancelledAt: AWSDateTime | None
    updatedAt: AWSDateTime

    request = belongs_to("ServiceRequest", "requestId")
    fromUser = belongs_to("User", "fromUserId")
    toUser = belongs_to("User", "toUserId")
