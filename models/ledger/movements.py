"""Movements: each is one atomic change of the ledger, in legs that add up.

The legs say what each member's `available` and `escrowed` hours change by. A leg with `issued` creates hours or
destroys them, so that over all members Σ total = Σ issued.
"""

from dataclasses import dataclass
from enum import StrEnum

from models.errors import BrokenLedgerError
from models.hours import ZERO, Hours, is_amount
from models.identifiers import derived


class TransactionType(StrEnum):
    """Amplify's kinds of ledger entry."""

    ESCROW = "ESCROW"
    TRANSFER = "TRANSFER"
    REFUND = "REFUND"
    WELCOME_BONUS = "WELCOME_BONUS"
    DISPUTE_RESOLUTION = "DISPUTE_RESOLUTION"
    ADMIN_ADJUSTMENT = "ADMIN_ADJUSTMENT"


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


def issue(*, cause: str, user_id: str, amount: Hours, type: TransactionType, description: str) -> Movement:
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
    round: int,
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
