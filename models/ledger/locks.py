"""Locking and unlocking of accounts by admins: pure rules, with the event and the notice of each change."""

from dataclasses import dataclass
from datetime import datetime

from models.clock import to_text
from models.errors import Code, Refusal
from models.events import Event, EventEntityType, EventSource, Notice, NotificationType
from models.ledger.balances import Balance
from models.limits import fixed_limit

LONGEST_REASON = fixed_limit(500, "characters of the reason for a lock", topic="accounts", code="BadRequest")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockChange:
    """An account's change of lock: the new balance, the event for the log, and the notice to the member."""

    balance: Balance
    event: Event
    notice: Notice


def lock(balance: Balance, now: datetime, *, by: str, reason: str) -> LockChange | Balance | Refusal:
    """Lock an account, so that its member can make no new holds and give no hours.

    Returns:
        The change; the balance as it is if the same admin has locked it already; ACCOUNT_LOCKED if another has; or
        UNAUTHORIZED_ADMIN if the account is the admin's own.
    """
    if balance.user_id == by:
        return _own_account_refusal()
    if balance.locked_at is not None:
        if balance.locked_by == by:
            return balance
        facts = {"lockedAt": to_text(balance.locked_at), "lockedBy": balance.locked_by}
        return Refusal(Code.ACCOUNT_LOCKED, "This account is locked already, by another administrator.", facts)
    message = (
        f"You cannot spend hours for now: “{reason}” Hours that are already held are not affected. "
        "Please contact an administrator."
    )
    return _lock_change(balance.locked(by, now), "Account Locked", message, by=by, reason=reason)


def unlock(balance: Balance, now: datetime, *, by: str) -> LockChange | Balance | Refusal:
    """Unlock an account; if it is not locked, return the balance as it is; nobody unlocks their own."""
    if balance.user_id == by:
        return _own_account_refusal()
    if balance.locked_at is None:
        return balance
    return _lock_change(balance.unlocked(now), "Account Unlocked", "You can spend hours again.", by=by)


def _own_account_refusal() -> Refusal:
    message = "userId: this account is your own; another administrator locks and unlocks it."
    return Refusal(Code.UNAUTHORIZED_ADMIN, message, {"field": "userId"})


def _lock_change(
    balance: Balance, event_type: str, message: str, *, by: str, reason: str | None = None
) -> LockChange:
    event = Event(
        type=event_type,
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
        message=message,
    )
    return LockChange(balance=balance, event=event, notice=notice)
