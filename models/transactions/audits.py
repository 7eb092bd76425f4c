"""Reads and checks members' books: the balance consistently, the log and the escrows page by page from indexes."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.indexes import Index

from models import tables
from models.clock import Clock
from models.hours import ZERO
from models.identifiers import folded
from models.ledger.balances import Balance, Escrow, EscrowStatus
from models.ledger.entries import Entry
from models.ledger.reconciliation import Account, AuditOutcome, Discrepancy, Fault, discrepancies
from models.storage.codec import decode
from models.storage.store import Item, Page, Store, key_of, read_pages, wire_key

_T = TypeVar("_T")

PAGE = 1_000
# More than a member's log in a lifetime; a longer one is reported as UNCHECKED.
MOST_PAGES = 100
# Of a scan for a user name: ten million members.
MOST_SCANNED_PAGES = 10_000
# In seconds. An index lags seconds behind its table at worst: books that look wrong are read again after each.
PAUSES = (0.2, 1.0, 3.0)

# Whose books are checked: every member's, then those of every balance whose member has left.
_SOURCES: dict[str, type[tables.Table]] = {"member": tables.User, "balance": tables.UserBalance}


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A member whom a text may mean; one who has left has no user name."""

    id: str
    username: str | None


class Audits:
    """Checks members' books.

    Args:
        store: the tables.
        clock: returns the current time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def account(self, user_id: str) -> Account:
        """Return a member's books as they are now; the indexes may lag behind.

        The held hours are known only if the balance did not change while the escrows were read.
        """
        before = await self._store.get(tables.UserBalance, user_id, consistent=True)
        reader = _RowDecoder(user_id)
        balance = reader.decode(Balance, tables.UserBalance, before, Fault.WRONG_BALANCE) if before else None
        log = self._rows(tables.TransactionLog, tables.TransactionLog.byUserId, user_id)
        entries = [reader.decode(Entry, tables.TransactionLog, item, Fault.BROKEN_CHAIN) async for item in log]
        is_open = tables.Escrow.status == EscrowStatus.ESCROWED.value
        escrows = self._rows(tables.Escrow, tables.Escrow.byFromUserId, user_id, filter=is_open)
        held = [reader.decode(Escrow, tables.Escrow, item, Fault.WRONG_ESCROWS) async for item in escrows]
        after = await self._store.get(tables.UserBalance, user_id, consistent=True)
        return Account(
            user_id=user_id,
            balance=balance,
            entries=[entry for entry in entries if entry is not None],
            held=sum((escrow.amount for escrow in held if escrow is not None), ZERO) if after == before else None,
            unreadable=reader.unreadable,
            is_whole=max(len(entries), len(held)) < PAGE * MOST_PAGES,
        )

    async def check(self, user_id: str) -> tuple[Account, tuple[Discrepancy, ...]]:
        """Return a member's books and what is wrong with them, after waiting for indexes that lag behind."""
        account, found = await self._check_now(user_id)
        for pause in PAUSES:
            if not found and account.held is not None:
                break
            await self._store.calls.pause(pause)
            account, found = await self._check_now(user_id)
        return account, found

    async def _check_now(self, user_id: str) -> tuple[Account, tuple[Discrepancy, ...]]:
        account = await self.account(user_id)
        return account, tuple(discrepancies(account, self._clock()))

    async def outcome(self, user_id: str) -> AuditOutcome:
        """Return the outcome of checking one member."""
        account, found = await self.check(user_id)
        return AuditOutcome(
            checked=1,
            count=len(found),
            found=found,
            total_hours=account.balance.total_balance if account.balance else ZERO,
            held_hours=account.balance.escrowed_balance if account.balance else ZERO,
            issued_hours=account.issued,
        )

    async def members(self, after: str | None, *, limit: int) -> tuple[list[str], str | None]:
        """Return a page of the members to check, and the cursor of the next page, None if this is the last."""
        source, _, key = (after or "member/").partition("/")
        table = _SOURCES[source]
        page = await self._store.scan_page(table, limit=limit, start_key=wire_key(table, key) if key else None)
        found = _keys(table, page)
        if table is tables.UserBalance:
            members = await self._store.batch_get([(tables.User, user_id) for user_id in found])
            found = [user_id for user_id, member in zip(found, members, strict=True) if member is None]
        if page.last_key is not None:
            return found, f"{source}/{page.last_key[key_of(table).attr_name]['S']}"
        return found, "balance/" if table is tables.User else None

    async def is_member(self, user_id: str) -> bool:
        """Return whether there is a member, or at least a balance, of that id."""
        found = await self._store.batch_get(
            [(tables.UserBalance, user_id), (tables.User, user_id)], consistent=True
        )
        return any(row is not None for row in found)

    async def find_members(self, text: str) -> list[FoundMember]:
        """Return everybody whom a text may mean, as an id or as a user name in any spelling; scans the table.

        Whoever has left is found by their id alone.
        """
        named: list[FoundMember] = []
        scan = partial(self._store.scan_page, tables.User)
        async for page in read_pages(scan, limit=PAGE, most_pages=MOST_SCANNED_PAGES):
            for item in page.items:
                found = FoundMember(item["id"]["S"], item.get("username", {}).get("S"))
                if found.id == text or folded(found.username or "") == folded(text):
                    named.append(found)
        if all(found.id != text for found in named) and await self.is_member(text):
            named.append(FoundMember(text, None))
        return named

    async def _rows(
        self,
        table: type[tables.Table],
        index: Index[Any],
        user_id: str,
        *,
        filter: Condition | None = None,
    ) -> AsyncIterator[Item]:
        read = partial(self._store.query, table, index, user_id, filter=filter)
        async for page in read_pages(read, limit=PAGE, most_pages=MOST_PAGES):
            for item in page.items:
                yield item


def _keys(table: type[tables.Table], page: Page) -> list[str]:
    return [item[key_of(table).attr_name]["S"] for item in page.items]


class _RowDecoder:
    """Decodes a member's rows, and collects those that no longer decode."""

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self.unreadable: list[Discrepancy] = []

    def decode(self, cls: Callable[..., _T], table: type[tables.Table], item: Item, fault: Fault) -> _T | None:
        try:
            return decode(cls, table, item)
        except (ArithmeticError, TypeError, ValueError) as error:
            key = None if table is tables.UserBalance else item[key_of(table).attr_name]["S"]
            message = f"a {table.Meta.table_name} row cannot be read: {error}"
            found = Discrepancy(user_id=self._user_id, fault=fault, message=message, entry_id=key)
            self.unreadable.append(found)
            return None
