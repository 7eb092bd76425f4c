"""A bank of the builders stored in tables: every row on an engine within this process, and back again."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import pytest

from models.storage.codec import encode, item_of
from models.storage.names import Names
from models.storage.store import Item, Store, key_of
from models.tables import (
    Dispute,
    Escrow,
    EventLog,
    Notification,
    RequestGuard,
    Service,
    ServiceRequest,
    Table,
    Transaction,
    TransactionLog,
    User,
    UserBalance,
)
from models.transactions.moves import Transactions
from tests.chaos.books import rows
from tests.chaos.faults import FaultyCalls, Plan, no_faults
from tests.engines.embedded import Embedded
from tests.unit.builders import NOW, Bank

NAMES = Names(stack="unit", region="us-east-1", account="0" * 12)
Rows = dict[str, dict[str, Item]]


class ConsistentReads:
    """Calls that assert consistent reads; `queued`, `queued_by`, `paused` and `made` record what callers did.

    Keys count as taken, so that callers queue, unless `free` is set.
    """

    def __init__(self, engine: Embedded) -> None:
        self._engine = engine
        self.queued: list[list[str]] = []
        self.queued_by: list[str | None] = []
        self.paused: list[float] = []
        self.made: list[str] = []
        self.free = False

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Make a call."""
        reads = {"get_item": [params], "batch_get_item": params.get("RequestItems", {}).values()}
        assert all(read["ConsistentRead"] for read in reads.get(operation, ()))
        self.made.append(operation)
        return await self._engine.call(service, operation, **params)

    async def pause(self, seconds: float) -> None:
        """Wait."""
        self.paused.append(seconds)
        await self._engine.pause(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        """Return `free`."""
        del keys
        return self.free

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        """Queue for each key."""
        self.queued.append(sorted(keys := list(keys)))
        self.queued_by.append(by)
        return self._engine.queue(keys, by=by)


class Stored:
    """Tables with a bank's rows, and transactions over them at the bank's own time."""

    def __init__(self, bank: Bank, plan: Plan = no_faults) -> None:
        self.bank = bank
        self.engine = Embedded(NAMES)
        self.strict = ConsistentReads(self.engine)
        self.calls = FaultyCalls(self.strict, plan)
        self.store = Store(self.calls, NAMES)
        self.transactions = Transactions(self.store, lambda: bank.now)
        # Reads and writes past the fault plan.
        self.undisturbed = Store(self.engine, NAMES)

    def tick(self) -> datetime:
        """Return the bank's time, a little later each time, as it is where calls take a while."""
        self.bank.pass_time(0.001)
        return self.bank.now

    async def fill(self) -> "Stored":
        """Store every row of the bank."""
        for table, items in written(self.bank).items():
            for item in items.values():
                await self.put(_TABLES[table], item)
        return self

    async def put(self, table: type[Table], item: Item) -> None:
        """Store a row unconditionally."""
        await self.undisturbed.put(table, item)

    async def change(self, table: type[Table], key: str, **attributes: Any) -> None:
        """Set attributes of a stored row; None removes one."""
        item = await self.undisturbed.get(table, key, consistent=True)
        assert item is not None
        kept = {name: wire for name, wire in item.items() if name not in attributes}
        await self.put(table, {**kept, **item_of(table, **attributes)})

    async def read(self) -> Rows:
        """Return every row of the bank's tables, without the event log and the notices."""
        found = {}
        for name, table in _TABLES.items():
            key = key_of(table).attr_name
            found[name] = {item[key]["S"]: written_anew(item) for item in await rows(self.undisturbed, table)}
        return found

    async def announcements(self) -> tuple[list[Item], list[Item]]:
        """Return the rows of the event log and of the notices."""
        return await rows(self.undisturbed, EventLog), await rows(self.undisturbed, Notification)


_TABLES: dict[str, type[Table]] = {
    table.__name__: table
    for table in (
        ServiceRequest,
        Transaction,
        Escrow,
        Dispute,
        UserBalance,
        TransactionLog,
        RequestGuard,
        Service,
        User,
    )
}


def written_anew(wire: Any) -> Any:
    """Return a row with its numbers as DynamoDB returns them: 2.00 as 2."""
    if not isinstance(wire, dict):
        return [written_anew(member) for member in wire] if isinstance(wire, list) else wire
    return {
        name: f"{Decimal(value).normalize():f}" if name == "N" and isinstance(value, str) else written_anew(value)
        for name, value in wire.items()
    }


def written(bank: Bank) -> Rows:
    """Return a bank's rows as the tables hold them."""
    moments = {"createdAt": NOW, "updatedAt": NOW}
    found: Rows = {
        "ServiceRequest": {one.id: encode(ServiceRequest, one) for one in bank.requests.values()},
        "Transaction": {one.id: encode(Transaction, one) for one in bank.exchanges.values()},
        "Escrow": {one.id: encode(Escrow, one) for one in bank.escrows.values()},
        "Dispute": {one.id: encode(Dispute, one) for one in bank.disputes.values()},
        "UserBalance": {one.user_id: encode(UserBalance, one) for one in bank.balances.values()},
        "TransactionLog": {one.id: encode(TransactionLog, one) for one in bank.entries},
        "RequestGuard": {
            key: item_of(RequestGuard, id=key, requestId=holder, createdAt=bank.now)
            for key, holder in bank.guards.items()
        },
        "Service": {one.id: encode(Service, one, **moments) for one in bank.services.values()},
        "User": {
            one.id: encode(User, one, rating=0.0, **moments, **_counts(bank, one.id))
            for one in bank.members.values()
        },
    }
    return {
        name: {key: typed(_TABLES[name], written_anew(item)) for key, item in items.items()}
        for name, items in found.items()
    }


def _counts(bank: Bank, user_id: str) -> dict[str, Any]:
    """Return what a member was counted."""
    counted: dict[str, Any] = {"totalTransactions": bank.counts[user_id, "totalTransactions"]}
    for name in ("hoursProvided", "hoursConsumed"):
        if (user_id, name) in bank.counts:
            counted[name] = Decimal(bank.counts[user_id, name]).scaleb(-2)
    return counted


def typed(table: type[Table], item: Item) -> Item:
    """Return a row with the `__typename` that Amplify's rows have."""
    return {**item, "__typename": {"S": table.__name__}}


def row(table: type[Table], **values: Any) -> Item:
    """Return a table's row with these attributes, as DynamoDB returns it."""
    return typed(table, written_anew(item_of(table, **values)))


def laid_out_events(bank: Bank, since: int, execution_arn: str | None = None) -> Iterator[Item]:
    """Yield the event log's rows, without ids, for a bank's events from an index on."""
    for event in bank.events[since:]:
        yield row(
            EventLog,
            eventType=event.type,
            source=event.source.value,
            entityType=event.entity_type.value,
            entityId=event.entity_id,
            actorUserId=event.actor,
            eventData=json.dumps(event.data, sort_keys=True),
            businessContext=event.type,
            stepFunctionExecutionArn=execution_arn,
            timestamp=bank.now,
            createdAt=bank.now,
            updatedAt=bank.now,
        )


def laid_out_notices(bank: Bank, since: int, related_id: str) -> Iterator[Item]:
    """Yield the notices' rows, without ids, for a bank's notices from an index on."""
    for notice in bank.notices[since:]:
        yield row(
            Notification,
            userId=notice.user_id,
            type=notice.type.value,
            title=notice.title,
            message=notice.message,
            isRead=False,
            relatedId=related_id,
            createdAt=bank.now,
            updatedAt=bank.now,
        )


def without(items: list[Item], *names: str) -> list[Item]:
    """Return items without some attributes, sorted."""
    bare = [{name: wire for name, wire in item.items() if name not in names} for item in items]
    return sorted(bare, key=lambda item: json.dumps(item, sort_keys=True))


class _OnEngine(Protocol):
    @property
    def engine(self) -> Embedded:
        """Return the engine that the tables are on."""


def overtake(
    tables: _OnEngine, act: Callable[[], Awaitable[object]], *, before: str = "transact_write_items"
) -> None:
    """Let somebody act just before the next call of an operation; by default a transaction, when all is read."""
    upstream, left = tables.engine.call, [True]

    async def call(service: str, operation: str, **params: Any) -> Any:
        if operation == before and left:
            left.clear()
            await act()
        return await upstream(service, operation, **params)

    tables.engine.call = call  # type: ignore[method-assign]  # for this test only


@asynccontextmanager
async def stored(bank: Bank, plan: Plan = no_faults, *, patience: float = 1.0) -> AsyncIterator[Stored]:
    """Yield a bank's tables.

    Args:
        bank: what they contain.
        plan: the fault plan.
        patience: the seconds for which a transaction is retried; none of these takes that long.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.transactions.retrying.PATIENCE_SECONDS", patience)
        opened = await Stored(bank, plan).fill()
        try:
            yield opened
        finally:
            opened.engine.close()
