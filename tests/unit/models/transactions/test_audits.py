"""Reading the books: page by page, waiting for what is late, and never falling over a row that is broken."""

from typing import Any

import pytest

from models import tables
from models.clock import now, to_text
from models.ledger.reconciliation import AuditOutcome, Fault
from models.storage.codec import encode
from models.storage.store import Page
from models.tables import Escrow, TransactionLog, User, UserBalance
from models.transactions import audits as module
from models.transactions.audits import Audits, FoundMember
from tests.unit.builders import ALICE, BOB, NOW, Bank, hours, make_escrow
from tests.unit.mirror import MemoryStore
from tests.unit.places import bank_at
from tests.unit.stored import Stored, stored


class Patience:
    """Calls whose pauses take no time; what is late comes with them."""

    def __init__(self, store: "Books") -> None:
        self._store = store
        self.pauses: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._store.late.clear()


class Books(MemoryStore):
    """The tables of a bank; of their indexes some rows are late."""

    def __init__(self, place: str = "PAID") -> None:
        super().__init__()
        self.patience = Patience(self)
        self.calls = self.patience  # type: ignore[assignment]  # nothing but its pauses is called
        self.late: set[str] = set()
        self.moves = False
        bank = bank_at(place)
        for balance in bank.balances.values():
            dated = {"createdAt": to_text(balance.created_at)}
            self.add(tables.User, id=balance.user_id, username=f"{balance.user_id}-name", **dated)
            self.rows[tables.UserBalance, balance.user_id] = encode(tables.UserBalance, balance)
        for entry in bank.entries:
            self.rows[tables.TransactionLog, entry.id] = encode(tables.TransactionLog, entry)
        for escrow in bank.escrows.values():
            self.rows[tables.Escrow, escrow.id] = encode(tables.Escrow, escrow)

    async def query(self, table: type[tables.Table], index: Any, hash_value: str, **given: Any) -> Page:
        page = await super().query(table, index, hash_value, **{"forward": True, "count_only": False} | given)
        items = [item for item in page.items if item["id"]["S"] not in self.late]
        if self.moves:
            version = int(self.rows[tables.UserBalance, hash_value]["version"]["N"])
            moved = {"version": {"N": str(version + 1)}}
            self.rows[tables.UserBalance, hash_value] = self.rows[tables.UserBalance, hash_value] | moved
        if table is tables.Escrow:
            items = [item for item in items if item["status"]["S"] == "ESCROWED"]
        return Page(items, page.read, page.last_key)

    async def scan_page(self, table: type[tables.Table], **given: Any) -> Page:
        return await super().scan_page(table, **{"filter": None, "count_only": False} | given)

    def last_entry(self, member: str) -> str:
        entries = [item for (table, _), item in self.rows.items() if table is tables.TransactionLog]
        own = [item for item in entries if item["userId"]["S"] == member]
        return str(max(own, key=lambda item: int(item["balanceVersion"]["N"]))["id"]["S"])


def over(books: Books) -> Audits:
    return Audits(books, now)


async def test_a_long_log_is_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    books = Books()
    account, found = await over(books).check(ALICE)
    assert (len(account.entries), account.held) == (3, hours("0"))
    assert not found
    assert sum(read == ("query", ("TransactionLog", "byUserId", ALICE)) for read in books.reads) == 2
    assert not books.patience.pauses


async def test_a_log_without_end_is_said_to_be_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 1)
    monkeypatch.setattr(module, "MOST_PAGES", 2)
    _, found = await over(Books()).check(ALICE)
    assert [one.fault for one in found] == [Fault.UNCHECKED]


async def test_late_entries_are_waited_for() -> None:
    books = Books("AWAITING")
    books.late.add(books.last_entry(ALICE))
    _, found = await over(books).check(ALICE)
    assert found == ()
    assert books.patience.pauses == [module.PAUSES[0]]


async def test_what_is_held_is_not_judged_by_a_balance_that_moved_meanwhile() -> None:
    books = Books("AWAITING")
    books.moves = True
    assert (await over(books).account(ALICE)).held is None
    books.moves = False
    assert (await over(books).account(ALICE)).held == hours("2")


async def test_what_never_comes_is_missing_after_the_last_look() -> None:
    books = Books()
    missing = books.last_entry(ALICE)
    del books.rows[tables.TransactionLog, missing]
    outcome = await over(books).outcome(ALICE)
    assert [(one.fault, one.entry_id) for one in outcome.found] == [(Fault.MISSING_ENTRY, missing)]
    assert (outcome.checked, outcome.count) == (1, 1)
    assert books.patience.pauses == list(module.PAUSES)


@pytest.mark.parametrize("attribute", ["amount", "hash", "transactionType", "balanceVersion"])
async def test_a_row_that_no_longer_decodes_is_named(attribute: str) -> None:
    books = Books()
    entry = books.last_entry(ALICE)
    for broken in ({"N": "1.005"}, None):
        item = {name: wire for name, wire in books.rows[tables.TransactionLog, entry].items() if name != attribute}
        books.rows[tables.TransactionLog, entry] = item | ({attribute: broken} if broken else {})
        _, found = await over(books).check(ALICE)
        assert [(one.fault, one.entry_id) for one in found] == [(Fault.BROKEN_CHAIN, entry)]


async def test_a_balance_that_no_longer_decodes_is_reported() -> None:
    books = Books()
    books.rows[tables.UserBalance, ALICE]["availableBalance"] = {"N": "1.005"}
    _, found = await over(books).check(ALICE)
    assert [(one.fault, one.entry_id) for one in found] == [(Fault.WRONG_BALANCE, None)]


async def test_every_member_and_every_balance_without_one_is_paged_through_once() -> None:
    books = Books()
    del books.rows[tables.User, BOB]
    books.add(tables.User, id="newcomer", username="newcomer")
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        page, cursor = await over(books).members(cursor, limit=1)
        seen += page
        if cursor is None:
            break
    assert sorted(seen) == [ALICE, BOB, "newcomer"]


def ids(found: list[FoundMember]) -> list[str]:
    return sorted(one.id for one in found)


async def test_everybody_whom_a_text_may_mean_is_found() -> None:
    books = Books()
    books.add(tables.User, id="a", username=BOB)
    books.add(tables.User, id="b", username="BOB-Name")
    books.add(tables.User, id="c", username="bob-name\u202e")
    books.add(tables.User, id="d")
    books.add(tables.UserBalance, userId="left")
    found = over(books)
    assert ids(await found.find_members(BOB)) == sorted(["a", BOB])
    assert FoundMember(BOB, "bob-name") in await found.find_members(BOB)
    assert ids(await found.find_members("Bob-NAME ")) == sorted(["b", BOB])
    assert ids(await found.find_members("bob-name\u202e")) == ["c"]
    assert await found.find_members("left") == [FoundMember("left", None)]
    assert [await found.is_member(user_id) for user_id in ("left", "d", "bob-name")] == [True, True, False]


async def test_a_member_is_found_by_id_and_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 1)
    books = over(Books())
    assert [ids(await books.find_members(name)) for name in (ALICE, "bob-name", "nobody")] == [[ALICE], [BOB], []]


def audits(tables: Stored) -> Audits:
    """Return audits over tables on an engine, whose reads of single rows must be consistent."""
    return Audits(tables.store, lambda: NOW)


@pytest.mark.parametrize(("place", "held"), [("AWAITING", "2"), ("PAID", "0")])
async def test_only_open_escrows_of_the_giver_are_held(place: str, held: str) -> None:
    async with stored(bank_at(place)) as tables:
        account = await audits(tables).account(ALICE)
        assert account.held == hours(held)
        assert account.balance == tables.bank.balances[ALICE]
        assert account.is_whole
        assert (await audits(tables).account(BOB)).held == hours("0")


async def test_who_has_no_balance_has_books_without_one() -> None:
    async with stored(Bank()) as tables:
        account = await audits(tables).account("nobody")
        assert (account.balance, account.entries, account.held) == (None, [], hours("0"))
        assert account.unreadable == []


async def test_rows_that_no_longer_decode_are_left_out_of_the_books() -> None:
    async with stored(bank_at("PAID")) as tables:
        entry, *others = [entry.id for entry in tables.bank.entries if entry.user_id == ALICE]
        await tables.change(TransactionLog, entry, transactionType="NONE")
        await tables.put(Escrow, encode(Escrow, make_escrow(id="open")))
        await tables.change(Escrow, "open", escrowType="NONE")
        account = await audits(tables).account(ALICE)
        assert {one.id for one in account.entries} == set(others)
        assert account.held == hours("0")
        assert [(one.fault, one.entry_id) for one in account.unreadable] == [
            (Fault.BROKEN_CHAIN, entry),
            (Fault.WRONG_ESCROWS, "open"),
        ]


async def test_a_date_that_no_calendar_has_is_only_a_row_that_no_longer_decodes() -> None:
    async with stored(bank_at("PAID")) as tables:
        item = await tables.undisturbed.get(UserBalance, ALICE, consistent=True)
        assert item is not None
        # In UTC this is a day before the first.
        await tables.put(UserBalance, {**item, "updatedAt": {"S": "0001-01-01T00:00:00+14:00"}})
        (found,) = (await audits(tables).account(ALICE)).unreadable
        assert (found.user_id, found.fault, found.entry_id) == (ALICE, Fault.WRONG_BALANCE, None)
        assert found.message.startswith("a UserBalance row cannot be read: ")


async def test_books_whose_balance_moves_are_read_again_though_nothing_is_wrong() -> None:
    books = Books("AWAITING")
    books.moves = True
    await over(books).check(ALICE)
    assert books.patience.pauses == list(module.PAUSES)


async def test_an_outcome_counts_what_a_member_has_held() -> None:
    async with stored(bank_at("AWAITING")) as tables:
        outcome = await audits(tables).outcome(ALICE)
        assert (outcome.total_hours, outcome.held_hours) == (hours("10"), hours("2"))


async def test_an_outcome_counts_what_a_member_has_and_was_issued() -> None:
    async with stored(bank_at("PAID")) as tables:
        assert await audits(tables).outcome(BOB) == AuditOutcome(
            checked=1, total_hours=hours("12"), issued_hours=hours("10")
        )
        assert (await audits(tables).outcome(ALICE)).held_hours == hours("0")
        await tables.undisturbed.delete(UserBalance, BOB)
        outcome = await audits(tables).outcome(BOB)
        assert (outcome.total_hours, outcome.issued_hours) == (hours("0"), hours("10"))
        assert [one.fault for one in outcome.found] == [Fault.MISSING_BALANCE]


async def test_a_name_is_searched_for_page_by_page_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 1)
    async with stored(Bank.opened()) as tables:
        for member in (ALICE, BOB):
            await tables.change(User, member, username=f"{member}-name")
        assert ids(await audits(tables).find_members(ALICE)) == [ALICE]
        found = [ids(await audits(tables).find_members(f"{member}-name")) for member in (ALICE, BOB)]
        assert found == [[ALICE], [BOB]]
        assert await audits(tables).find_members("nobody") == []
        monkeypatch.setattr(module, "MOST_SCANNED_PAGES", 1)
        found = [ids(await audits(tables).find_members(f"{member}-name")) for member in (ALICE, BOB)]
        assert found.count([]) == 1


async def test_a_page_is_of_a_thousand_rows() -> None:
    async with stored(Bank.opened()) as tables:
        limits: list[int] = []
        upstream = tables.engine.call

        async def call(service: str, operation: str, **params: Any) -> Any:
            if "Limit" in params:
                limits.append(params["Limit"])
            return await upstream(service, operation, **params)

        tables.engine.call = call  # type: ignore[method-assign]  # for this test only
        await audits(tables).account(ALICE)
        await audits(tables).find_members("nobody")
        assert limits == [1_000, 1_000, 1_000]
