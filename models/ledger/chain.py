"""A member's log as a chain: each entry follows from the one before it, and replaying them gives the balance."""

from collections.abc import Iterable
from dataclasses import replace

from models.ledger.balances import Balance
from models.ledger.entries import Entry, entry_hash


def breach(balance: Balance, entry: Entry) -> str | None:
    """Return why an entry cannot come next after what a replay has come to; None if it follows."""
    if entry.user_id != balance.user_id:
        return "it is another member's"
    if entry.hash != entry_hash(entry):
        return "it was changed: its hash is not that of what it says"
    if entry.previous_hash != balance.last_hash:
        return "the entry before it is missing, was changed, or is not the one that it followed"
    available = balance.available_balance + entry.amount
    if (entry.balance_before, entry.balance_after) != (balance.available_balance, available):
        return f"its figures do not continue from {balance.available_balance} hours available"
    if entry.balance_version <= balance.version:
        return f"its version {entry.balance_version} does not come after {balance.version}"
    return None


def balance_after(balance: Balance, entry: Entry) -> Balance:
    """Return what a replay has come to after one entry more."""
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
    """Return a member's entries as they were written, whatever their clocks said."""
    return sorted(entries, key=lambda entry: entry.balance_version)
