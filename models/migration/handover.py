"""How a member's hours come here, and go back: the movement, what is logged of it, and what the member is told."""

from dataclasses import dataclass

from models.events import Event, EventEntityType, EventSource, Notice, NotificationType
from models.hours import LARGEST_AMOUNT, ZERO, Hours, to_float
from models.identifiers import derived
from models.ledger.balances import Balance
from models.ledger.movements import Leg, Movement, TransactionType


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Hours that come here or go back.

    Args:
        cause: the cause of the rows of this hand-over, unique to it: the member, and the version of their balance.
        hours: how many come here; negative if they go back.
        movement: the movement that issues them here, or takes them back; None if they are none.
    """

    cause: str
    hours: Hours
    movement: Movement | None
    event: Event
    notice: Notice


def opening(balance: Balance, hours: Hours) -> HandOver:
    """Return how hours that the former app kept become a member's hours here; it is no welcome bonus.

    Args:
        balance: the member's balance here, which is empty unless they have been here before.
        hours: the hours that the former app keeps, which may be none; what is over `LARGEST_AMOUNT` is left.
    """
    hours = min(hours, LARGEST_AMOUNT)
    return _hand_over(
        balance,
        hours,
        kind="opening",
        event="Opening Balance Taken Over",
        description="Hours brought from the former app",
        title="Your hours are here now",
        message=f"{hours} hours that you had before have been moved here.",
    )


def closing(balance: Balance) -> HandOver:
    """Return how a member's hours go back to the former app; none may be held, and `LARGEST_AMOUNT` go at once."""
    hours = min(balance.total_balance, LARGEST_AMOUNT)
    return _hand_over(
        balance,
        -hours,
        kind="closing",
        event="Balance Given Back",
        description="Hours given back to the former app",
        title="Your hours have moved",
        message=f"Your {hours} hours are in the former app again.",
    )


def handed_over(member_id: str) -> str:
    """Return what a member's opening and closing entries name as related: no other entry does."""
    return derived(member_id, "handed over")


def _hand_over(
    balance: Balance, hours: Hours, *, kind: str, event: str, description: str, title: str, message: str
) -> HandOver:
    member_id = balance.user_id
    cause = derived(member_id, kind, balance.version)
    leg = Leg(
        user_id=member_id,
        type=TransactionType.ADMIN_ADJUSTMENT,
        description=description,
        available=hours,
        issued=hours,
    )
    movement = Movement(id=cause, legs=(leg,), related_entity_id=handed_over(member_id))
    return HandOver(
        cause=cause,
        hours=hours,
        movement=movement if hours != ZERO else None,
        event=Event(
            type=event,
            source=EventSource.BALANCES,
            entity_type=EventEntityType.TRANSACTION,
            entity_id=member_id,
            data={"userId": member_id, "amount": to_float(hours)},
        ),
        notice=Notice(user_id=member_id, type=NotificationType.SYSTEM_UPDATE, title=title, message=message),
    )
