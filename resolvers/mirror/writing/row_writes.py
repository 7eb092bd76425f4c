"""Writes the rows that the mirror's mutations decide on, with what the rules beside the app's schema ask for."""

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from models.clock import Clock
from models.constraints.ruled import changed, composed, started
from models.errors import Refusal
from models.integrity.departures import Departures
from models.integrity.ruled_rows import RuledRows
from models.integrity.ruled_tables import RuledTables
from models.storage.store import Item, Key, Store, key_of
from resolvers.mirror.filtering.conditions import fitting
from resolvers.mirror.type_rules import Changes
from schema.amplify.declaration import Model
from schema.errors import RefusedError


class RowWrites:
    """Writes rows; those of types that no such rule is about by one call each.

    Args:
        store: the tables.
        now: the clock.
    """

    def __init__(self, store: Store, now: Clock) -> None:
        self._store = store
        self._now = now

    async def put(self, model: Model, item: Item, condition: Condition | None) -> None:
        """Put a new row that meets a client's condition.

        Raises:
            ConditionFailedError: there is a row, or it does not meet the condition.
            RefusedError: a rule refused it.
        """
        if model.ruled is None:
            is_new = and_conditions(key_of(model.table).does_not_exist(), condition)
            await self._store.put(model.table, item, condition=is_new)
        else:
            _unrefused(await self._rows(model.ruled).create(model.name, item, condition))

    async def update(self, model: Model, key: Key, before: Item, changes: Changes, condition: Condition) -> Item:
        """Change a row that meets a condition, and return it as it is then.

        Raises:
            ConditionFailedError: it does not meet the condition, or is not as it was read where rules look at it.
            RefusedError: a rule refused it.
        """
        if model.ruled is not None:
            return _unrefused(await self._rows(model.ruled).update(model.name, before, changes, condition))
        actions = [
            Path([name]).remove() if wire is None else Path([name]).set(wire) for name, wire in changes.items()
        ]
        return await self._store.update(model.table, key, actions, condition=condition)

    async def delete(self, model: Model, key: Key, before: Item, condition: Condition) -> Item:
        """Remove a row that meets a condition, and return it as it was.

        Raises:
            ConditionFailedError: it does not meet the condition, or is not as it was read where rules look at it.
            RefusedError: a rule refused it.
        """
        if model.ruled is None:
            return await self._store.delete(model.table, key, condition=condition) or before
        departures = Departures.over(self._store, model.ruled, self._now)
        return _unrefused(await departures.delete(model.name, before, condition))

    def _rows(self, tables: RuledTables) -> RuledRows:
        return RuledRows(self._store, tables, self._now)


def new_row(model: Model, item: Item) -> Item:
    """Return a new row with what the server writes from its other fields, and totals of no rows."""
    return item if model.ruled is None else started(model.ruled.types[model.name], item)


def followed(model: Model, before: Item, changes: Changes) -> Changes:
    """Return changes with those of the fields that the server writes from others."""
    if model.ruled is None:
        return changes
    kind = model.ruled.types[model.name]
    written = composed(kind, changed(before, changes))
    return changes | {name: wire for name, wire in written.items() if wire != before.get(name)}


def and_conditions(ours: Condition, clients: Condition | None) -> Condition:
    """Return the condition that ours holds and the client's, if there is one."""
    return ours if clients is None else fitting(ours & clients)


def _unrefused(written: Item | Refusal) -> Item:
    """Return what was written.

    Raises:
        RefusedError: a rule refused it.
    """
    if isinstance(written, Refusal):
        raise RefusedError(written)
    return written
