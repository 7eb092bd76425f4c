"""The inputs of our own operations on accounts and escrows."""

import strawberry

from models.ledger.movements import TransactionType
from schema import enums  # registers TransactionType under the name that clients know

__all__ = ["enums"]


@strawberry.input
class ProcessDirectTransferInput:
    """A transfer of hours without a service; `id` is a UUID that makes a retry safe.

    A member makes a TRANSFER from their own account to another's. An admin issues a REFUND or an ADMIN_ADJUSTMENT
    to `toUserId`, or takes an ADMIN_ADJUSTMENT back from `fromUserId`.
    """

    transaction_type: TransactionType
    amount: float
    id: strawberry.ID | None = None
    from_user_id: strawberry.ID | None = None
    to_user_id: strawberry.ID | None = None
    description: str | None = None


@strawberry.input
class LockAccountInput:
    """Whose account to lock, and why."""

    user_id: strawberry.ID
    reason: str


@strawberry.input
class UnlockAccountInput:
    """Whose account to unlock."""

    user_id: strawberry.ID


@strawberry.input
class ReleaseEscrowInput:
    """Which escrow's hours to pay to the provider."""

    escrow_id: strawberry.ID


@strawberry.input
class CancelEscrowInput:
    """Which escrow's hours to give back to the requester, and why."""

    escrow_id: strawberry.ID
    reason: str | None = None
