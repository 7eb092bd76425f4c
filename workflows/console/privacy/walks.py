"""Walks over a member's rows that leave of each what an erasure leaves, in a write of its own.

A walk that was killed is walked again: it finds done what is done.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import and_

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from models.privacy.remains import (
    cannot_be_erased,
    entry_remains,
    event_remains,
    exchange_remains,
    is_direct_transfer,
    is_gift_of,
    named,
    notice_remains,
    remains,
)
from models.privacy.traces import DISPUTE, ENTRY, EXCHANGE, REQUEST, TRACES, Fate, Trace
from models.storage.store import ConditionFailedError, Item, Store
from models.tables import EventLog, Notification, ServiceRequest, Table, TransactionLog
from models.transactions.retrying import StaleSnapshotError, retry
from workflows.console.privacy.rows import pages, table_of, traced

Rule = Callable[[Item], Item | None]


@dataclass(slots=True)
class Walk:
    """One walk over a member's rows.

    Args:
        store: the tables.
        member: the member's id.
        progress: is told how many rows have been read.
        written: how many rows it has changed or deleted.
        sealed: entries whose text the chain itself covers, and that therefore keep it.
    """

    store: Store
    member: str
    progress: Callable[[int], None]
    written: int = 0
    sealed: set[str] = field(default_factory=set)
    # What others were told of: the ids of what the member had part in, by the other side.
    _told: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    async def run(self) -> "Walk":
        """Walk over all rows, and return itself."""
        for trace in TRACES:
            async for row in traced(self.store, trace, self.member):
                self.progress(1)
                self._note(trace, row)
                if trace.table == ENTRY:
                    await self._erase_transfer(row)
                if trace.fate is not Fate.KEPT:
                    await self._erase_row(trace, row)
        for other, related in self._told.items():
            await self._erase_notices(other, related)
        return self

    def _note(self, trace: Trace, row: Item) -> None:
        """Remember whom a row concerns besides the member."""
        if trace.table in (REQUEST, DISPUTE):
            for name in trace.fields:
                if (other := named(row, name)) is not None and other != self.member:
                    self._told[other].add(row["id"]["S"])

    async def _erase_row(self, trace: Trace, row: Item) -> None:
        table = table_of(trace.table)
        if trace.fate is Fate.DELETED:
            await self._settle(table, row, lambda _row: None)
            return
        if trace.table == EXCHANGE:
            request = await self.store.get(ServiceRequest, row["id"]["S"], consistent=True)
            await self._settle(table, row, lambda found: exchange_remains(found, request, self.member))
        else:
            await self._settle(table, row, lambda found: remains(trace.table, found, self.member))

    async def _erase_transfer(self, entry: Item) -> None:
        """Erase what is said about hours that were transferred beyond the member's own entry of it."""
        if cannot_be_erased(entry):
            self.sealed.add(entry["id"]["S"])
        if not is_direct_transfer(entry):
            return
        transfer = entry["relatedEntityId"]["S"]
        if is_gift_of(entry, self.member):
            async for page in pages(self.store, TransactionLog, "transactionId", entry["transactionId"]["S"]):
                for leg in page.items:
                    await self._settle(TransactionLog, leg, entry_remains)
                    self._told[leg["userId"]["S"]].add(transfer)
        elif named(entry, "transactionType") != "TRANSFER":
            # An administrator wrote about the member.
            async for page in pages(self.store, EventLog, "entityId", transfer):
                for event in page.items:
                    await self._settle(EventLog, event, event_remains)

    async def _erase_notices(self, other: str, related: set[str]) -> None:
        """Erase the member's words from what the other side was told."""
        if other == self.member:
            return
        async for page in pages(self.store, Notification, "userId", other):
            for notice in page.items:
                self.progress(1)
                if named(notice, "relatedId") in related:
                    await self._settle(Notification, notice, notice_remains)

    async def _settle(self, table: type[Table], found: Item, rule: Rule) -> None:
        """Let a row be as a rule says; it may have changed since an index told of it.

        Raises:
            ContentionError: it kept changing for 20 s.
        """
        if rule(found) == found:
            return
        key = found["id"]["S"]

        async def attempt() -> None:
            row = await self.store.get(table, key, consistent=True)
            if row is None or (after := rule(row)) == row:
                return
            try:
                if after is None:
                    await self.store.delete(table, key)
                else:
                    await self.store.update(table, key, _actions(row, after), condition=_unchanged(row, after))
            except ConditionFailedError as error:
                raise StaleSnapshotError from error
            self.written += 1

        await retry(self.store.calls, attempt)


def _changed(before: Item, after: Item) -> list[str]:
    return [name for name in before if after.get(name) != before[name]]


def _actions(before: Item, after: Item) -> list[Action]:
    """Return what turns a row into what remains of it; whoever decides by its version notices."""
    actions: list[Action] = [
        Path([name]).set(after[name]) if name in after else Path([name]).remove()
        for name in _changed(before, after)
    ]
    if "version" in before:
        actions.append(Path(["version"]).set({"N": str(int(before["version"]["N"]) + 1)}))
    return actions


def _unchanged(before: Item, after: Item) -> Condition:
    """Return the condition that the row is as it was read, as far as it changes."""
    names = _changed(before, after) + (["version"] if "version" in before else [])
    conditions: list[Condition] = [Path([name]) == before[name] for name in names]
    return reduce(and_, conditions)
