"""Makes the app's tables agree with one row of the single table, as it is at that moment.

A change that is told late, twice or out of order does no harm, because only what the single table holds now
counts: a row may be settled as often as anybody likes, and by whoever goes on where another has died.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from botocore.exceptions import ClientError

from models.clock import to_text
from models.constraints.planning import Place
from models.errors import ContentionError, Refusal, UnavailableError
from models.integrity.judged_writing import OvertakenError
from models.migration.former import Oddity
from models.single_table.entities import MOVED_FROM, OWNER, key_text, origin_of
from models.storage.store import ConditionFailedError, Item
from models.transactions.retrying import StaleSnapshotError, retry
from workflows.console.single_table.position import LeftOver, LeftOvers
from workflows.console.single_table.tables import AT_ONCE, Sides

# Of a row that kept changing, or for which AWS had no capacity.
_BUSY = "it kept changing, or AWS had no capacity for it; run again"


class Settling:
    """Settles rows; what cannot be settled is remembered, and tried again.

    Args:
        sides: the single table and the app's tables.
        left: what is left.

    Attributes:
        written: how many rows were created, changed or deleted in the app's tables.
    """

    def __init__(self, sides: Sides, left: LeftOvers) -> None:
        self._sides = sides
        self.left = left
        self.written = 0

    async def all(self, rows: Mapping[str, tuple[Item, Sequence[Place]]]) -> None:
        """Settle rows: those of several users at once, those of one user one after the other.

        Args:
            rows: the keys of rows, each with where it may have been, by the text of the key.
        """
        users: dict[str, list[tuple[Item, Sequence[Place]]]] = {}
        for key, places in rows.values():
            users.setdefault(key[OWNER]["S"], []).append((key, places))
        slots = asyncio.Semaphore(AT_ONCE)

        async def of_one(theirs: Sequence[tuple[Item, Sequence[Place]]]) -> None:
            async with slots:
                for key, places in theirs:
                    await self.one(key, places)

        async with asyncio.TaskGroup() as tasks:
            for theirs in users.values():
                tasks.create_task(of_one(theirs))

    async def again(self) -> None:
        """Settle what was left, as long as that makes it less: a row may have waited for another one."""
        count = -1
        while count != len(self.left.known) and self.left.known:
            count = len(self.left.known)
            # Those first to which others refer.
            due = sorted(self.left.known.items(), key=lambda left: left[1].oddity.table == "Work")
            await self.all({text: (one.key, one.places) for text, one in due})

    async def one(self, key: Item, places: Iterable[Place] = ()) -> None:
        """Settle a row.

        Args:
            key: its key in the single table.
            places: where it may be in the app's tables, beside where it belongs.
        """
        known = self.left.known.get(key_text(key))
        hints = {*places, *(known.places if known is not None else ())}
        try:
            left = await retry(self._sides.there.calls, partial(self._settled, key, hints))
        except (ContentionError, UnavailableError):
            left = LeftOver(key, Oddity(table="?", id=key_text(key), why=_BUSY), tuple(sorted(hints)))
        except ClientError as error:
            if not _is_invalid(error):
                raise
            why = f"DynamoDB does not take it: {error}"
            left = LeftOver(key, Oddity(table="?", id=key_text(key), why=why), tuple(sorted(hints)))
        if left is None:
            await self.left.remove(key)
        else:
            await self.left.add(left)

    async def _settled(self, key: Item, hints: set[Place]) -> LeftOver | None:
        """Return why a row is not as it should be; None if it is.

        Raises:
            StaleSnapshotError: something has changed meanwhile.
        """
        sides, single = self._sides, self._sides.single
        row = await sides.there.get(sides.table, sides.key_there(key), consistent=True)
        place = None if row is None else sides.place_of(row)
        for other in sorted(hints - {place}):
            if (why := await self._removed(other, key)) is not None:
                return LeftOver(key, Oddity(table=other[0], id=key_text(key), why=why), tuple(sorted(hints)))
        if row is None:
            return None
        moved = single.moved(row, to_text(sides.now()))
        if isinstance(moved, Oddity) or place is None:
            oddity = moved if isinstance(moved, Oddity) else single.oddity(row, "its key is no text")
            return LeftOver(key, oddity, tuple(sorted(hints | ({place} if place else set()))))
        if (why := await self._put(place, row, moved)) is not None:
            return LeftOver(key, single.oddity(row, why), tuple(sorted({*hints, place})))
        return None

    async def _put(self, place: Place, row: Item, moved: Item) -> str | None:
        """Write a row as it should be; return why it cannot be."""
        sides, (name, key) = self._sides, place
        before = await sides.here.get(sides.rows.tables.tables[name], key, consistent=True)
        try:
            if before is None:
                written = await sides.rows.create(name, moved, None)
            elif origin_of(before) != origin_of(moved):
                whose = "another row of the single table" if MOVED_FROM in before else "a row that was made here"
                return f"{whose} is the {name} with this key"
            elif changes := sides.single.changes(before, moved, row):
                written = await sides.rows.update(name, before, changes, None)
            else:
                return None
        except ConditionFailedError as error:
            raise StaleSnapshotError("the row has changed") from error
        if isinstance(written, Refusal):
            return written.message
        self.written += 1
        return None

    async def _removed(self, place: Place, key: Item) -> str | None:
        """Delete a row that came from a key of the single table, if there is one; return why it cannot go."""
        sides, (name, here) = self._sides, place
        before = await sides.here.get(sides.rows.tables.tables[name], here, consistent=True)
        if before is None or origin_of(before) != key:
            return None
        try:
            gone = await sides.rows.delete(name, before, None)
        except ConditionFailedError as error:
            raise StaleSnapshotError("the row has changed") from error
        except OvertakenError:
            return f"the single table has it no more, and other rows still refer to this {name}"
        if isinstance(gone, Refusal):
            return f"the single table has it no more: {gone.message}"
        self.written += 1
        return None


def _is_invalid(error: ClientError) -> bool:
    """Return whether DynamoDB will never take what was sent."""
    reasons = error.response.get("CancellationReasons", [])
    codes = {error.response["Error"]["Code"], *(reason.get("Code") for reason in reasons)}
    return not codes.isdisjoint({"ValidationException", "ValidationError"})
