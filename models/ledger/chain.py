"""A member's log as a hash chain: each entry continues the one before it, and a replay gives the balance."""

from collections.abc import Iterable
from dataclasses import replace

from models.ledger.balances import Balance
from models.ledger.entries import Entry, entry_hash


def breach(balance: Balance, entry: Entry) -> str | None:
    """Return why an entry cannot come next in a replay; None if it can.

    Args:
        balance: what the replay has reached so far.
        entry: the next entry.
    """
    if entry.user_id != balance.user_id:
        return "it is another member's"
    if entry.hash != entry_hash(entry) or not entry.is_described_as_sealed:
        return "it was changed: its hash does not match its content"
    if entry.previous_hash != balance.last_hash:
        return "the entry before it is missing, was changed, or is not the one that it was chained to"
    available = balance.available_balance + entry.amount
    if (entry.balance_before, entry.balance_after) != (balance.available_balance, available):
        return f"its figures do not continue from {balance.available_balance} hours available"
    if entry.balance_version <= balance.version:
        return f"its version {entry.balance_version} does not come after {balance.version}"
    return None


def balance_after(balance: Balance, entry: Entry) -> Balance:
    """Return the balance that a replay reaches with one more entry."""
    available = balance.available_balance + entry.amount
    escrowed = balance.escrowed_balance + entry.escrowed_amount
    return replace(
        balance,
        total_balance=available + escrowed,
        available_balance=available,
        escrowed_balance=escrowed,
        version=entry.balance_version,
        last_transaction_id=entry.transaction_id,
        last_hash=entry.hash,
    )


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return a member's entries in the order they were written, which their timestamps need not show."""
    return sorted(entries, key=lambda entry: entry.balance_version)
