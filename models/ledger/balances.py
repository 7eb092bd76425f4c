"""A member's balance, and the escrows that hold hours."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from models.hours import ZERO, Hours


class EscrowStatus(StrEnum):
    """Amplify's escrow statuses; only ESCROWED, RELEASED and CANCELLED are ever stored."""

    CREATING_ESCROW = "CREATING_ESCROW"
    VALIDATING_BALANCE = "VALIDATING_BALANCE"
    ESCROWED = "ESCROWED"
    RELEASING = "RELEASING"
    RELEASED = "RELEASED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class EscrowType(StrEnum):
    """What hours are held for."""

    SERVICE_REQUEST = "SERVICE_REQUEST"
    REFUND = "REFUND"
    DISPUTE_RESOLUTION = "DISPUTE_RESOLUTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A member's hours. A balance of version 0 is not stored yet."""

    user_id: str
    total_balance: Hours
    available_balance: Hours
    escrowed_balance: Hours
    created_at: datetime
    updated_at: datetime
    version: int = 0
    last_transaction_id: str | None = None
    last_hash: str | None = None
    locked_at: datetime | None = None
    locked_by: str | None = None

    @classmethod
    def empty(cls, user_id: str, now: datetime) -> "Balance":
        """Return the first balance of a member: no hours, not stored yet."""
        return cls(
            user_id=user_id,
            total_balance=ZERO,
            available_balance=ZERO,
            escrowed_balance=ZERO,
            created_at=now,
            updated_at=now,
        )

    def locked(self, by: str, now: datetime) -> "Balance":
        """Return this balance locked: the member can make no new holds and give no hours."""
        return replace(self, locked_at=now, locked_by=by, updated_at=now, version=self.version + 1)

    def unlocked(self, now: datetime) -> "Balance":
        """Return this balance unlocked."""
        return replace(self, locked_at=None, locked_by=None, updated_at=now, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Escrow:
    """Hours held for one request until they are released or returned, once."""

    id: str
    request_id: str | None
    from_user_id: str
    to_user_id: str
    amount: Hours
    status: EscrowStatus
    escrow_type: EscrowType
    created_at: datetime
    updated_at: datetime
    step_function_execution_arn: str | None = None
    released_at: datetime | None = None
    cancelled_at: datetime | None = None
    version: int = 1

    def adjusted(self, amount: Hours, now: datetime) -> "Escrow":
        """Return this escrow with another amount."""
        return replace(self, amount=amount, updated_at=now, version=self.version + 1)

    def released(self, now: datetime) -> "Escrow":
        """Return this escrow as RELEASED: its hours went to the other member."""
        return replace(
            self, status=EscrowStatus.RELEASED, released_at=now, updated_at=now, version=self.version + 1
        )

    def cancelled(self, now: datetime) -> "Escrow":
        """Return this escrow as CANCELLED: its hours went back."""
        return replace(
            self, status=EscrowStatus.CANCELLED, cancelled_at=now, updated_at=now, version=self.version + 1
        )
