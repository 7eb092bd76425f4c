"""A member's hours."""

from strawberry import ID

from models import tables
from schema.amplify.declaration import belongs_to
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, owner
from schema.scalars import AWSDateTime


@mirrored(
    table=tables.UserBalance,
    rules=[owner("userId", READING), groups("admin", operations=READING)],
)
class UserBalance:
    """A member's hours: the total is what is available and what is held in escrow."""

    userId: ID
    totalBalance: float
    availableBalance: float
    escrowedBalance: float
    lastTransactionId: ID | None
    version: int
    lockedAt: AWSDateTime | None
    lockedBy: str | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime

    user = belongs_to("User", "userId")
