"""What a run would do: reads the single table, and writes nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from models.clock import to_text
from models.constraints.planning import Place, guard_id
from models.constraints.refusals import duplicate_refusal, reference_refusal
from models.constraints.ruled import Row, referred
from models.migration.former import Oddity
from models.single_table.entities import OWNER, TYPES, Entity
from models.storage.store import Item
from workflows.console.single_table.tables import Sides

AMOUNT = "amount"


@dataclass(slots=True)
class Count:
    """How many rows, and the sum of their amounts."""

    rows: int = 0
    amount: Decimal = Decimal(0)

    def add(self, amount: Decimal) -> None:
        """Count one more."""
        self.rows += 1
        self.amount += amount


def counts() -> dict[str, Count]:
    """Return a count of nothing for each type."""
    return {name: Count() for name in TYPES}


@dataclass
class Survey:
    """What there is.

    Attributes:
        rows: the rows that a run moves, by type.
        left: what stays in the single table, because a person has to put it right.
        unnamed: how many users have rows, and none of their own: no address is known of them.
    """

    rows: dict[str, Count] = field(default_factory=counts)
    left: list[Oddity] = field(default_factory=list)
    unnamed: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    """A row that fits by itself: what must be true of others is judged when all were read."""

    place: Place
    guards: frozenset[str]
    parents: tuple[tuple[Place, Oddity], ...]
    taken: Oddity
    duplicate: Oddity
    amount: Decimal


async def survey(sides: Sides, progress: Callable[[int], object]) -> Survey:
    """Return what a run would do; `progress` is told how many rows were read."""
    found, waiting = Survey(), dict[str, list[_Found]]()
    owners: set[str] = set()
    now = to_text(sides.now())
    async for page in sides.pages_there():
        for row in page.items:
            owners.add(row[OWNER]["S"])
            entity, moved = sides.single.entity_of(row), sides.single.moved(row, now)
            if isinstance(moved, Oddity) or entity is None:
                found.left += [moved] if isinstance(moved, Oddity) else []
            else:
                waiting.setdefault(entity.shape.name, []).append(_read(sides, entity, row, moved))
        progress(page.read)
    _judge(waiting, found)
    found.unnamed = len(owners) - found.rows["User"].rows
    return found


def _read(sides: Sides, entity: Entity, row: Item, moved: Row) -> _Found:
    kind, place = entity.kind, (entity.shape.name, entity.kind.key_of(moved))
    parents = (
        ((one.target, key), sides.single.oddity(row, reference_refusal(one).message))
        for one in kind.references
        if (key := referred(one.fields, moved)) is not None
    )
    ids = {guard_id(kind, unique, moved): unique for unique in kind.constraints.unique}
    duplicate = " ".join(duplicate_refusal(kind, unique).message for unique in ids.values())
    return _Found(
        place,
        frozenset(one for one in ids if one is not None),
        tuple(parents),
        sides.single.oddity(row, f"another row of the single table is the {kind.name} with this key"),
        sides.single.oddity(row, duplicate),
        amount_of(moved),
    )


def _judge(waiting: dict[str, list[_Found]], found: Survey) -> None:
    """Note what is moved: those first to which others refer."""
    places: set[Place] = set()
    guards: set[str] = set()
    for name in TYPES:
        for one in waiting.get(name, ()):
            missing = next((oddity for place, oddity in one.parents if place not in places), None)
            if one.place in places:
                found.left.append(one.taken)
            elif missing is not None:
                found.left.append(missing)
            elif not one.guards.isdisjoint(guards):
                found.left.append(one.duplicate)
            else:
                places.add(one.place)
                guards |= one.guards
                found.rows[name].add(one.amount)


def amount_of(row: Row) -> Decimal:
    """Return the amount of a row; 0 of one that has none."""
    return Decimal(row.get(AMOUNT, {}).get("N", "0"))
