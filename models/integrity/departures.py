"""Deletes rows together with those that follow them, however many there are.

What fits goes in one transaction. Otherwise the first one deletes the row itself, so that nobody can refer to it,
and remembers its departure; then the rows that follow go page by page. A process may be killed at any point:
whoever finds the remembered departure goes on, and two who do so at once only find less to do.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Self
from uuid import uuid4

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from models.clock import Clock
from models.constraints.declared import OnDelete
from models.constraints.planning import Place, RowChange
from models.constraints.ruled import Incoming, Row, RuledType, changed, referred
from models.errors import ContentionError, HourBankError, Refusal
from models.integrity.composing import DEPARTURES, RowWrite, count_in, departure, failed, none_left, overtaken
from models.integrity.judged_writing import JudgedWriting, OvertakenError, stale
from models.integrity.ruled_rows import RuledRows, plan_of
from models.integrity.ruled_tables import DEPARTING, GUARDS, RuledTables, tally_key
from models.storage.store import ConditionFailedError, Item, Store, read_pages, stored_key
from models.transactions.retrying import StaleSnapshotError, retry

# Rows that follow another in its own transaction: each has itself, its parents' figures and its guards written.
MOST_AT_ONCE = 20
# Rows that are read at a time, and that are written in one transaction.
PAGE, GROUP = 100, 10
# Pages that a deletion itself lets go, of rows that follow and of those that follow them; whoever resumes lets the
# others go.
OWN_PAGES = 20
# Of an index, in search of rows: all that there may be.
_MOST_PAGES = 1_000_000
# Unfinished departures that are taken on at a time.
_UNFINISHED = 25

Follower = tuple[Incoming, Item]
# A row that is deleted, or its key, and that rows still follow.
Departed = tuple[RuledType, Row]


class Departures:
    """Deletes rows of an app's types.

    Args:
        rows: writes single rows.
        now: the clock.
    """

    def __init__(self, rows: RuledRows, now: Clock) -> None:
        self._rows = rows
        self._store = rows.store
        self._tables = rows.tables
        self._now = now

    @classmethod
    def over(cls, store: Store, tables: RuledTables, now: Clock) -> Self:
        """Return what deletes rows of tables."""
        return cls(RuledRows(store, tables, now), now)

    async def delete(
        self, name: str, before: Item, condition: Condition | None, departed: Place | None = None
    ) -> Item | Refusal:
        """Delete a row and those that follow it, and return it as it was read.

        Once it returns, the row is deleted; of very many rows that follow it, some may still be there.

        Args:
            name: its type.
            before: the row as it was read.
            condition: what else must be true of the stored row.
            departed: the deleted row that it follows, if it does.

        Raises:
            ConditionFailedError: the row does not meet the condition, or has changed where rules look at it.
            ContentionError: others kept changing the same rows.
        """
        deleted, has_followers = await self._begin(name, before, condition, departed)
        if has_followers:
            with suppress(HourBankError):  # the row is deleted; what is left is remembered
                await self.finish(name, before, pages=OWN_PAGES)
        return deleted

    async def _begin(
        self, name: str, before: Item, condition: Condition | None, departed: Place | None
    ) -> tuple[Item | Refusal, bool]:
        """Delete a row, and the rows that follow it if they are few; see `delete`.

        Returns:
            What `delete` returns; and whether rows that follow are left, which is remembered.
        """
        kind = self._tables.types[name]
        if not kind.followed:
            return await self._rows.delete(name, before, condition, departed), False

        async def attempt() -> tuple[Item | Refusal, bool]:
            try:
                return await self._begin_once(RowChange(kind, before, None), before, condition, departed)
            except OvertakenError as error:
                raise StaleSnapshotError from error

        return await retry(self._store.calls, attempt)

    async def _begin_once(
        self, change: RowChange, before: Item, condition: Condition | None, departed: Place | None
    ) -> tuple[Item | Refusal, bool]:
        kind = change.kind
        counts = _counts(kind, await self._tally(change.place))
        root = RowWrite(change, {}, condition, failed)
        if sum(counts.values()) <= MOST_AT_ONCE:
            found = await self._found(kind, before, counts)
            if len(found) == sum(counts.values()):
                with suppress(OverflowError):
                    refusal = await self._together([root], found, counts, departed)
                    return before if refusal is None else refusal, False
        refusal = await self._rows.write_one(root, plan_of([change]), departed, departing=True)
        return (before, True) if refusal is None else (refusal, False)

    async def resume(self) -> int:
        """Finish departures that others began and did not finish; return how many there were.

        Raises:
            ContentionError: rows that follow are changed all the time, or not found; a later attempt may succeed.
        """
        page = await self._store.query(GUARDS, None, DEPARTURES, limit=_UNFINISHED)
        for item in page.items:
            await self.finish(item["type"]["S"], item["key"]["M"])
        return len(page.items)

    async def finish(self, name: str, row: Row, *, pages: int | None = None) -> None:
        """Let the rows go that follow a departed one, and those that follow them, and then forget it.

        Rows may follow each other in a chain of any length, so they stand in a list, and not on Python's stack.

        Args:
            name: its type.
            row: it, or only its key.
            pages: the most pages of rows to let go; None for all.

        Raises:
            ContentionError: they are changed all the time, or not found; a later attempt may succeed.
        """
        due: list[Departed] = [(self._tables.types[name], row)]
        while due and pages != 0:
            kind, one = due.pop()
            try:
                is_done, departed = await retry(self._store.calls, partial(self._go_on, kind, one))
            except ContentionError:
                if one is row:
                    raise
                continue  # it is remembered, and a later attempt finds it
            due += departed if is_done else [(kind, one), *departed]
            pages = None if pages is None else pages - 1

    async def _go_on(self, kind: RuledType, row: Row) -> tuple[bool, list[Departed]]:
        """Let a page of rows go that follow a departed one.

        Returns:
            Whether none is left; and those that have departed themselves, because rows follow them.
        """
        place = (kind.name, kind.key_of(row))
        tally = await self._tally(place)
        if DEPARTING not in tally:
            return True, []  # somebody else has finished; a row with this key may have been created since
        counts = _counts(kind, tally)
        if not any(counts.values()):
            await self._forget(RowChange(kind, row, None))
            return True, []
        departed = await self._let_go(await self._found(kind, row, counts), place)
        if _counts(kind, await self._tally(place)) == counts:
            raise StaleSnapshotError("the indexes do not show yet which rows follow")
        return False, departed

    async def _let_go(self, found: Sequence[Follower], place: Place) -> list[Departed]:
        """Delete rows that follow a departed one, or let them go without it; return those that others follow."""
        departed: list[Departed] = []
        for start in range(0, len(found), GROUP):
            group = found[start : start + GROUP]
            try:
                await self._together([], group, {}, place)
            except (OverflowError, OvertakenError):
                left = [
                    (incoming.child, row)
                    for incoming, row in group
                    if await self._let_one_go(incoming, row, place)
                ]
                departed += [(self._tables.types[name], row) for name, row in left]
        return departed

    async def _let_one_go(self, incoming: Incoming, row: Item, place: Place) -> bool:
        """Delete a row that follows a departed one, or let it go on without it; return whether rows follow it."""
        # If somebody else has changed it, it is found again, if it still follows.
        with suppress(ConditionFailedError, OvertakenError):
            if incoming.reference.on_delete is OnDelete.CASCADE:
                _, has_followers = await self._begin(incoming.child, row, None, place)
                return has_followers
            changes = self._tables.let_go(incoming, row, self._now())
            await self._rows.update(incoming.child, row, changes, None, place)
        return False

    async def _together(
        self,
        writes: list[RowWrite],
        found: Sequence[Follower],
        counts: Mapping[str, int],
        departed: Place | None,
    ) -> Refusal | None:
        """Write rows and those that follow in one transaction.

        Raises:
            OverflowError: it is too much for one, or rows follow those that follow.
            OvertakenError: the rows that follow have changed.
        """
        deleted: list[RowChange] = []
        for incoming, row in found:
            kind = self._tables.types[incoming.child]
            if incoming.reference.on_delete is OnDelete.CASCADE:
                deleted.append(RowChange(kind, row, None))
                writes.append(RowWrite(deleted[-1], {}, None, overtaken))
            else:
                changes = self._tables.let_go(incoming, row, self._now())
                change = RowChange(kind, row, changed(row, changes))
                writes.append(RowWrite(change, changes, None, overtaken))
        await self._check_none_follow([change for change in deleted if change.kind.followed])
        plan = plan_of([write.change for write in writes])
        return await self._rows.write(writes, plan, counts=counts, departed=departed)

    async def _found(self, kind: RuledType, row: Row, counts: Mapping[str, int]) -> list[Follower]:
        """Return rows that follow another: for each reference by which some do, a page of them."""
        counted = [one for one in kind.followed if counts[one.counter]]
        return [one for incoming in counted for one in await self._followers(kind, row, incoming)]

    async def _followers(self, kind: RuledType, row: Row, incoming: Incoming) -> list[Follower]:
        """Return a page of rows that follow another, as they are stored; an index only says where to look."""
        finder, fields = self._tables.finders[kind.name, incoming.counter], incoming.reference.fields
        table, key = self._tables.tables[incoming.child], kind.key_of(row)
        values = {field: dict(row[name]) for field, name in zip(fields, kind.key, strict=True)}
        read = partial(
            self._store.query, table, finder.index, finder.hash_value(values), filter=finder.filter(values)
        )
        found: list[Follower] = []
        async for page in read_pages(read, limit=PAGE, most_pages=_MOST_PAGES):
            keys = [(table, stored_key(table, item)) for item in page.items]
            stored = await self._store.batch_get(keys, consistent=True)
            found += [(incoming, one) for one in stored if one is not None and referred(fields, one) == key]
            if len(found) >= PAGE:
                break
        return found

    async def _check_none_follow(self, deleted: Sequence[RowChange]) -> None:
        """Check that no rows follow deleted ones.

        Raises:
            OverflowError: some do.
        """
        keys = [(GUARDS, tally_key(change.place)) for change in deleted]
        tallies = await self._store.batch_get(keys, consistent=True)
        for change, tally in zip(deleted, tallies, strict=True):
            if any(_counts(change.kind, tally).values()):
                raise OverflowError("rows follow those that follow")

    async def _tally(self, place: Place) -> Item:
        return await self._store.get(GUARDS, tally_key(place), consistent=True) or {}

    async def _forget(self, change: RowChange) -> None:
        """Forget a departed row whose rows are gone."""
        writing = JudgedWriting(self._store.names, self._now())
        writing.remove(GUARDS, tally_key(change.place), none_left(change.kind))
        writing.judged_by(stale)
        writing.remove(GUARDS, stored_key(GUARDS, departure(change)), Path(["id"]).exists())
        writing.judged_by(stale)
        await writing.send(self._store.calls, str(uuid4()))


def _counts(kind: RuledType, tally: Item | None) -> dict[str, int]:
    """Return how many rows follow another, by the reference's counter."""
    return {one.counter: count_in(tally, one.counter) for one in kind.followed}
