"""The ledger's rules: balances, movements, and the chained entries that prove them.

A movement is one atomic change. Its legs say what each member's `available` and `escrowed` change by;
a leg with `issued` brings hours into being (or takes them out), so that over all members Σ total = Σ issued.
"""

import hashlib
import json
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from models import clock
from models.errors import BrokenLedgerError, Code, Refusal
from models.hours import ZERO, Hours, hundredths, is_amount
from models.identifiers import derived


class TransactionType(StrEnum):
    """Amplify's kinds of ledger entry."""

    ESCROW = "ESCROW"
    TRANSFER = "TRANSFER"
    REFUND = "REFUND"
    WELCOME_BONUS = "WELCOME_BONUS"
    DISPUTE_RESOLUTION = "DISPUTE_RESOLUTION"
    ADMIN_ADJUSTMENT = "ADMIN_ADJUSTMENT"


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
    """A member's hours. Version 0 is a balance that is not stored yet."""

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
        """Return the balance of a member who has none yet."""
        return cls(
            user_id=user_id,
            total_balance=ZERO,
            available_balance=ZERO,
            escrowed_balance=ZERO,
            created_at=now,
            updated_at=now,
        )

    def locked(self, by: str, now: datetime) -> "Balance":
        """Return this balance, which gives nothing for anything new any more."""
        return replace(self, locked_at=now, locked_by=by, updated_at=now, version=self.version + 1)

    def unlocked(self, now: datetime) -> "Balance":
        """Return this balance, free again."""
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
        """Return this escrow with another amount in it."""
        return replace(self, amount=amount, updated_at=now, version=self.version + 1)

    def released(self, now: datetime) -> "Escrow":
        """Return this escrow, its hours gone to the other side."""
        return replace(
            self, status=EscrowStatus.RELEASED, released_at=now, updated_at=now, version=self.version + 1
        )

    def cancelled(self, now: datetime) -> "Escrow":
        """Return this escrow, its hours gone back."""
        return replace(
            self, status=EscrowStatus.CANCELLED, cancelled_at=now, updated_at=now, version=self.version + 1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What a movement changes for one member; all three are signed."""

    user_id: str
    type: TransactionType
    description: str
    available: Hours = ZERO
    escrowed: Hours = ZERO
    issued: Hours = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One atomic change of the ledger.

    Args:
        id: the `transactionId`; the same cause always gives the same one.
        related_entity_id: the request, dispute or transfer that caused it.
        spends: it takes a member's free hours for something new, which a locked account refuses.
    """

    id: str
    legs: tuple[Leg, ...]
    related_entity_id: str
    spends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member's line of one movement. `amount` and the two balances are of `available`."""

    id: str
    transaction_id: str
    user_id: str
    transaction_type: TransactionType
    amount: Hours
    balance_before: Hours
    balance_after: Hours
    description: str
    related_entity_id: str
    created_at: datetime
    updated_at: datetime
    escrowed_amount: Hours
    issued: Hours
    balance_version: int
    previous_hash: str | None = None
    step_function_execution_arn: str | None = None
    hash: str = ""

    def sealed(self) -> "Entry":
        """Return this entry with its hash."""
        return replace(self, hash=entry_hash(self))


def issue(*, cause: str, user_id: str, amount: Hours, type: TransactionType, description: str) -> Movement:  # noqa: A002 — the field's own name
    """Bring hours into being for a member."""
    leg = Leg(user_id=user_id, type=type, description=description, available=amount, issued=amount)
    return Movement(id=derived(cause, "issue"), legs=(leg,), related_entity_id=cause)


def hold(*, request_id: str, from_user_id: str, amount: Hours) -> Movement:
    """Set a requester's free hours aside."""
    leg = Leg(
        user_id=from_user_id,
        type=TransactionType.ESCROW,
        description="Hours held for a service request",
        available=-amount,
        escrowed=amount,
    )
    return Movement(id=derived(request_id, "hold"), legs=(leg,), related_entity_id=request_id, spends=True)


def adjust(
    *,
    request_id: str,
    round: int,  # noqa: A002 — the field's own name
    from_user_id: str,
    held: Hours,
    amount: Hours,
) -> Movement | None:
    """Hold more or less for a request, as a counter-offer has it; None if it comes to the same.

    Args:
        request_id: the request.
        round: the round of the negotiation; in each, terms are taken up once at most.
        from_user_id: the requester.
        held: the hours that are held.
        amount: the hours to hold instead.
    """
    more = amount - held
    if more == ZERO:
        return None
    leg = Leg(
        user_id=from_user_id,
        type=TransactionType.ESCROW if more > ZERO else TransactionType.REFUND,
        description="More hours held, as agreed" if more > ZERO else "Held hours returned, as agreed",
        available=-more,
        escrowed=more,
    )
    return Movement(
        id=derived(request_id, "adjust", round), legs=(leg,), related_entity_id=request_id, spends=True
    )


def release(*, request_id: str, from_user_id: str, to_user_id: str, amount: Hours) -> Movement:
    """Pay held hours to the provider."""
    legs = (
        Leg(
            user_id=from_user_id,
            type=TransactionType.TRANSFER,
            description="Hours paid for a service",
            escrowed=-amount,
        ),
        Leg(
            user_id=to_user_id,
            type=TransactionType.TRANSFER,
            description="Hours earned with a service",
            available=amount,
        ),
    )
    return Movement(id=derived(request_id, "release"), legs=legs, related_entity_id=request_id)


def refund(*, request_id: str, from_user_id: str, amount: Hours) -> Movement:
    """Give held hours back to the requester."""
    leg = Leg(
        user_id=from_user_id,
        type=TransactionType.REFUND,
        description="Held hours returned",
        available=amount,
        escrowed=-amount,
    )
    return Movement(id=derived(request_id, "refund"), legs=(leg,), related_entity_id=request_id)


def check_conserved(movement: Movement) -> None:
    """Assert that a movement creates nothing but what it issues.

    Raises:
        BrokenLedgerError: it does, or it moves an amount that no movement may have.
    """
    created = sum((leg.available + leg.escrowed - leg.issued for leg in movement.legs), ZERO)
    moved = {abs(change) for leg in movement.legs for change in (leg.available, leg.escrowed) if change}
    if created != ZERO or not moved or not all(map(is_amount, moved)):
        raise BrokenLedgerError(f"movement {movement.id} does not add up: {movement.legs}")


def post(
    balance: Balance, leg: Leg, movement: Movement, *, now: datetime, execution_arn: str | None = None
) -> tuple[Balance, Entry] | Refusal:
    """Apply one leg to its member's balance.

    Returns:
        The new balance with its entry; or a refusal, ACCOUNT_LOCKED or INSUFFICIENT_BALANCE.

    Raises:
        BrokenLedgerError: more would leave escrow than is in it.
    """
    if movement.spends and leg.available < ZERO and balance.locked_at is not None:
        return Refusal(
            Code.ACCOUNT_LOCKED,
            "This account is locked. Please contact an administrator.",
            {"lockedAt": clock.to_text(balance.locked_at)},
        )
    available = balance.available_balance + leg.available
    escrowed = balance.escrowed_balance + leg.escrowed
    if available < ZERO:
        return insufficient(available=balance.available_balance, needed=-leg.available)
    if escrowed < ZERO:
        raise BrokenLedgerError(f"{leg.user_id} holds {balance.escrowed_balance} in escrow, not {-leg.escrowed}")
    entry = _entry(balance, leg, movement, now=now, execution_arn=execution_arn)
    after = replace(
        balance,
        total_balance=available + escrowed,
        available_balance=available,
        escrowed_balance=escrowed,
        version=balance.version + 1,
        last_transaction_id=movement.id,
        last_hash=entry.hash,
        updated_at=now,
    )
    return after, entry


def _entry(balance: Balance, leg: Leg, movement: Movement, *, now: datetime, execution_arn: str | None) -> Entry:
    """Return the sealed line of one leg, the next in its member's chain."""
    return Entry(
        id=f"{movement.id}#{leg.user_id}",
        transaction_id=movement.id,
        user_id=leg.user_id,
        transaction_type=leg.type,
        amount=leg.available,
        balance_before=balance.available_balance,
        balance_after=balance.available_balance + leg.available,
        description=leg.description,
        related_entity_id=movement.related_entity_id,
        created_at=now,
        updated_at=now,
        escrowed_amount=leg.escrowed,
        issued=leg.issued,
        balance_version=balance.version + 1,
        previous_hash=balance.last_hash,
        step_function_execution_arn=execution_arn,
    ).sealed()


def insufficient(*, available: Hours, needed: Hours) -> Refusal:
    """Return the refusal for a member who has too few free hours."""
    return Refusal(
        Code.INSUFFICIENT_BALANCE,
        f"{needed} hours are needed and {available} are available.",
        {"available": float(available), "needed": float(needed)},
    )


def entry_hash(entry: Entry) -> str:
    """Return SHA-256 over the previous hash and the entry's canonical JSON, hours as integer hundredths."""
    content = {
        field.name: _canonical(getattr(entry, field.name))
        for field in fields(entry)
        if field.name not in ("hash", "previous_hash", "updated_at")
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{entry.previous_hash or ''}{text}".encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, Hours):
        return hundredths(value)
    return clock.to_text(value) if isinstance(value, datetime) else value
