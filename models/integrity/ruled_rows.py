"""Creates, changes and deletes rows that obey rules, each with all that the rules ask for, in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from pynamodb.expressions.condition import Condition

from models.clock import Clock
from models.constraints.planning import Place, Plan, RowChange, plan_for
from models.constraints.refusals import size_refusal
from models.constraints.ruled import changed
from models.constraints.steps import refused_step
from models.errors import Refusal
from models.integrity.composing import Composition, Figures, RowWrite, actions_of, failed, row_condition
from models.integrity.judged_writing import JudgedWriting
from models.integrity.ruled_tables import GUARDS, RuledTables, tally_key
from models.limits import fixed_limit
from models.storage.store import Item, Store, key_of
from models.transactions.retrying import StaleSnapshotError, retry
from models.transactions.writing import LARGEST_TRANSACTION

MOST_ROWS = fixed_limit(
    LARGEST_TRANSACTION,
    "rows that one write changes or checks by the rules beside an app's schema, as many as a transaction takes",
    topic="rows",
    code="BadRequest",
)

Changes = Mapping[str, Any]  # attributes as they are stored; None removes one


class RuledRows:
    """Writes rows of an app's types.

    Args:
        store: the tables.
        tables: the types with their rules.
        now: the clock.
    """

    def __init__(self, store: Store, tables: RuledTables, now: Clock) -> None:
        self.store = store
        self.tables = tables
        self._now = now

    async def create(self, name: str, item: Item, condition: Condition | None) -> Item | Refusal:
        """Put a new row and return it.

        Args:
            name: its type.
            item: the row.
            condition: the client's.

        Raises:
            ConditionFailedError: there is a row with this key, or the client's condition does not hold.
            ContentionError: others kept changing the same rows.
        """
        kind = self.tables.types[name]
        change = RowChange(kind, None, item)
        plan = plan_for([change])
        refusal = plan if isinstance(plan, Refusal) else refused_step(kind, None, item)
        if refusal is not None:
            return refusal
        assert isinstance(plan, Plan)  # noqa: S101 — for the type checker
        if plan.is_empty and not kind.followed:
            table = self.tables.tables[name]
            # In PynamoDB, `None & condition` is the condition.
            await self.store.put(table, item, condition=condition & key_of(table).does_not_exist())
            return item
        refusal = await self.write_one(RowWrite(change, item, condition, failed), plan)
        return item if refusal is None else refusal

    async def update(
        self,
        name: str,
        before: Item,
        changes: Changes,
        condition: Condition | None,
        departed: Place | None = None,
    ) -> Item | Refusal:
        """Change a row and return it as it is then.

        Args:
            name: its type.
            before: the row as it was read, on which the changes were decided.
            changes: the attributes that change.
            condition: what else must be true of the stored row.
            departed: the deleted row that it lets go of, if it does.

        Raises:
            ConditionFailedError: the row does not meet the condition, or has changed where rules look at it.
            ContentionError: others kept changing the same rows.
        """
        kind, table = self.tables.types[name], self.tables.tables[name]
        after = changed(before, changes)
        change = RowChange(kind, before, after)
        plan = plan_for([change])
        refusal = plan if isinstance(plan, Refusal) else refused_step(kind, before, after)
        if refusal is not None:
            return refusal
        assert isinstance(plan, Plan)  # noqa: S101 — for the type checker
        key = change.place[1]
        if plan.is_empty:
            judged = condition & row_condition(change, table)
            return await self.store.update(table, key, actions_of(changes), condition=judged)
        refusal = await self.write_one(RowWrite(change, changes, condition, failed), plan, departed)
        if refusal is not None:
            return refusal
        return await self.store.get(table, key, consistent=True) or after

    async def delete(
        self, name: str, before: Item, condition: Condition | None, departed: Place | None = None
    ) -> Item | Refusal:
        """Delete a row that no rows follow, and return it as it was read.

        Args:
            name: its type.
            before: the row as it was read.
            condition: what else must be true of the stored row.
            departed: the deleted row that it follows, if it does.

        Raises:
            ConditionFailedError: the row does not meet the condition, or has changed where rules look at it.
            OvertakenError: rows follow this one.
            ContentionError: others kept changing the same rows.
        """
        kind, table = self.tables.types[name], self.tables.tables[name]
        change = RowChange(kind, before, None)
        plan = plan_of([change])
        if plan.is_empty and not kind.incoming:
            judged = condition & row_condition(change, table)
            await self.store.delete(table, change.place[1], condition=judged)
            return before
        refusal = await self.write_one(RowWrite(change, {}, condition, failed), plan, departed)
        return before if refusal is None else refusal

    async def write(
        self,
        writes: Sequence[RowWrite],
        plan: Plan,
        *,
        counts: Mapping[str, int] | None = None,
        departing: bool = False,
        departed: Place | None = None,
    ) -> Refusal | None:
        """Write rows and what stands beside them in one transaction, or return why it is refused.

        It is tried again while others change the same parents, and while answers are lost.

        Args:
            writes: the rows.
            plan: what is written beside them.
            counts: how many rows follow the first one, if that is deleted, by the reference's counter.
            departing: whether there is one row only, and it is deleted before those that follow it.
            departed: the deleted row that they follow, if they do.

        Raises:
            ConditionFailedError, OvertakenError: a row is not as it must be.
            OverflowError: it is too much for one transaction.
            ContentionError: others kept changing the same rows.
        """
        figures, cause = Figures(departed=departed), str(uuid4())
        writing: JudgedWriting | None = None

        async def attempt() -> Refusal | None:
            nonlocal writing
            # What was sent is sent again as it is, until it is clear that it was not done.
            if writing is None:
                figures.tallies = await self._tallies(plan)
                writing = self._composed(writes, plan, figures, counts or {}, departing=departing)
            try:
                return await writing.send(self.store.calls, cause)
            except StaleSnapshotError:
                writing = None
                raise

        return await retry(self.store.calls, attempt)

    async def write_one(
        self, write: RowWrite, plan: Plan, departed: Place | None = None, *, departing: bool = False
    ) -> Refusal | None:
        """Write one row as `write` does, or return a refusal if it is too much for one transaction."""
        try:
            return await self.write([write], plan, departing=departing, departed=departed)
        except OverflowError:
            return size_refusal(MOST_ROWS)

    def _composed(
        self,
        writes: Sequence[RowWrite],
        plan: Plan,
        figures: Figures,
        counts: Mapping[str, int],
        *,
        departing: bool,
    ) -> JudgedWriting:
        writing = JudgedWriting(self.store.names, self._now())
        composition = Composition(writing, self.tables, figures)
        for write in writes:
            composition.row(write)
        for number, write in enumerate(writes):
            if write.change.after is None:
                followers = counts if number == 0 else {}
                composition.leave(write.change, followers, departing=departing)
        composition.beside(plan)
        if not writing.is_possible:
            raise OverflowError("a row would be written twice in one transaction")
        return writing

    async def _tallies(self, plan: Plan) -> dict[Place, Item]:
        """Return the tallies whose figures averages are made of."""
        wanted = [p for p, one in plan.parents.items() if one.shares]
        found = await self.store.batch_get([(GUARDS, tally_key(place)) for place in wanted], consistent=True)
        return {place: item for place, item in zip(wanted, found, strict=True) if item is not None}


def plan_of(changes: Sequence[RowChange]) -> Plan:
    """Return what changes of stored rows write beside them, none of which refers to itself."""
    plan = plan_for(changes)
    assert isinstance(plan, Plan), "only a row that is written can refer to itself"  # noqa: S101
    return plan
