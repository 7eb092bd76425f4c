"""The small app's tables within this process, and what must be true of them at any moment."""

from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import count
from json import dumps
from typing import Any

from models import clock
from models.constraints.planning import guard_id
from models.constraints.ruled import Row, changed, composed, referred, started
from models.integrity.composing import count_in
from models.integrity.departures import Departures
from models.integrity.ruled_rows import RuledRows
from models.integrity.ruled_tables import GUARDS, TALLY, UNIQUE, RuledTables, TypeTable, tally_key
from models.storage.names import Names
from models.storage.store import Item, Store
from models.tables import Table
from models.tables.base import KeyAttribute, index, table
from tests.chaos.books import rows
from tests.chaos.faults import FaultyCalls, Plan, no_faults
from tests.engines.embedded import Embedded
from tests.unit.models.constraints.shop import CONSTRAINTS, KEYS, ORDER_KEY, wire

NAMES = Names(stack="shop", region="us-east-1", account="0" * 12)
TABLES: dict[str, type[Table]] = {
    "Shop": table("Shop", KeyAttribute("id")),
    "Order": table("Order", KeyAttribute("customer"), KeyAttribute("number")),
    "Line": table(
        "Line",
        KeyAttribute("id"),
        indexes=[
            index("byCustomer", "customer", "number"),
            index("byOrder", "orderKey", None),
            index("byOther", "other", None),
        ],
    ),
    "Note": table("Note", KeyAttribute("id"), indexes=[index("byCustomer", "customer", None)]),
    "Part": table("Part", KeyAttribute("id"), indexes=[index("byLine", "lineId", None)]),
    "Claim": table("Claim", KeyAttribute("id")),
    "Page": table("Page", KeyAttribute("id")),
}
DESCRIBED = {name: TypeTable(TABLES[name], key) for name, key in KEYS.items()}
DESCRIBED["Note"] = TypeTable(TABLES["Note"], KEYS["Note"], frozenset({"number"}), "updatedAt")
RULED = RuledTables.of(DESCRIBED, CONSTRAINTS)
ALL = [*TABLES.values(), GUARDS]
# The first order, from its own side and from that of the rows that follow it.
KEY = ("c", "1")
OF_ORDER = {"customer": "c", "number": "1"}


class Consistent(Embedded):
    """Tables whose rows nobody reads as they may have been a while ago."""

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call an operation; a read of single rows must be consistent."""
        if operation in {"get_item", "batch_get_item"}:
            assert all(read.get("ConsistentRead") for read in params.get("RequestItems", {"": params}).values())
        return await super().call(service, operation, **params)


class Shops:
    """The tables, and what writes them.

    Args:
        plan: the faults of its calls.
        engine: makes the engine.
    """

    def __init__(self, plan: Plan = no_faults, engine: type[Embedded] = Consistent) -> None:
        self.engine = engine(NAMES, ALL)
        self.calls = FaultyCalls(self.engine, plan)
        self.store = Store(self.calls, NAMES)
        self.undisturbed = Store(self.engine, NAMES)
        self.rows = RuledRows(self.store, RULED, clock.now)
        self.departures = Departures(self.rows, clock.now)

    async def create(self, name: str, **values: Any) -> Any:
        """Create a row and return what comes of it."""
        return await self.rows.create(name, started(RULED.types[name], wire(values)), None)

    async def update(self, name: str, key: Any, **values: Any) -> Any:
        """Change a row as it is stored and return what comes of it; None removes an attribute."""
        before = await self.get(name, key)
        removed = {field: None for field, value in values.items() if value is None}
        changes = wire(values) | removed
        changes |= composed(RULED.types[name], changed(before, changes))
        return await self.rows.update(name, before, changes, None)

    async def delete(self, name: str, key: Any) -> Any:
        """Delete a row as it is stored and return what comes of it."""
        return await self.departures.delete(name, await self.get(name, key), None)

    async def follow(self, *, lines: int = 0, notes: int = 0) -> None:
        """Create lines and notes of the first order."""
        for number in range(lines):
            await self.create("Line", id=f"l{number}", **OF_ORDER, cost=number + 1)
        for number in range(notes):
            await self.create("Note", id=f"n{number}", **OF_ORDER)

    def meanwhile(
        self,
        others: Callable[[], Awaitable[object]],
        *,
        before: int = 1,
        of: str = "transact_write_items",
    ) -> None:
        """Have others act once, just before the call of an operation that has this number from now on."""
        upstream, numbers = self.engine.call, count(1)

        async def call(service: str, operation: str, **params: Any) -> Any:
            if operation == of and next(numbers) == before:
                await others()
            return await upstream(service, operation, **params)

        self.engine.call = call  # type: ignore[method-assign]  # for one test only

    async def house(self) -> list[str]:
        """Return what the rows of the house's own table are about."""
        return sorted(one["kind"]["S"] for one in await rows(self.undisturbed, GUARDS))

    async def count(self, name: str) -> int:
        """Return how many rows of a type there are."""
        return len(await rows(self.undisturbed, TABLES[name]))

    async def get(self, name: str, key: Any) -> Item:
        """Return a stored row."""
        found = await self.undisturbed.get(TABLES[name], key, consistent=True)
        assert found is not None
        return found

    async def tally(self, name: str, key: Any) -> Item:
        """Return the tally of a row without its key, empty if there is none."""
        found = await self.undisturbed.get(GUARDS, tally_key((name, key)), consistent=True) or {}
        return {name: value for name, value in found.items() if name not in {"id", "kind"}}

    async def check(self) -> None:
        """Assert that every rule holds: no orphan, no duplicate, and each figure is that of the rows."""
        stored = {name: await rows(self.undisturbed, of) for name, of in TABLES.items()}
        house = {(one["id"]["S"], one["kind"]["S"]): one for one in await rows(self.undisturbed, GUARDS)}
        _check_guards(stored, house)
        parents = [(kind, kind.key_of(row)) for kind in RULED.types.values() for row in stored[kind.name]]
        counts = _counts(stored)
        assert {(target, key) for target, key, _ in counts} <= {(kind.name, key) for kind, key in parents}, (
            "orphans"
        )
        tallies = {key for key in house if key[1] == TALLY}
        for kind, key in parents:
            tallies.discard(place := tally_key((kind.name, key)))
            tally = house.get(place, {})
            for incoming in kind.incoming:
                assert count_in(tally, incoming.counter) == counts[kind.name, key, incoming.counter]
        assert not tallies, "tallies of rows that do not exist"
        for order in stored["Order"]:
            lines = [line for line in stored["Line"] if referred(ORDER_KEY, line) == referred(ORDER_KEY, order)]
            costs = [Decimal(line["cost"]["N"]) for line in lines if "cost" in line]
            assert Decimal(order["cost"]["N"]) == sum(costs)
        for shop in stored["Shop"]:
            _check_totals(shop, [one for one in stored["Order"] if one.get("shopId") == shop["id"]])

    async def check_gone(self, notes: int) -> None:
        """Assert that the first order and its lines are gone, and that so many notes have let go of it."""
        assert [await self.count(name) for name in ("Order", "Line", "Note")] == [0, 0, notes]
        for note in await rows(self.undisturbed, TABLES["Note"]):
            assert note.keys() == {"id", "customer", "updatedAt"}
        assert await self.house() == [TALLY]  # of the shop
        await self.check()


def _check_guards(stored: dict[str, list[Item]], house: dict[tuple[str, str], Item]) -> None:
    held = [
        (guard_id(kind, unique, row), dumps(kind.key_of(row)))
        for kind in RULED.types.values()
        for unique in kind.constraints.unique
        for row in stored[kind.name]
        if guard_id(kind, unique, row) is not None
    ]
    assert len(held) == len(dict(held)), "two rows have the same values"
    assert dict(held) == {key: one["holder"]["S"] for (key, about), one in house.items() if about == UNIQUE}


def _counts(stored: dict[str, list[Item]]) -> Counter[tuple[str, Any, str]]:
    """Return how many rows refer to each row, by the reference's counter."""
    counts: Counter[tuple[str, Any, str]] = Counter()
    for kind in RULED.types.values():
        for incoming in kind.incoming:
            for row in stored[incoming.child]:
                if (key := referred(incoming.reference.fields, row)) is not None:
                    counts[kind.name, key, incoming.counter] += 1
    return counts


def _check_totals(shop: Row, orders: list[Item]) -> None:
    amounts = [Decimal(one["amount"]["N"]) for one in orders if "amount" in one]
    stars = [Decimal(one["stars"]["N"]) for one in orders if "stars" in one]
    assert Decimal(shop["total"]["N"]) == sum(amounts)
    assert float(shop["rating"]["N"]) == (float(sum(stars) / len(stars)) if stars else 0)
