"""An account that admins have locked, or unlocked: pure rules, and how it is told."""

from dataclasses import dataclass
from datetime import datetime

from models.clock import to_text
from models.errors import Code, Refusal
from models.events import Event, EventEntityType, EventSource, Notice, NotificationType
from models.ledger.balances import Balance

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LockChange:
    """What an admin does to a lock: the balance after it, and how it is told."""

    balance: Balance
    event: Event
    notice: Notice


def lock(balance: Balance, now: datetime, *, by: str, reason: str) -> LockChange | Balance | Refusal:
    """Lock an account: it makes no new holds and gives nothing. What the same admin has locked is left alone."""
    if balance.locked_at is not None:
        if balance.locked_by == by:
            return balance
        facts = {"lockedAt": to_text(balance.locked_at), "lockedBy": balance.locked_by}
        return Refusal(Code.ACCOUNT_LOCKED, "This account is locked already, by another administrator.", facts)
    told = (
        f"You cannot spend hours for now: “{reason}” What is held goes its way. Please contact an administrator."
    )
    return _lock_change(balance.locked(by, now), "Account Locked", by=by, told=told, reason=reason)


def unlock(balance: Balance, now: datetime, *, by: str) -> LockChange | Balance | Refusal:
    """Unlock an account; one that is not locked is left as it is."""
    if balance.locked_at is None:
        return balance
    return _lock_change(balance.unlocked(now), "Account Unlocked", by=by, told="You can spend hours again.")


def _lock_change(balance: Balance, type: str, *, by: str, told: str, reason: str | None = None) -> LockChange:
    event = Event(
        type=type,
        source=EventSource.BALANCES,
        entity_type=EventEntityType.TRANSACTION,
        entity_id=balance.user_id,
        actor=by,
        data={"userId": balance.user_id, "reason": reason},
    )
    notice = Notice(
        user_id=balance.user_id,
        type=NotificationType.SYSTEM_UPDATE,
        title="Your account is locked" if balance.locked_at else "Your account is unlocked",
        message=told,
    )
    return LockChange(balance=balance, event=event, notice=notice)
