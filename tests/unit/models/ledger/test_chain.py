"""The chain: a log replays to its balance, and whatever is missing, changed or forged breaks it."""

import random
from dataclasses import replace
from typing import Any

import pytest

from models.errors import BrokenLedgerError
from models.ledger import chain
from models.ledger.balances import Balance
from models.ledger.entries import ERASED
from models.ledger.movements import Leg, Movement, TransactionType
from tests.unit import books
from tests.unit.builders import ALICE, BOB, NOW, figures, hours
from tests.unit.models.ledger.sample_log import alices_log, posted


def test_a_log_replays_to_its_balance_in_any_order() -> None:
    balance, entries = alices_log()
    random.Random(1).shuffle(entries)  # noqa: S311 — an order, no secret
    assert figures(books.replay(entries, user_id=ALICE, now=NOW)) == figures(balance)


def test_an_empty_log_is_an_empty_balance() -> None:
    assert books.replay([], user_id=ALICE, now=NOW) == Balance.empty(ALICE, NOW)


@pytest.mark.parametrize("index", range(4))
def test_a_missing_entry_shows(index: int) -> None:
    _, entries = alices_log()
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries[:index] + entries[index + 1 :], user_id=ALICE, now=NOW)


def test_a_missing_last_entry_shows_beside_the_balance() -> None:
    balance, entries = alices_log()
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
    _, entries = alices_log()
    entries[1] = replace(entries[1], **change)  # type: ignore[arg-type]  # any field of an entry
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries, user_id=ALICE, now=NOW)


def test_a_changed_entry_shows_even_if_it_is_sealed_anew() -> None:
    _, entries = alices_log()
    entries[1] = replace(entries[1], description="Forged").sealed()
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries, user_id=ALICE, now=NOW)


def test_swapped_entries_show() -> None:
    _, entries = alices_log()
    second, third = entries[1], entries[2]
    entries[1] = replace(third, balance_version=second.balance_version)
    entries[2] = replace(second, balance_version=third.balance_version)
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries, user_id=ALICE, now=NOW)


def test_another_members_log_is_no_log_of_ones_own() -> None:
    _, entries = alices_log()
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries, user_id=BOB, now=NOW)


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"balance_before": hours("9"), "balance_after": hours("7")}, "its figures do not continue from 10.00"),
        ({"balance_after": hours("7")}, "its figures do not continue"),
        ({"balance_version": 1}, "its version 1 does not come after 1"),
    ],
)
def test_what_is_sealed_and_linked_must_still_add_up(forged: dict[str, Any], why: str) -> None:
    _, entries = alices_log()
    first, second, *_ = entries
    balance = chain.balance_after(Balance.empty(ALICE, NOW), first)
    assert chain.breach(balance, second) is None
    found = chain.breach(balance, replace(second, **forged).sealed())
    assert found is not None
    assert found.startswith(why)


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
    _, entries = alices_log()
    entries[1] = replace(entries[1], **changes).sealed()  # type: ignore[arg-type]  # any field of an entry
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay(entries[:2], user_id=ALICE, now=NOW)


def test_no_entry_comes_before_the_first() -> None:
    _, entries = alices_log()
    with pytest.raises(BrokenLedgerError, match="breaks"):
        books.replay([replace(entries[0], balance_version=0).sealed()], user_id=ALICE, now=NOW)


def test_a_log_replays_without_a_text_that_was_erased_and_breaks_with_another_in_its_place() -> None:
    leg = Leg(
        user_id=ALICE, type=TransactionType.TRANSFER, description="For Zoë", available=hours("-1"), salt="5a17"
    )
    balance, entries = alices_log()
    balance, entry = posted(balance, Movement(id="m", legs=(leg,), related_entity_id="t", spends=True))
    erased = replace(entry, description=ERASED, description_salt=None)
    for whole in (entry, erased):
        assert figures(books.replay([*entries, whole], user_id=ALICE, now=NOW)) == figures(balance)
    before = books.replay(entries, user_id=ALICE, now=NOW)
    why = "it was changed: its hash does not match its content"
    assert chain.breach(before, replace(erased, description="For Bob")) == why
