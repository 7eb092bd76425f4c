"""Finds a caller's next row through the owner indexes, to skip over other members' rows.

All indexes are sorted by the same range key, a time such as createdAt, so the time of the caller's next row in an
owner index is also a position in any other index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.indexes import Index

from models.storage.store import Item, Store, index_keys
from models.tables import Table
from resolvers.mirror.filtered_pages import ROW_BUDGET


def page_start(index: Index[Any], position: Item | None, *, forward: bool) -> dict[str, Any]:
    """Return the arguments of `Store.query` for a page that starts after a row, or with the first row of a time.

    Args:
        index: the index that is read.
        position: a row's key, or only a time; None for the start of the index.
        forward: ascending.
    """
    time = index_keys(index)[1]
    if position is None or position.keys() != {time.attr_name}:
        return {"start_key": position}
    bound = position[str(time.attr_name)]["S"]
    return {"range_condition": time >= bound if forward else time <= bound}


@dataclass(frozen=True, slots=True)
class OwnerCursor:
    """Finds a caller's rows of a type in the order of their time.

    Args:
        store: the tables.
        table: the type's table.
        indexes: the owner indexes, which list the caller's rows.
        owner: the value that these indexes list the caller's rows under.
        only: which of the caller's rows count.
        forward: ascending.
    """

    store: Store
    table: type[Table]
    indexes: Sequence[Index[Any]]
    owner: str
    only: Condition
    forward: bool

    async def next_position(self, position: Item) -> Item | None:
        """Return the time of the caller's next row at or after a position of any index; None if there is none.

        The order of rows of the same time is unknown, so if the next row has the position's own time, the position
        itself is returned.
        """
        times = [time for index in self.indexes if (time := await self._next_time(index, position)) is not None]
        if not times:
            return None
        time = min(times) if self.forward else max(times)
        (name,) = {str(index_keys(index)[1].attr_name) for index in self.indexes}
        return position if position[name] == {"S": time} else {name: {"S": time}}

    async def _next_time(self, index: Index[Any], position: Item) -> str | None:
        """Return the time of the next row in one index, or the time reached if a whole query found no row."""
        name = str(index_keys(index)[1].attr_name)
        page = await self.store.query(
            self.table,
            index,
            self.owner,
            limit=ROW_BUDGET,
            filter=self.only,
            forward=self.forward,
            **page_start(index, {name: position[name]}, forward=self.forward),
        )
        last = page.items[0] if page.items else page.last_key
        return None if last is None else str(last[name]["S"])
