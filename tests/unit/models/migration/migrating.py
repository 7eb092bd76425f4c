"""Both apps' tables on one engine within this process, and what moves rows from one to the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from models.hours import ZERO, Hours, exact
from models.ledger.balances import Balance
from models.ledger.entries import Entry
from models.ledger.reconciliation import Account, discrepancies
from models.migration.former import TAKEN_OVER
from models.storage.codec import decode
from models.storage.store import Item, Store
from models.tables import Table, Transaction, TransactionLog, User, UserBalance
from models.transactions.migration.adoptions import Adoptions
from models.transactions.migration.copies import Copies
from models.transactions.migration.openings import Openings
from models.transactions.moves import Transactions
from tests.chaos.books import rows
from tests.chaos.faults import FaultyCalls
from tests.engines.embedded import Embedded
from tests.unit.builders import NOW
from tests.unit.former_app import FORMER, FORMER_TABLES
from tests.unit.stored import NAMES, ConsistentReads


class Migrating:
    """Both apps' tables; `calls.plan` is the fault plan of everything but what tests read and put themselves."""

    def __init__(self) -> None:
        self.now = NOW
        self.engine, self._theirs = Embedded(NAMES), Embedded(FORMER)
        self.calls = FaultyCalls(ConsistentReads(self.engine))
        self.store, self.former = Store(self.calls, NAMES), Store(self.calls, FORMER)
        self.here, self.there = Store(self.engine, NAMES), Store(self.engine, FORMER)
        self.transactions = Transactions(self.store, self.tick)
        self.openings = Openings(self.store, self.former, self.transactions, self.tick)
        self.adoptions = Adoptions(self.store, self.former, self.transactions, self.tick)
        self.copies = Copies(self.store, self.transactions, self.tick)

    def tick(self) -> datetime:
        """Return the time, a little later each time."""
        self.now += timedelta(milliseconds=1)
        return self.now

    async def put(self, table: type[Table], *items: Item) -> None:
        """Store rows of the former app."""
        for item in items:
            await self.there.put(table, item)

    async def copied(self) -> None:
        """Copy every row of the former app."""
        for table in FORMER_TABLES:
            await self.copies.copy(table, await rows(self.there, table))

    async def member(self, member_id: str) -> Item:
        """Return the former app's row of a member."""
        return await self._row(self.there, User, member_id)

    async def exchange(self, exchange_id: str) -> Item:
        """Return the former app's row of an exchange."""
        return await self._row(self.there, Transaction, exchange_id)

    @staticmethod
    async def _row(store: Store, table: type[Table], key: str) -> Item:
        item = await store.get(table, key)
        assert item is not None
        return item

    async def balance(self, member_id: str) -> Balance:
        """Return a member's balance here."""
        return decode(Balance, UserBalance, await self._row(self.here, UserBalance, member_id))

    async def entries(self, member_id: str) -> list[Entry]:
        """Return a member's entries here, the first one first."""
        found = [decode(Entry, TransactionLog, item) for item in await rows(self.here, TransactionLog)]
        return sorted((one for one in found if one.user_id == member_id), key=lambda one: one.balance_version)

    async def hours(self) -> tuple[Hours, Hours]:
        """Return the hours in the former app, and those here; assert that our books are right."""
        there = sum((exact(one["bankHours"]["N"]) for one in await rows(self.there, User)), ZERO)
        here = ZERO
        for item in await rows(self.here, UserBalance):
            balance = decode(Balance, UserBalance, item)
            log = await self.entries(balance.user_id)
            account = Account(user_id=balance.user_id, balance=balance, entries=log, held=balance.escrowed_balance)
            assert list(discrepancies(account, self.now)) == []
            assert account.issued == balance.total_balance
            here += balance.total_balance
        return there, here

    async def taken_over(self, member_id: str) -> Decimal:
        """Return how many hours of a member the former app says are here."""
        return exact((await self.member(member_id))[TAKEN_OVER]["N"])

    def close(self) -> None:
        self.engine.close()
        self._theirs.close()


@asynccontextmanager
async def migrating(*, patience: float = 1.0) -> AsyncIterator[Migrating]:
    """Yield both apps' tables; transactions are retried for `patience` seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.transactions.retrying.PATIENCE_SECONDS", patience)
        opened = Migrating()
        try:
            yield opened
        finally:
            opened.close()


def text(item: Item, name: str) -> Any:
    """Return an attribute's value, None if there is none."""
    return next(iter(item[name].values())) if name in item else None
