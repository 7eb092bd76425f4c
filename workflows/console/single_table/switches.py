"""The switch, after which the app has the rows, and the way back, after which the single table has them again.

The single table is not locked, because DynamoDB cannot: who wrote to it is stopped before, and `verify` names what
was written all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pynamodb.expressions.operand import Path

from models.clock import to_text
from models.migration.former import Oddity
from models.single_table.entities import (
    MOVED_FROM,
    TYPES,
    Entity,
    digest,
    digest_of,
    key_text,
)
from models.storage.store import Item, key_of
from workflows.console.migration.progress import Steps
from workflows.console.single_table.checks import Check, check, is_later
from workflows.console.single_table.position import LeftOvers, Position, Positions
from workflows.console.single_table.runs import Run
from workflows.console.single_table.tables import Sides, SingleTableError


async def switch(sides: Sides, steps: Steps, *, leave: bool, nobody_writes: bool) -> Check:
    """Bring what is left of the stream, compare both sides, and let the app have the rows if they agree.

    Args:
        sides: the single table and the app's tables.
        steps: shows how far it is.
        leave: whether rows may stay in the single table, because a person has to put them right.
        nobody_writes: whether the single table needs no stream, because nobody writes to it.

    Returns:
        The comparison; `switched` says when the app took over, None if it did not.

    Raises:
        SingleTableError: nothing was moved yet.
    """
    positions = Positions(sides.here, sides.single.name)
    before = await positions.read()
    if before is None:
        raise SingleTableError(f"Nothing of {sides.single.name} was moved yet; `run` first.")
    if before.switched is not None:
        return await check(sides)
    run = await Run.begun(sides, steps, again=False, nobody_writes=nobody_writes)
    await run.ended()
    found = await check(sides)
    if found.is_right and (leave or not found.left):
        run.position.switched = found.switched = sides.now()
        await run.positions.save(run.position)
    return found


@dataclass
class BackOutcome:
    """What the way back has done.

    Attributes:
        written: how many rows were created, changed or deleted in the single table.
        conflicts: rows that both sides have written since the switch: a person has to choose.
        gone: rows that the app has deleted, and of which nobody has said what becomes of them.
    """

    written: int = 0
    conflicts: list[Oddity] = field(default_factory=list)
    gone: list[Oddity] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Return whether the single table has everything."""
        return not self.conflicts and not self.gone


async def go_back(sides: Sides, steps: Steps, *, delete: bool | None) -> BackOutcome:
    """Bring what the app has written since the switch into the single table; may be repeated.

    Args:
        sides: the single table and the app's tables.
        steps: shows how far it is.
        delete: whether rows that the app has deleted are deleted there, too, or stay; None if nobody has said.

    Raises:
        SingleTableError: the app has not taken over.
    """
    positions = Positions(sides.here, sides.single.name)
    position = await positions.claimed()
    if position.switched is None:
        raise SingleTableError(
            f"The app has not taken over the rows of {sides.single.name}, which has them all; there is "
            "nothing to bring back."
        )
    outcome = BackOutcome()
    advance = steps.begin("rows compared", None)
    for name in TYPES:
        returning = _Returning(sides, sides.single.entities[name], position.switched, outcome)
        await returning.learn_prefix()
        async for page in sides.pages_here(name):
            await returning.page(page)
            advance(len(page))
    await _drop_deleted(sides, position, outcome, delete=delete)
    if outcome.is_done:
        # The next run compares everything.
        await positions.save(replace(position.restarted(sides.stream, sides.now()), switched=None))
    return outcome


@dataclass(slots=True)
class _Returning:
    """Brings the rows of one type back.

    Args:
        sides: the single table and the app's tables.
        entity: the type.
        switched: when the app took over.
        outcome: where it is noted what was done.
    """

    sides: Sides
    entity: Entity
    switched: datetime
    outcome: BackOutcome
    _prefix: str = ""

    async def learn_prefix(self) -> None:
        """Learn from a row that came what the range keys of this type begin with in the single table."""
        async for page in self.sides.pages_here(self.entity.shape.name):
            for row in page:
                if MOVED_FROM in row:
                    self._prefix = self.sides.single.prefix_of(self.entity, row)
                    return

    async def page(self, rows: Sequence[Item]) -> None:
        """Write rows of the app into the single table, unless it has them."""
        sides = self.sides
        returned = [sides.single.returned(self.entity, row, self._prefix) for row in rows]
        keys = [(sides.table, sides.key_there(row)) for row in returned]
        found = await sides.there.batch_get(keys, consistent=True)
        for row, ours, there in zip(rows, returned, found, strict=True):
            if there is None or digest_of(row) == digest(there):
                if there is None or not self._is_same(row, there):
                    await self._put(ours)
                    await self._mark(row, ours)
            elif self._is_same(row, there):
                await self._mark(row, there)
            elif MOVED_FROM in row and not is_later(row, self.switched):
                # Only the single table has written it since; what is summed here is true here.
                if (summed := there | self._totals(row)) != there:
                    await self._put(summed)
            else:
                why = "app and single table have both written it since the switch; make them agree, or delete one"
                self.outcome.conflicts.append(sides.single.oddity(there, why))

    def _is_same(self, row: Item, there: Item) -> bool:
        """Return whether the single table says of a row what the app's table does; when, does not count."""
        single, shape = self.sides.single, self.entity.shape
        moved = single.moved(there, to_text(self.sides.now()))
        if isinstance(moved, Oddity) or moved["__typename"] != {"S": shape.name}:
            return False
        if there | self._totals(row) != there:
            return False
        return not single.changes(row, moved, there).keys() - {MOVED_FROM, *shape.stamps}

    def _totals(self, row: Item) -> Item:
        """Return what a row of the app's table sums of others."""
        return {total.into: row[total.into] for total in self.entity.kind.totals if total.into in row}

    async def _put(self, row: Item) -> None:
        await self.sides.there.put(self.sides.table, row)
        self.outcome.written += 1

    async def _mark(self, row: Item, there: Item) -> None:
        """Note in a row of the app's table what the single table says of it now."""
        origin = {"key": {"M": self.sides.single.key_of(there)}, "digest": {"S": digest(there)}}
        table = self.sides.rows.tables.tables[self.entity.shape.name]
        actions = [Path([MOVED_FROM]).set({"M": origin})]
        key = self.entity.kind.key_of(row)
        await self.sides.here.update(table, key, actions, condition=key_of(table).exists())


async def _drop_deleted(sides: Sides, position: Position, outcome: BackOutcome, *, delete: bool | None) -> None:
    """Delete rows of the single table that the app has deleted, if somebody says so."""
    left = await LeftOvers.of(sides.here, sides.single.name)
    tables = sides.rows.tables.tables
    async for page in sides.pages_there():
        placed = [(row, place) for row in page.items if (place := sides.place_of(row)) is not None]
        found = await sides.here.batch_get([(tables[name], key) for _, (name, key) in placed], consistent=True)
        for (row, _), here in zip(placed, found, strict=True):
            key = sides.single.key_of(row)
            if here is not None or key_text(key) in left.known or delete is False:
                continue
            if position.switched is None or is_later(row, position.switched):
                continue  # written there since
            if delete:
                await sides.there.delete(sides.table, sides.key_there(key))
                outcome.written += 1
            else:
                outcome.gone.append(sides.single.oddity(row, "the app has deleted it since the switch"))
