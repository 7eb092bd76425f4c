"""Reading the books: page by page, waiting for what is late, and never falling over a row that is broken."""

from typing import Any

import pytest

from models import tables
from models.clock import now, to_text
from models.ledger.reconciliation import Fault
from models.storage.codec import encode
from models.storage.store import Page
from models.transactions import audits as module
from models.transactions.audits import Audits
from tests.unit.builders import ALICE, BOB, hours
from tests.unit.mirror import MemoryStore
from tests.unit.places import bank_at


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
        page = await super().scan_page(table, **{"filter": None, "count_only": False} | given)
        wanted = given.get("filter")
        if wanted is None:
            return page
        value = wanted.values[1].value["S"]
        return Page([item for item in page.items if item["username"]["S"] == value], page.read, page.last_key)

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
async def test_a_row_that_is_none_any_more_is_named(attribute: str) -> None:
    books = Books()
    entry = books.last_entry(ALICE)
    for broken in ({"N": "1.005"}, None):
        item = {name: wire for name, wire in books.rows[tables.TransactionLog, entry].items() if name != attribute}
        books.rows[tables.TransactionLog, entry] = item | ({attribute: broken} if broken else {})
        _, found = await over(books).check(ALICE)
        assert [(one.fault, one.entry_id) for one in found] == [(Fault.BROKEN_CHAIN, entry)]


async def test_a_balance_that_is_none_any_more_is_told() -> None:
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


async def test_a_member_is_found_by_id_and_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 1)
    books = over(Books())
    assert [await books.named(name) for name in (ALICE, "bob-name", "nobody")] == [ALICE, BOB, None]
