"""Whether both sides agree: every row of the single table is in the app's tables, as it is there, and no other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from models.clock import from_text, to_text
from models.constraints.planning import Place
from models.constraints.ruled import referred
from models.migration.former import Oddity
from models.single_table.entities import (
    MOVED_FROM,
    TYPES,
    digest,
    digest_of,
    key_text,
    origin_of,
    without_nulls,
)
from models.storage.store import Item
from workflows.console.single_table.position import LeftOvers, Positions
from workflows.console.single_table.surveys import Count, amount_of, counts
from workflows.console.single_table.tables import Sides


@dataclass
class Check:
    """What was compared.

    Attributes:
        there: the rows of the single table that are not left, by type.
        here: the rows of the app's tables that came from it, by type.
        made: the rows that were made in the app, by type.
        faults: what differs.
        left: what stays in the single table, because a person has to put it right.
        gone: rows that the app has deleted since it took over.
        switched: when that was; None if it has not.
    """

    switched: datetime | None = None
    there: dict[str, Count] = field(default_factory=counts)
    here: dict[str, Count] = field(default_factory=counts)
    made: dict[str, Count] = field(default_factory=counts)
    faults: list[Oddity] = field(default_factory=list)
    left: list[Oddity] = field(default_factory=list)
    gone: list[Oddity] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Return whether both sides agree."""
        return not self.faults


async def check(sides: Sides) -> Check:
    """Compare both sides; each row of both is read."""
    position = await Positions(sides.here, sides.single.name).read()
    found = Check(None if position is None else position.switched)
    left = await LeftOvers.of(sides.here, sides.single.name)
    async for page in sides.pages_there():
        await _check_page(sides, page.items, left, found)
    await _check_here(sides, left, found)
    return found


async def _check_page(sides: Sides, rows: Iterable[Item], left: LeftOvers, found: Check) -> None:
    """Check rows of the single table."""
    tables = sides.rows.tables.tables
    moved = [(row, sides.single.moved(row, to_text(sides.now())), sides.place_of(row)) for row in rows]
    placed = [(tables[place[0]], place[1]) for _, _, place in moved if place is not None]
    stored = iter(await sides.here.batch_get(placed, consistent=True))
    for row, target, place in moved:
        here = None if place is None else next(stored)
        known = left.known.get(key_text(sides.single.key_of(row)))
        if isinstance(target, Oddity):
            found.left.append(target)
        elif known is not None:
            found.left.append(known.oddity)
        elif place is not None:
            found.there[place[0]].add(amount_of(target))
            _compare(sides, row, target, here, found)


def _compare(sides: Sides, row: Item, target: Item, here: Item | None, found: Check) -> None:
    """Note how a row differs from what it should be in the app's tables."""
    if here is None:
        # After the switch, what has not changed here since was deleted by the app.
        is_gone = found.switched is not None and not is_later(row, found.switched)
        why = "the app has deleted it since" if is_gone else "it is not in the app's table"
        (found.gone if is_gone else found.faults).append(sides.single.oddity(row, why))
    elif origin_of(here) != sides.single.key_of(row):
        found.faults.append(sides.single.oddity(row, "another row stands in its place in the app's table"))
    elif found.switched is not None:
        if digest_of(here) != digest(row):
            why = f"it was written in the single table after {to_text(found.switched)}"
            found.faults.append(sides.single.oddity(row, why))
    elif changes := sides.single.changes(here, target, row):
        fields = ", ".join(name for name in changes if name != MOVED_FROM) or "what the app does not know"
        found.faults.append(sides.single.oddity(row, f"it differs in {fields}"))


async def _check_here(sides: Sides, left: LeftOvers, found: Check) -> None:
    """Check that the app's rows are in the single table, and that totals are those of the rows that make them."""
    totals: defaultdict[tuple[Place, str], Decimal] = defaultdict(Decimal)
    for name in reversed(TYPES):
        entity = sides.single.entities[name]
        async for page in sides.pages_here(name):
            came = [row for row in page if MOVED_FROM in row]
            keys = [(sides.table, sides.key_there(origin_of(row))) for row in came]
            there = await sides.there.batch_get(keys, consistent=True)
            for row, origin in zip(came, there, strict=True):
                if origin is None and found.switched is None:
                    key = key_text(origin_of(row))
                    known = left.known.get(key)
                    why = "the single table has it no more"
                    (found.faults if known is None else found.left).append(
                        Oddity(table=name, id=key, why=why) if known is None else known.oddity
                    )
            for row in page:
                (found.here if MOVED_FROM in row else found.made)[name].add(amount_of(row))
                for aggregate in entity.kind.constraints.aggregates:
                    if (parent := referred(aggregate.by, row)) is not None and not aggregate.is_average:
                        total = Decimal(row.get(aggregate.of, {}).get("N", "0"))
                        totals[(aggregate.target, parent), aggregate.into] += total
                found.faults += _wrong_totals(sides, name, row, totals)


def _wrong_totals(
    sides: Sides, name: str, row: Item, totals: defaultdict[tuple[Place, str], Decimal]
) -> Iterator[Oddity]:
    """Yield the totals of a row that are not those of the rows that refer to it."""
    kind = sides.single.entities[name].kind
    key = kind.key_of(row)
    for total in kind.totals:
        stored, summed = Decimal(row.get(total.into, {}).get("N", "0")), totals[(name, key), total.into]
        if stored != summed and not total.is_average:
            text = key_text({part: row[part] for part in kind.key})
            yield Oddity(table=name, id=text, why=f"{total.into} is {stored}, and its rows have {summed}")


def is_later(row: Item, moment: datetime) -> bool:
    """Return whether a row says that it was written after a moment, or does not say when."""
    stamps = [row[name].get("S", "") for name in ("createdAt", "updatedAt") if name in without_nulls(row)]
    try:
        return not stamps or max(map(from_text, stamps)) > moment
    except ValueError:
        return True
