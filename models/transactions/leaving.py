"""Why a member may not leave, or be erased, by their row and their balance as they are stored."""

from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition

from models import hours, tables
from models.clock import from_text, to_text
from models.errors import Code, Refusal
from models.storage.store import Item

# The longest time for which Cognito issues a token. Only a member's row tells which of their tokens count.
TOKENS_LIVE = timedelta(hours=24)


def held_hours_refusal(balance: Item | None) -> Refusal | None:
    """Return the refusal if hours of a member are held."""
    held = hours.exact(balance["escrowedBalance"]["N"]) if balance else hours.ZERO
    if held == hours.ZERO:
        return None
    return Refusal(
        Code.INVALID_ESCROW_STATUS,
        f"{held} hours of this member are held; their requests must end first.",
        {"escrowed": hours.to_float(held)},
    )


def hours_left_refusal(balance: Item | None) -> Refusal | None:
    """Return the refusal if a member who is erased has hours left."""
    left = hours.exact(balance["totalBalance"]["N"]) if balance else hours.ZERO
    if left == hours.ZERO:
        return None
    return Refusal(
        Code.BAD_REQUEST,
        f"This member has {left} hours, which would be lost with them: take them back first.",
        {"totalBalance": hours.to_float(left)},
    )


def erased_at(balance: Item | None) -> datetime | None:
    """Return since when a member is being erased, or is; None if they are not."""
    text = (balance or {}).get("erasedAt", {}).get("S")
    return None if text is None else from_text(text)


def signed_out_refusal(stored: Item, now: datetime) -> Refusal | None:
    """Return the refusal if a member has signed out everywhere while tokens of before may still live."""
    text = stored.get("tokensValidFrom", {}).get("S")
    if text is None or (until := from_text(text) + TOKENS_LIVE) <= now:
        return None
    return Refusal(
        Code.BAD_REQUEST,
        "This member has signed out everywhere, and without their row older tokens would count again: delete it "
        f"after {to_text(until)}.",
        {"deletableFrom": to_text(until)},
    )


def nothing_held_condition() -> Condition:
    """Return the condition that a balance has no hours in escrow, or that there is no balance."""
    condition: Condition = tables.UserBalance.userId.does_not_exist() | (
        tables.UserBalance.escrowedBalance == hours.ZERO
    )
    return condition
