"""Finds a caller's next row through the owner indexes, to skip over other members' rows.

Where all indexes are sorted by the same range key, a time such as createdAt, the time of the caller's next row in
an owner index is also a position in any other index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from models.storage.store import Item, Store
from models.tables import Table
from resolvers.mirror.filtered_pages import ROW_BUDGET
from schema.amplify.keys import Finder


def have_one_order(*finders: Finder | None) -> bool:
    """Return whether all of these find rows in one order: by the same text, so that one may skip for another."""
    orders = {None if finder is None else finder.range for finder in finders}
    (order,) = orders if len(orders) == 1 else (None,)
    return order is not None and order.type == "S"


def _time_of(finder: Finder) -> str:
    """Return the name of the attribute that sorts, of a finder that has one."""
    assert finder.range is not None  # noqa: S101 — `have_one_order` says so
    return finder.range.name


def page_start(finder: Finder, position: Item | None, *, forward: bool) -> dict[str, Any]:
    """Return the arguments of `Store.query` for a page that starts after a row, or with the first row of a time.

    Args:
        finder: what is read.
        position: a row's key, or only a time; None for the start.
        forward: ascending.
    """
    if position is None or finder.range is None or position.keys() != {finder.range.name}:
        return {"start_key": position}
    time: Any = Path([finder.range.name])
    bound = position[finder.range.name]
    return {"range_condition": time >= bound if forward else time <= bound}


@dataclass(frozen=True, slots=True)
class OwnerCursor:
    """Finds a caller's rows of a type in the order of their time.

    Args:
        store: the tables.
        table: the type's table.
        owned: the owner indexes, all in one order, each with the value that it lists the caller's rows under.
        only: which of the caller's rows count.
        forward: ascending.
    """

    store: Store
    table: type[Table]
    owned: Sequence[tuple[Finder, str]]
    only: Condition
    forward: bool

    async def next_position(self, position: Item) -> Item | None:
        """Return the time of the caller's next row at or after a position of any index; None if there is none.

        The order of rows of the same time is unknown, so if the next row has the position's own time, the position
        itself is returned.
        """
        found = [await self._next_time(finder, name, position) for finder, name in self.owned]
        times = [time for time in found if time is not None]
        if not times:
            return None
        time, name = min(times) if self.forward else max(times), _time_of(self.owned[0][0])
        return position if position[name] == {"S": time} else {name: {"S": time}}

    async def _next_time(self, finder: Finder, name_of_owner: str, position: Item) -> str | None:
        """Return the time of the next row in one index, or the time reached if a whole query found no row."""
        name = _time_of(finder)
        page = await self.store.query(
            self.table,
            finder.index,
            name_of_owner,
            limit=ROW_BUDGET,
            filter=self.only,
            forward=self.forward,
            **page_start(finder, {name: position[name]}, forward=self.forward),
        )
        last = page.items[0] if page.items else page.last_key
        return None if last is None else str(last[name]["S"])
