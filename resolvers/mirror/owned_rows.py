"""Where a caller's own rows stand among others': the indexes that name the caller have the same order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.indexes import Index

from models.storage.store import Item, Store, index_keys
from models.tables import Table
from resolvers.mirror.filtered_pages import ROWS


def beginning(index: Index[Any], position: Item | None, *, forward: bool) -> dict[str, Any]:
    """Return, for `Store.query`, where a page begins: after a row, or with the first one from a time on.

    Args:
        index: what is read.
        position: a row's key, or a time only; None for the beginning.
        forward: ascending.
    """
    time = index_keys(index)[1]
    if position is None or position.keys() != {time.attr_name}:
        return {"start_key": position}
    bound = position[str(time.attr_name)]["S"]
    return {"range_condition": time >= bound if forward else time <= bound}


@dataclass(frozen=True, slots=True)
class OwnRows:
    """A caller's rows of a type.

    Args:
        store: the tables.
        table: the type's table.
        indexes: those in which the caller's rows are found.
        owner: what the caller is found by.
        only: which of the rows are meant.
        forward: ascending.
    """

    store: Store
    table: type[Table]
    indexes: Sequence[Index[Any]]
    owner: str
    only: Condition
    forward: bool

    async def ahead(self, position: Item) -> Item | None:
        """Return the time of the next row from a position of any index on, None if there is no such row.

        Of rows of one time it is not known which come first: while there may be one, the position is kept.
        """
        times = [time for index in self.indexes if (time := await self._next(index, position)) is not None]
        if not times:
            return None
        time = min(times) if self.forward else max(times)
        (name,) = {str(index_keys(index)[1].attr_name) for index in self.indexes}
        return position if position[name] == {"S": time} else {name: {"S": time}}

    async def _next(self, index: Index[Any], position: Item) -> str | None:
        """Return the time of the next row in an index; if it takes long to find, the time it was sought up to."""
        name = str(index_keys(index)[1].attr_name)
        page = await self.store.query(
            self.table,
            index,
            self.owner,
            limit=ROWS,
            filter=self.only,
            forward=self.forward,
            **beginning(index, {name: position[name]}, forward=self.forward),
        )
        last = page.items[0] if page.items else page.last_key
        return None if last is None else str(last[name]["S"])
