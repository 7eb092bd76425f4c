"""How far a move is, and what it had to leave: rows of the house's own table beside the app's tables."""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Self
from uuid import uuid4

from pynamodb.expressions.operand import Path

from models.clock import from_text, to_text
from models.constraints.planning import Place
from models.integrity.ruled_tables import GUARDS
from models.migration.former import Oddity
from models.single_table.entities import key_text
from models.storage.store import ConditionFailedError, Item, Store, read_pages
from workflows.console.single_table.tables import SingleTableError

# The hash keys of our rows; the values are stored.
_MOVES, _LEFT = ".single-table", ".single-table-left"
_PAGE, _MOST_PAGES = 100, 1_000_000
# A stream keeps its records for a day; a position that is older may have missed some.
_KEPT = timedelta(hours=23)


class Phase(StrEnum):
    """What a run does; the values are stored."""

    FIRST = "users, projects, contractors"
    EXPENSES = "expenses"
    WORKS = "works"
    GONE = "rows that are gone"
    FOLLOWING = "following"


PHASES = tuple(Phase)


@dataclass(slots=True)
class Position:
    """How far a move is.

    Attributes:
        phase: what is being done.
        after: the key of the single table after which a phase of copying goes on; None at its beginning.
        stream: the ARN of the stream that is read.
        shards: the sequence number of the last record that was done, by shard; None of one that has ended.
        begun: when copying began; what changed long before is in the copies.
        read_at: when the stream was last read to where it was.
        switched: when the app took over; None before.
    """

    phase: Phase = Phase.FIRST
    after: Item | None = None
    stream: str | None = None
    shards: dict[str, str | None] = field(default_factory=dict)
    begun: datetime | None = None
    read_at: datetime | None = None
    switched: datetime | None = None

    @classmethod
    def of(cls, item: Item) -> Self:
        """Return the position that a row stores."""
        read = json.loads(item["position"]["S"])
        moments = {name: from_text(read[name]) for name in ("begun", "read_at", "switched") if read[name]}
        return cls(Phase(read["phase"]), read["after"], read["stream"], read["shards"], **moments)

    def text(self) -> str:
        """Return it as a row stores it."""
        moments = {"begun": self.begun, "read_at": self.read_at, "switched": self.switched}
        told = {name: None if one is None else to_text(one) for name, one in moments.items()}
        return json.dumps(
            {"phase": self.phase, "after": self.after, "stream": self.stream, "shards": self.shards, **told}
        )

    def has_missed_changes(self, stream: str | None, now: datetime) -> bool:
        """Return whether changes may have been missed since the stream was last read."""
        is_late = self.read_at is not None and now - self.read_at > _KEPT
        return self.stream != stream or (stream is not None and is_late)

    def restarted(self, stream: str | None, now: datetime) -> "Position":
        """Return the beginning: everything is compared again, and the stream is read from its oldest record."""
        return replace(self, phase=Phase.FIRST, after=None, stream=stream, shards={}, begun=now, read_at=now)


class Positions:
    """The stored position of the move of one table. Of two that run at once, the earlier one stops.

    Args:
        store: the app's tables.
        name: the single table's name.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._key = (_MOVES, name)
        self._claim = str(uuid4())

    async def read(self) -> Position | None:
        """Return the position; None if nothing was moved yet."""
        item = await self._store.get(GUARDS, self._key, consistent=True)
        return None if item is None else Position.of(item)

    async def claimed(self) -> Position:
        """Return the position, which from now on only this process changes."""
        position = await self.read() or Position()
        await self._put(position, claims=True)
        return position

    async def save(self, position: Position) -> None:
        """Store the position.

        Raises:
            SingleTableError: another process has taken over.
        """
        try:
            await self._put(position, claims=False)
        except ConditionFailedError:
            raise _taken_over() from None

    async def check(self) -> None:
        """Check that no other process has taken over.

        Raises:
            SingleTableError: one has.
        """
        item = await self._store.get(GUARDS, self._key, consistent=True)
        if item is None or item["claim"] != {"S": self._claim}:
            raise _taken_over()

    async def _put(self, position: Position, *, claims: bool) -> None:
        values = {"claim": self._claim, "position": position.text()}
        actions = [Path([name]).set({"S": text}) for name, text in values.items()]
        condition = None if claims else Path(["claim"]) == {"S": self._claim}
        await self._store.update(GUARDS, self._key, actions, condition=condition)


def _taken_over() -> SingleTableError:
    return SingleTableError(
        "Another migrate-single-table has taken over, and goes on from here; this one has stopped."
    )


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A row that could not be moved, or could not go.

    Args:
        key: its key in the single table, as it is stored.
        oddity: what people are told.
        places: where it may be in the app's tables.
    """

    key: Item
    oddity: Oddity
    places: tuple[Place, ...] = ()


class LeftOvers:
    """What a move had to leave, by its key in the single table; each run tries it again.

    Args:
        store: the app's tables.
        name: the single table's name.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._hash = f"{_LEFT}:{name}"
        self.known: dict[str, LeftOver] = {}

    @classmethod
    async def of(cls, store: Store, name: str) -> Self:
        """Return what is left of the move of a table."""
        found = cls(store, name)
        async for item in found._stored():
            found.known[item["kind"]["S"]] = _read(item)
        return found

    async def _stored(self) -> AsyncIterator[Item]:
        read = partial(self._store.query, GUARDS, None, self._hash)
        async for page in read_pages(read, limit=_PAGE, most_pages=_MOST_PAGES):
            for item in page.items:
                yield item

    async def add(self, left: LeftOver) -> None:
        """Remember a row that is left."""
        text = key_text(left.key)
        if self.known.get(text) != left:
            await self._store.put(GUARDS, _written(left, self._hash, text))
            self.known[text] = left

    async def remove(self, key: Item) -> None:
        """Forget a row that is as it should be."""
        text = key_text(key)
        if text in self.known:
            await self._store.delete(GUARDS, (self._hash, text))
            del self.known[text]

    async def clear(self) -> None:
        """Forget all rows."""
        for left in list(self.known.values()):
            await self.remove(left.key)

    @property
    def oddities(self) -> list[Oddity]:
        """Return what people are told of them."""
        return [left.oddity for left in self.known.values()]


def _written(left: LeftOver, hash_key: str, text: str) -> Item:
    return {
        "id": {"S": hash_key},
        "kind": {"S": text},
        "key": {"M": left.key},
        "type": {"S": left.oddity.table},
        "why": {"S": left.oddity.why},
        "places": {"S": json.dumps(left.places)},
    }


def _read(item: Item) -> LeftOver:
    oddity = Oddity(table=item["type"]["S"], id=item["kind"]["S"], why=item["why"]["S"])
    return LeftOver(item["key"]["M"], oddity, tuple(_places(json.loads(item["places"]["S"]))))


def _places(read: Iterable[Any]) -> Iterable[Place]:
    for name, key in read:
        yield name, key if isinstance(key, str) else (key[0], key[1])
