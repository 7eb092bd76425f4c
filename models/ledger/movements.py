"""Movements: each is one atomic change of the ledger, made of legs that balance.

A leg says by how much a member's `available` and `escrowed` hours change. A leg with `issued` creates or destroys
hours, so that over all members Σ total = Σ issued.
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
    """What a movement changes for one member; all three amounts are signed.

    Args:
        salt: a random text if a person wrote the description, so that it can be erased; None if it is ours.
    """

    user_id: str
    type: TransactionType
    description: str
    available: Hours = ZERO
    escrowed: Hours = ZERO
    issued: Hours = ZERO
    salt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One atomic change of the ledger.

    Args:
        id: the `transactionId`; the same cause always gives the same one.
        related_entity_id: the request, dispute or transfer that caused it.
        spends: it takes available hours for something new, which a locked account refuses.
    """

    id: str
    legs: tuple[Leg, ...]
    related_entity_id: str
    spends: bool = False


def issue(*, cause: str, user_id: str, amount: Hours, type: TransactionType, description: str) -> Movement:
    """Return the movement that creates hours for a member."""
    leg = Leg(user_id=user_id, type=type, description=description, available=amount, issued=amount)
    return Movement(id=derived(cause, "issue"), legs=(leg,), related_entity_id=cause)


def hold(*, request_id: str, from_user_id: str, amount: Hours) -> Movement:
    """Return the movement that holds a requester's available hours in escrow."""
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
    """Return the movement that holds more or fewer hours after a counter-offer; None if the amount is the same.

    Args:
        request_id: the request.
        round: the round of the negotiation; in each one, terms are accepted at most once.
        from_user_id: the requester.
        held: the hours that are held now.
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
    """Return the movement that pays held hours to the provider."""
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
    """Return the movement that gives held hours back to the requester."""
    leg = Leg(
        user_id=from_user_id,
        type=TransactionType.REFUND,
        description="Held hours returned",
        available=amount,
        escrowed=-amount,
    )
    return Movement(id=derived(request_id, "refund"), legs=(leg,), related_entity_id=request_id)


def check_conserved(movement: Movement) -> None:
    """Assert that a movement creates only the hours that it issues, in amounts that a movement may have.

    Raises:
        BrokenLedgerError: it does not balance, moves nothing, or moves an amount outside the limits.
    """
    created = sum((leg.available + leg.escrowed - leg.issued for leg in movement.legs), ZERO)
    moved = {abs(change) for leg in movement.legs for change in (leg.available, leg.escrowed) if change}
    if created != ZERO or not moved or not all(map(is_amount, moved)):
        raise BrokenLedgerError(f"movement {movement.id} does not add up: {movement.legs}")
