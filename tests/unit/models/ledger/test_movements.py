"""The ledger: conserved, never negative, chained, and replayed to the last hundredth."""

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from models.errors import BrokenLedgerError, Code, Refusal
from models.hours import ZERO
from models.ledger import chain, movements
from models.ledger.balances import Balance, EscrowStatus
from models.ledger.entries import Entry, entry_hash, post
from models.ledger.movements import Leg, Movement, TransactionType
from tests.unit import books
from tests.unit.builders import ALICE, BOB, NOW, REQUEST_ID, Bank, figures, hours, make_balance, make_escrow
from tests.unit.places import bank_at

HOLD = movements.hold(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("2"))
RELEASE = movements.release(request_id=REQUEST_ID, from_user_id=ALICE, to_user_id=BOB, amount=hours("2"))
REFUND = movements.refund(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("2"))
BONUS = movements.issue(
    cause=ALICE, user_id=ALICE, amount=hours("10"), type=TransactionType.WELCOME_BONUS, description="Welcome"
)


def posted(balance: Balance, movement: Movement, leg: int = 0) -> tuple[Balance, Entry]:
    result = post(balance, movement.legs[leg], movement, now=NOW)
    assert not isinstance(result, Refusal)
    return result


def story() -> tuple[Balance, list[Entry]]:
    """Return alice's balance and log after bonus, hold, refund, hold and release."""
    other = movements.hold(request_id="another", from_user_id=ALICE, amount=hours("3.5"))
    paid = movements.release(request_id="another", from_user_id=ALICE, to_user_id=BOB, amount=hours("3.5"))
    balance, entries = Balance.empty(ALICE, NOW), []
    for movement in (BONUS, HOLD, REFUND, other, paid):
        balance, entry = posted(balance, movement)
        entries.append(entry)
    return balance, entries


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


@pytest.mark.parametrize("movement", [HOLD, RELEASE, REFUND, BONUS])
def test_movements_add_up(movement: Movement) -> None:
    movements.check_conserved(movement)


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (Leg(user_id=ALICE, type=TransactionType.TRANSFER, description=""),),
        (Leg(user_id=ALICE, type=TransactionType.TRANSFER, description="", available=hours("1")),),
        (Leg(user_id=ALICE, type=TransactionType.TRANSFER, description="", issued=hours("1")),),
        (
            Leg(user_id=ALICE, type=TransactionType.TRANSFER, description="", available=hours("-20000")),
            Leg(user_id=BOB, type=TransactionType.TRANSFER, description="", available=hours("20000")),
        ),
    ],
    ids=["no legs", "nothing moved", "from nobody", "issued to nobody", "too much at once"],
)
def test_what_does_not_add_up_is_never_posted(legs: tuple[Leg, ...]) -> None:
    with pytest.raises(BrokenLedgerError, match="does not add up"):
        movements.check_conserved(Movement(id="m", legs=legs, related_entity_id=REQUEST_ID))


def test_a_movement_that_is_repeated_has_the_same_ids() -> None:
    again = movements.hold(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("2"))
    assert again.id == HOLD.id
    assert len({movement.id for movement in (HOLD, RELEASE, REFUND, BONUS)}) == 4


def test_a_log_replays_to_its_balance_in_any_order() -> None:
    balance, entries = story()
    random.Random(1).shuffle(entries)  # noqa: S311 — an order, no secret
    assert figures(books.replay(entries, user_id=ALICE, now=NOW)) == figures(balance)


def test_an_empty_log_is_an_empty_balance() -> None:
    assert books.replay([], user_id=ALICE, now=NOW) == Balance.empty(ALICE, NOW)


@pytest.mark.parametrize("index", range(4))
def test_a_missing_entry_shows(index: int) -> None:
    _, entries = story()
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries[:index] + entries[index + 1 :], user_id=ALICE, now=NOW)


def test_a_missing_last_entry_shows_beside_the_balance() -> None:
    balance, entries = story()
    assert figures(books.replay(entries[:-1], user_id=ALICE, now=NOW)) != figures(balance)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": hours("-1.99")},
        {"balance_before": hours("9.99")},
        {"balance_after": hours("8.01")},
        {"escrowed_amount": hours("2.01")},
        {"issued": hours("0.01")},
        {"transaction_type": TransactionType.REFUND},
        {"description": "Nothing to see here"},
        {"related_entity_id": "another"},
        {"transaction_id": "another"},
        {"created_at": NOW.replace(year=2025)},
        {"user_id": BOB},
        {"hash": "0" * 64},
        {"previous_hash": None},
        {"balance_version": 7},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_entry_shows(change: dict[str, object]) -> None:
    _, entries = story()
    entries[1] = replace(entries[1], **change)  # type: ignore[arg-type]  # any field of an entry
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries, user_id=ALICE, now=NOW)


def test_a_changed_entry_shows_even_if_it_is_sealed_anew() -> None:
    _, entries = story()
    entries[1] = replace(entries[1], description="Forged").sealed()
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries, user_id=ALICE, now=NOW)


def test_swapped_entries_show() -> None:
    _, entries = story()
    second, third = entries[1], entries[2]
    entries[1] = replace(third, balance_version=second.balance_version)
    entries[2] = replace(second, balance_version=third.balance_version)
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries, user_id=ALICE, now=NOW)


def test_another_members_log_is_no_log_of_ones_own() -> None:
    _, entries = story()
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries, user_id=BOB, now=NOW)


def test_a_hash_is_the_same_however_dynamodb_writes_the_number() -> None:
    _, entries = story()
    entry = entries[0]
    stored = replace(entry, amount=Decimal(10), balance_after=Decimal("1E+1"))
    assert entry_hash(stored) == entry.hash


def test_an_escrow_ends_with_its_moment() -> None:
    escrow = make_escrow()
    released, cancelled = escrow.released(NOW), escrow.cancelled(NOW)
    assert (released.status, released.released_at, released.version) == (EscrowStatus.RELEASED, NOW, 2)
    assert (cancelled.status, cancelled.cancelled_at, cancelled.version) == (EscrowStatus.CANCELLED, NOW, 2)


def test_alice_asks_bob_for_two_hours() -> None:
    def balances(bank: Bank) -> list[tuple[Decimal, Decimal]]:
        found = (bank.balances[ALICE], bank.balances[BOB])
        return [(balance.available_balance, balance.escrowed_balance) for balance in found]

    ten = (hours("10"), ZERO)
    assert balances(bank_at("INITIATED")) == [ten, ten]
    assert balances(bank_at("IN_PROGRESS")) == [(hours("8"), hours("2")), ten]
    assert balances(bank_at("PAID")) == [(hours("8"), ZERO), (hours("12"), ZERO)]
    assert balances(bank_at("EXPIRED")) == [ten, ten]


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"balance_before": hours("9"), "balance_after": hours("7")}, "its figures do not continue from 10.00"),
        ({"balance_after": hours("7")}, "its figures do not continue"),
        ({"balance_version": 1}, "its version 1 does not come after 1"),
    ],
)
def test_what_is_sealed_and_linked_must_still_add_up(forged: dict[str, Any], why: str) -> None:
    _, entries = story()
    first, second, *_ = entries
    balance = chain.balance_after(Balance.empty(ALICE, NOW), first)
    assert chain.breach(balance, second) is None
    found = chain.breach(balance, replace(second, **forged).sealed())
    assert found is not None
    assert found.startswith(why)


def test_an_escrow_that_is_adjusted_is_another_version_of_itself() -> None:
    later = NOW + timedelta(hours=1)
    adjusted = make_escrow().adjusted(hours("3"), later)
    assert adjusted == make_escrow(amount=hours("3"), updated_at=later, version=2)
    assert make_escrow().released(later).updated_at == make_escrow().cancelled(later).updated_at == later


@pytest.mark.parametrize(
    ("held", "amount", "type_", "description"),
    [
        ("2", "3", TransactionType.ESCROW, "More hours held, as agreed"),
        ("3", "2", TransactionType.REFUND, "Held hours returned, as agreed"),
    ],
)
def test_an_adjustment_says_which_way_it_goes(
    held: str, amount: str, type_: TransactionType, description: str
) -> None:
    adjustment = movements.adjust(
        request_id=REQUEST_ID, round=1, from_user_id=ALICE, held=hours(held), amount=hours(amount)
    )
    assert adjustment is not None
    assert (adjustment.legs[0].type, adjustment.legs[0].description) == (type_, description)
    assert adjustment.spends


def test_hours_that_change_hands_in_escrow_are_bounded_too() -> None:
    kind = TransactionType.TRANSFER
    legs = (
        Leg(user_id=ALICE, type=kind, description="", available=hours("1"), escrowed=hours("-20001")),
        Leg(user_id=BOB, type=kind, description="", escrowed=hours("20000")),
    )
    with pytest.raises(BrokenLedgerError, match="does not add up"):
        movements.check_conserved(Movement(id="m", legs=legs, related_entity_id=REQUEST_ID))


@pytest.mark.parametrize(("spends", "available"), [(False, "-1"), (True, "0"), (True, "1")])
def test_a_locked_account_is_closed_to_what_spends_and_to_nothing_else(available: str, *, spends: bool) -> None:
    leg = Leg(user_id=ALICE, type=TransactionType.ESCROW, description="", available=hours(available))
    movement = Movement(id="m", legs=(leg,), related_entity_id=REQUEST_ID, spends=spends)
    assert posted(make_balance(ALICE, locked_at=NOW), movement)


def test_a_movement_spends_only_if_it_says_so() -> None:
    assert not Movement(id="m", legs=(), related_entity_id=REQUEST_ID).spends
    assert movements.hold(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("2")).spends
    assert [movement.spends for movement in (HOLD, RELEASE, REFUND, BONUS)] == [True, False, False, False]


def test_the_last_hundredth_may_be_spent_and_the_balance_says_when() -> None:
    later = NOW + timedelta(hours=1)
    result = post(make_balance(ALICE, "2"), HOLD.legs[0], HOLD, now=later, execution_arn="arn:1")
    assert not isinstance(result, Refusal)
    balance, entry = result
    assert (balance.available_balance, balance.escrowed_balance, balance.updated_at) == (ZERO, hours("2"), later)
    assert (entry.step_function_execution_arn, entry.created_at, entry.updated_at) == ("arn:1", later, later)


def test_who_is_locked_learns_since_when() -> None:
    refused = post(make_balance(ALICE, locked_at=NOW), HOLD.legs[0], HOLD, now=NOW)
    assert isinstance(refused, Refusal)
    assert refused.facts == {"lockedAt": "2026-01-05T12:00:00.000Z"}


def test_the_form_that_is_hashed_never_changes() -> None:
    _, entries = story()
    entry = replace(entries[1], description="Hours held for Zoë's café", updated_at=NOW.replace(year=2030))
    assert entry_hash(entry) == "c5b732d66fd921448012f5e42a1ef44d32eaaea1d4b114abccacaa79c237cee2"


@pytest.mark.parametrize(
    "changes",
    [
        {"balance_version": 1},
        {"balance_before": hours("9")},
        {"balance_after": hours("9")},
        {"user_id": BOB},
        {"previous_hash": "0" * 64},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_forged_last_entry_shows_though_its_seal_is_right(changes: dict[str, object]) -> None:
    _, entries = story()
    entries[1] = replace(entries[1], **changes).sealed()  # type: ignore[arg-type]  # any field of an entry
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries[:2], user_id=ALICE, now=NOW)


def test_no_entry_comes_before_the_first() -> None:
    _, entries = story()
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay([replace(entries[0], balance_version=0).sealed()], user_id=ALICE, now=NOW)
