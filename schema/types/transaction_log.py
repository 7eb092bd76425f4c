"""The ledger's entries."""

from strawberry import ID

from models import tables
from models.ledger.movements import TransactionType
from schema.amplify.declaration import belongs_to
from schema.amplify.mirror import mirrored
from schema.amplify.rules import READING, groups, owner
from schema.scalars import AWSDateTime


@mirrored(
    table=tables.TransactionLog,
    rules=[owner("userId", READING), groups("admin", operations=READING)],
    # Amplify adds it to types that do not declare it, but to none of their inputs.
    unwritable=["updatedAt"],
)
class TransactionLog:
    """An entry of a member's ledger; `amount` and the balances are of the available hours."""

    id: ID
    transactionId: ID | None
    userId: ID
    transactionType: TransactionType
    amount: float
    balanceBefore: float
    balanceAfter: float
    description: str
    relatedEntityId: ID | None
    stepFunctionExecutionArn: str | None
    createdAt: AWSDateTime
    updatedAt: AWSDateTime

    user = belongs_to("User", "userId")
