"""Reconciling: right books are found right, and of wrong ones the very entry is named."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from models.hours import ZERO
from models.ledger.balances import Balance
from models.ledger.reconciliation import (
    MOST_IN_REPORT,
    Account,
    AuditOutcome,
    AuditReport,
    AuditReportStatus,
    Discrepancy,
    Fault,
    discrepancies,
    statement,
)
from tests.unit.builders import ALICE, BOB, NOW, Bank, hours
from tests.unit.places import PATHS, bank_at

if TYPE_CHECKING:
    from models.ledger.entries import Entry


def account_of(bank: Bank, member: str = ALICE, **changes: Any) -> Account:
    held = [escrow.amount for escrow in bank.escrows.values() if bank._holds(escrow, member)]
    given: dict[str, Any] = {
        "user_id": member,
        "balance": bank.balances.get(member),
        "entries": [entry for entry in bank.entries if entry.user_id == member],
        "held": sum(held, ZERO),
        **changes,
    }
    return Account(**given)


def found(account: Account) -> list[tuple[Fault, str | None]]:
    return [(one.fault, one.entry_id) for one in discrepancies(account, NOW)]


@pytest.fixture
def account() -> Account:
    """Alice's bonus, a hold, more held, and some given back by a counter-offer; then the end: five entries."""
    account = account_of(bank_at("PAID rated"))
    again = account_of(bank_at("AGREED"))
    assert (len(account.entries), len(again.entries)) == (3, 4)
    return again


def changed(account: Account, index: int, **changes: Any) -> Account:
    entries = list(account.entries)
    entries[index] = replace(entries[index], **changes)
    return replace(account, entries=entries)


def without(account: Account, index: int) -> Account:
    return replace(account, entries=[*account.entries[:index], *account.entries[index + 1 :]])


def balance_of(account: Account) -> Balance:
    assert account.balance is not None
    return account.balance


@pytest.mark.parametrize("place", PATHS)
@pytest.mark.parametrize("member", [ALICE, BOB])
def test_books_that_are_right_are_found_right_in_every_place(place: str, member: str) -> None:
    account = account_of(bank_at(place), member)
    assert found(account) == []
    assert found(replace(account, entries=account.entries[::-1])) == []


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize(
    "change", [{"amount": hours("5")}, {"escrowed_amount": hours("5")}, {"description": "Forged"}]
)
def test_a_changed_entry_is_named(account: Account, index: int, change: dict[str, Any]) -> None:
    assert found(changed(account, index, **change)) == [(Fault.BROKEN_CHAIN, account.entries[index].id)]


@pytest.mark.parametrize("index", range(3))
def test_a_changed_entry_that_is_sealed_anew_is_told_by_the_next(account: Account, index: int) -> None:
    forged = replace(account.entries[index], description="Forged").sealed()
    wrong = changed(account, index, description=forged.description, hash=forged.hash)
    assert found(wrong) == [(Fault.BROKEN_CHAIN, account.entries[index + 1].id)]


@pytest.mark.parametrize("index", range(3))
def test_a_removed_entry_is_told_by_the_next(account: Account, index: int) -> None:
    assert found(without(account, index)) == [(Fault.BROKEN_CHAIN, account.entries[index + 1].id)]


def test_a_removed_last_entry_is_named_by_the_balance(account: Account) -> None:
    assert found(without(account, 3)) == [(Fault.MISSING_ENTRY, account.entries[3].id)]


@pytest.mark.parametrize("field", ["total_balance", "available_balance"])
def test_a_changed_balance_is_told_with_its_figures(account: Account, field: str) -> None:
    wrong = replace(account, balance=replace(balance_of(account), **{field: hours("99")}))  # type: ignore[arg-type]  # any figure
    (one,) = discrepancies(wrong, NOW)
    assert (one.fault, one.entry_id) == (Fault.WRONG_BALANCE, account.entries[-1].id)
    assert "is 99.00, not" in one.message


def test_changed_escrows_show_beside_a_whole_log(account: Account) -> None:
    assert found(replace(account, held=hours("99"))) == [(Fault.WRONG_ESCROWS, account.entries[-1].id)]
    assert found(replace(account, held=None)) == []


def test_held_hours_that_are_wrong_twice_are_told_twice(account: Account) -> None:
    wrong = replace(account, balance=replace(balance_of(account), escrowed_balance=hours("99")))
    assert [fault for fault, _ in found(wrong)] == [Fault.WRONG_BALANCE, Fault.WRONG_ESCROWS]


def test_a_missing_balance_is_told_unless_there_is_no_log_either(account: Account) -> None:
    assert found(replace(account, balance=None, held=ZERO)) == [(Fault.MISSING_BALANCE, account.entries[-1].id)]
    assert found(replace(account, balance=None, entries=(), held=ZERO)) == []


def test_a_lock_is_a_version_without_an_entry(account: Account) -> None:
    assert found(replace(account, balance=balance_of(account).locked("ada", NOW))) == []


def test_what_came_after_the_balance_was_read_does_not_count() -> None:
    before, after = account_of(bank_at("AWAITING")), account_of(bank_at("PAID"))
    assert len(after.entries) > len(before.entries)
    assert found(replace(before, entries=after.entries)) == []


def test_what_cannot_be_read_or_was_not_read_is_told(account: Account) -> None:
    odd = Discrepancy(user_id=ALICE, fault=Fault.BROKEN_CHAIN, message="no number", entry_id="odd")
    assert found(replace(account, unreadable=[odd])) == [(Fault.BROKEN_CHAIN, "odd")]
    assert found(replace(account, is_whole=False)) == [(Fault.UNCHECKED, None)]


def test_a_statement_runs_to_the_break(account: Account) -> None:
    lines = list(statement(account, NOW))
    assert [line.balance.available_balance for line in lines] == [e.balance_after for e in account.entries]
    assert [line.breach for line in lines] == [None] * 4
    broken = list(statement(changed(account, 1, amount=hours("1")), NOW))
    assert [bool(line.breach) for line in broken] == [False, True]


def test_outcomes_add_up_in_a_report_and_the_first_discrepancies_are_kept() -> None:
    one = Discrepancy(user_id=ALICE, fault=Fault.WRONG_BALANCE, message="m")
    outcome = AuditOutcome(checked=1, count=2, found=(one,), total_hours=hours("3"), issued_hours=hours("4"))
    both = outcome + outcome
    assert (both.checked, both.count, both.found, both.total_hours) == (2, 4, (one, one), hours("6"))
    report = AuditReport(id="r", status=AuditReportStatus.RUNNING, created_at=NOW, updated_at=NOW)
    for page in range(MOST_IN_REPORT):
        report = report.with_page(both, [ALICE], "member/alice", NOW)
        assert (report.page, report.version) == (page + 1, page + 2)
    assert len(report.discrepancies) == MOST_IN_REPORT
    assert report.discrepancy_count == 4 * MOST_IN_REPORT
    assert report.completed(NOW).status is AuditReportStatus.COMPLETED


def test_entries_of_another_member_do_not_belong(account: Account) -> None:
    foreign: Entry = account_of(bank_at("PAID"), BOB).entries[0]
    wrong = replace(account, entries=[replace(foreign, balance_version=1), *account.entries[1:]])
    assert found(wrong) == [(Fault.BROKEN_CHAIN, foreign.id)]


def test_what_was_issued_is_told_less_what_was_taken_back(account: Account) -> None:
    assert account.issued == hours("10")
    taken = replace(account.entries[0], issued=hours("-2.5"))
    assert replace(account, entries=[*account.entries, taken]).issued == hours("7.5")


def test_a_page_of_a_report_is_added_and_dated_and_so_is_its_end() -> None:
    now, later = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    odd = Discrepancy(user_id=ALICE, fault=Fault.UNCHECKED, message="?")
    one = AuditOutcome(
        checked=1, count=1, found=(odd,), total_hours=hours("3"), held_hours=hours("1"), issued_hours=hours("4")
    )  # fmt: skip
    both = one + AuditOutcome(
        checked=2, count=3, total_hours=hours("5"), held_hours=hours("2"), issued_hours=hours("7")
    )
    assert both == AuditOutcome(
        checked=3, count=4, found=(odd,), total_hours=hours("8"), held_hours=hours("3"), issued_hours=hours("11")
    )  # fmt: skip
    begun = AuditReport(
        id="r", status=AuditReportStatus.RUNNING, created_at=NOW, updated_at=NOW, members_checked=10,
        discrepancy_count=20, discrepancies=(odd,), total_hours=hours("30"), issued_hours=hours("40"),
        held_hours=hours("6"), page=5, version=7,
    )  # fmt: skip
    paged = begun.with_page(both, [ALICE, BOB], "member/bob", now)
    assert paged == AuditReport(
        id="r", status=AuditReportStatus.RUNNING, created_at=NOW, updated_at=now, members_checked=13,
        discrepancy_count=24, discrepancies=(odd, odd), total_hours=hours("38"), issued_hours=hours("51"),
        held_hours=hours("9"), page=6, version=8,
        members=(ALICE, BOB), cursor="member/bob",
    )  # fmt: skip
    ended = replace(paged, status=AuditReportStatus.COMPLETED, finished_at=later, updated_at=later, version=9)
    assert paged.completed(later) == ended


def test_held_hours_of_who_never_moved_any_are_told_without_an_entry() -> None:
    empty = Balance.empty(ALICE, NOW)
    books = Account(user_id=ALICE, balance=empty, entries=[], held=hours("1"))
    assert found(books) == [(Fault.WRONG_ESCROWS, None)]
