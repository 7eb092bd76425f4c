"""Entries: a leg is posted only if nothing becomes negative, and its entry is sealed over all that it says."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from models.errors import BrokenLedgerError, Code, Refusal
from models.hours import ZERO
from models.ledger.entries import ERASED, Entry, entry_hash, post, text_digest
from models.ledger.movements import Leg, Movement, TransactionType
from tests.unit.builders import ALICE, BOB, NOW, REQUEST_ID, hours, make_balance
from tests.unit.models.ledger.sample_log import BONUS, HOLD, REFUND, RELEASE, alices_log, posted


@pytest.mark.parametrize(
    ("movement", "available", "escrowed"),
    [(HOLD, "8", "4"), (REFUND, "12", "0"), (RELEASE, "10", "0"), (BONUS, "20", "2")],
    ids=["hold", "refund", "release", "issue"],
)
def test_what_a_movement_does_to_the_requester(movement: Movement, available: str, escrowed: str) -> None:
    before = make_balance(ALICE, "10", "2")
    after, entry = posted(before, movement)
    assert (after.available_balance, after.escrowed_balance) == (hours(available), hours(escrowed))
    assert after.total_balance == after.available_balance + after.escrowed_balance
    assert (after.version, after.last_transaction_id, after.last_hash) == (2, movement.id, entry.hash)
    assert (entry.id, entry.balance_version) == (f"{movement.id}#{ALICE}", 2)
    assert (entry.balance_before, entry.balance_after) == (hours("10"), hours(available))
    assert entry.amount == entry.balance_after - entry.balance_before


def test_a_release_reaches_the_provider() -> None:
    after, entry = posted(make_balance(BOB), RELEASE, leg=1)
    assert (after.available_balance, after.escrowed_balance) == (hours("12"), ZERO)
    assert entry.transaction_type is TransactionType.TRANSFER


def test_nobody_spends_what_they_have_not() -> None:
    refused = post(make_balance(ALICE, "1.99"), HOLD.legs[0], HOLD, now=NOW)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INSUFFICIENT_BALANCE
    assert refused.facts == {"available": 1.99, "needed": 2.0}


def test_the_last_hundredth_may_be_spent_and_the_balance_says_when() -> None:
    later = NOW + timedelta(hours=1)
    result = post(make_balance(ALICE, "2"), HOLD.legs[0], HOLD, now=later, execution_arn="arn:1")
    assert not isinstance(result, Refusal)
    balance, entry = result
    assert (balance.available_balance, balance.escrowed_balance, balance.updated_at) == (ZERO, hours("2"), later)
    assert (entry.step_function_execution_arn, entry.created_at, entry.updated_at) == ("arn:1", later, later)


def test_more_than_is_held_cannot_be_released() -> None:
    with pytest.raises(BrokenLedgerError, match="in escrow"):
        post(make_balance(ALICE, "10", "1.99"), RELEASE.legs[0], RELEASE, now=NOW)


def test_a_locked_account_spends_nothing_and_is_paid_all_the_same() -> None:
    locked = make_balance(ALICE, "10", "2", locked_at=NOW)
    refused = post(locked, HOLD.legs[0], HOLD, now=NOW)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.ACCOUNT_LOCKED
    for settling in (RELEASE, REFUND, BONUS):
        posted(locked, settling)


@pytest.mark.parametrize(("spends", "available"), [(False, "-1"), (True, "0"), (True, "1")])
def test_a_locked_account_is_closed_to_what_spends_and_to_nothing_else(available: str, *, spends: bool) -> None:
    leg = Leg(user_id=ALICE, type=TransactionType.ESCROW, description="", available=hours(available))
    movement = Movement(id="m", legs=(leg,), related_entity_id=REQUEST_ID, spends=spends)
    assert posted(make_balance(ALICE, locked_at=NOW), movement)


def test_who_is_locked_learns_since_when() -> None:
    refused = post(make_balance(ALICE, locked_at=NOW), HOLD.legs[0], HOLD, now=NOW)
    assert isinstance(refused, Refusal)
    assert refused.facts == {"lockedAt": "2026-01-05T12:00:00.000Z"}


def test_a_hash_is_the_same_however_dynamodb_writes_the_number() -> None:
    _, entries = alices_log()
    entry = entries[0]
    stored = replace(entry, amount=Decimal(10), balance_after=Decimal("1E+1"))
    assert entry_hash(stored) == entry.hash


def test_the_form_that_is_hashed_never_changes() -> None:
    _, entries = alices_log()
    entry = replace(entries[1], description="Hours held for Zoë's café", updated_at=NOW.replace(year=2030))
    assert entry_hash(entry) == "c5b732d66fd921448012f5e42a1ef44d32eaaea1d4b114abccacaa79c237cee2"


def given_log() -> Entry:
    """Return the entry of hours that Alice gave, with words of her own."""
    leg = Leg(
        user_id=ALICE, type=TransactionType.TRANSFER, description="For Zoë", available=hours("-1"), salt="5a17"
    )
    movement = Movement(id="m", legs=(leg,), related_entity_id=REQUEST_ID, spends=True)
    return posted(make_balance(ALICE), movement)[1]


def test_what_a_person_wrote_is_sealed_by_its_salted_digest() -> None:
    entry = given_log()
    assert (entry.description, entry.description_salt) == ("For Zoë", "5a17")
    assert entry.description_digest == text_digest("For Zoë", "5a17")
    assert text_digest("For Zoë", "5a17") == hashlib.sha256("5a17For Zoë".encode()).hexdigest()
    assert entry.is_described_as_sealed
    assert posted(make_balance(ALICE), HOLD)[1].description_digest is None


def test_the_text_and_its_salt_may_go_and_the_hash_is_the_same() -> None:
    entry = given_log()
    erased = replace(entry, description=ERASED, description_salt=None)
    assert entry_hash(erased) == entry_hash(entry) == entry.hash
    assert erased.is_described_as_sealed
    assert entry_hash(replace(entry, description_digest=text_digest("For Bob", "5a17"))) != entry.hash


@pytest.mark.parametrize(
    "changes",
    [
        {"description": "For Bob"},
        {"description": ERASED},
        {"description_salt": "other"},
        {"description_salt": None},
        {"description": "For Bob", "description_salt": None},
        {"description_digest": None},
    ],
)
def test_another_text_in_its_place_shows(changes: dict[str, Any]) -> None:
    assert not replace(given_log(), **changes).is_described_as_sealed


def test_the_form_of_an_entry_with_a_digest_never_changes_either() -> None:
    assert given_log().hash == "0db2d92bd963ef459b2dac63a9c713950b208b499c126fcf7a05350b2127a05b"
