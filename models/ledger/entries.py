"""Ledger entries: one line per leg, sealed with a hash that covers the hash of the member's previous entry.

What a person wrote is covered by its salted digest instead, so that it can be erased and the chain still holds.
"""

import hashlib
import json
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from models import clock
from models.errors import BrokenLedgerError, Code, Refusal
from models.hours import ZERO, Hours, hundredths
from models.ledger.balances import Balance
from models.ledger.movements import Leg, Movement, TransactionType

# What stands where a text was that has been erased.
ERASED = "(erased)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member's line of one movement. `amount`, `balance_before` and `balance_after` count available hours.

    Args:
        description_digest: the digest of a description that a person wrote, which the hash covers in its place;
            None if the hash covers the description.
        description_salt: what the digest was salted with; None if there is no digest, or the text has been erased.
    """

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
    description_salt: str | None = None
    description_digest: str | None = None

    @property
    def is_described_as_sealed(self) -> bool:
        """Return whether the description is the one that was sealed, or was erased."""
        if self.description_digest is None:
            return self.description_salt is None
        if self.description_salt is None:
            return self.description == ERASED
        return self.description_digest == text_digest(self.description, self.description_salt)

    def sealed(self) -> "Entry":
        """Return this entry with its hash."""
        return replace(self, hash=entry_hash(self))


def post(
    balance: Balance, leg: Leg, movement: Movement, *, now: datetime, execution_arn: str | None = None
) -> tuple[Balance, Entry] | Refusal:
    """Apply one leg to its member's balance.

    Returns:
        The new balance with its entry; or a refusal: ACCOUNT_LOCKED or INSUFFICIENT_BALANCE.

    Raises:
        BrokenLedgerError: more hours would leave escrow than the member has in escrow.
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
        return insufficient_balance_refusal(available=balance.available_balance, needed=-leg.available)
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
    """Return the sealed entry of one leg, the next in its member's chain."""
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
        description_salt=leg.salt,
        description_digest=None if leg.salt is None else text_digest(leg.description, leg.salt),
    ).sealed()


def insufficient_balance_refusal(*, available: Hours, needed: Hours) -> Refusal:
    """Return the refusal for a member who has too few available hours."""
    return Refusal(
        Code.INSUFFICIENT_BALANCE,
        f"{needed} hours are needed and {available} are available.",
        {"available": float(available), "needed": float(needed)},
    )


def text_digest(text: str, salt: str) -> str:
    """Return the SHA-256 of a salt and a text; without the salt nobody can try texts."""
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()


def entry_hash(entry: Entry) -> str:
    """Return the SHA-256 of the previous hash and the entry's canonical JSON, with hours as integer hundredths."""
    uncovered = "description_digest" if entry.description_digest is None else "description"
    content = {
        field.name: _canonical(getattr(entry, field.name))
        for field in fields(entry)
        if field.name not in ("hash", "previous_hash", "updated_at", "description_salt", uncovered)
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{entry.previous_hash or ''}{text}".encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, Hours):
        return hundredths(value)
    return clock.to_text(value) if isinstance(value, datetime) else value
