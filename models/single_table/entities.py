"""Rows of the single table: of which type each is, what it becomes, and what it was.

The table has all entities under their owner, `userId`, and one range key for all. A row is told by the attributes
that only its type has; the id of its type is an attribute of its own, or else the range key itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from typing import Any

from models.constraints.ruled import SEPARATOR, Key, Row, RuledType, started, text_of
from models.migration.former import Oddity
from models.single_table.shapes import MisfitError, TypeShape, fitted, joined

OWNER = "userId"
# What a moved row says beside its fields: the key that it has in the single table, and what it was then.
MOVED_FROM = "movedFrom"
_SETS = frozenset({"SS", "NS", "BS"})

# The types, those first to which others refer; each with the attributes that tell it from the ones behind it in
# `_TOLD`. A work names an expense, a project and a contractor, an expense the two others.
TYPES = ("User", "Project", "Contractor", "Expense", "Work")
_TOLD: tuple[tuple[str, frozenset[str]], ...] = (
    ("Work", frozenset({"workId", "WorkName", "TotalWorkCost"})),
    ("Expense", frozenset({"expenseId", "invoiceNum", "amount", "paymentMethod"})),
    ("Project", frozenset({"projectId", "startDate", "SpentAmount"})),
    ("Contractor", frozenset({"contractorId", "phone"})),
    ("User", frozenset({"email"})),
)


@dataclass(frozen=True, slots=True)
class Entity:
    """A type of which the single table has rows.

    Args:
        kind: the type with its rules.
        shape: what its rows look like.
    """

    kind: RuledType
    shape: TypeShape

    @property
    def id_field(self) -> str | None:
        """Return the field of its id beside its owner; None if the owner has one such row."""
        return self.shape.key[1] if len(self.shape.key) > 1 else None

    @property
    def written(self) -> frozenset[str]:
        """Return the fields that the server writes: from others, or as totals of other rows."""
        composites = {one.field for one in self.kind.constraints.composites}
        return frozenset(composites | {total.into for total in self.kind.totals})


def type_of(row: Row, range_key: str) -> str | None:
    """Return the type of a row of the single table; None if nothing in it tells.

    Args:
        row: the row.
        range_key: the name of the table's range key, which every row has, and which tells nothing.
    """
    names = without_nulls(row).keys() - {range_key}
    return next((name for name, told in _TOLD if not told.isdisjoint(names)), None)


def without_nulls(row: Row) -> dict[str, Any]:
    """Return a row without attributes that are null."""
    return {name: value for name, value in row.items() if "NULL" not in value}


@dataclass(frozen=True, slots=True)
class SingleTable:
    """What must be known of the single table to read its rows.

    Args:
        name: its name.
        range_key: the name of its range key.
        entities: the types of its rows, by name.
    """

    name: str
    range_key: str
    entities: Mapping[str, Entity]

    def key_of(self, row: Row) -> dict[str, Any]:
        """Return the key of a row there, as it is stored."""
        return {name: dict(row[name]) for name in (OWNER, self.range_key)}

    def oddity(self, row: Row, why: str) -> Oddity:
        """Return a row that stays there as an oddity."""
        return Oddity(table=type_of(row, self.range_key) or "?", id=key_text(self.key_of(row)), why=why)

    def entity_of(self, row: Row) -> Entity | None:
        """Return the type of a row there; None if nothing tells."""
        return self.entities.get(type_of(row, self.range_key) or "")

    def key_here(self, row: Row) -> Key | None:
        """Return the key that a row has in the table of its type; None if it is of none."""
        entity = self.entity_of(row)
        if entity is None:
            return None
        key = self._keyed(entity, without_nulls(row))
        return entity.kind.key_of(key) if all("S" in key.get(name, {}) for name in entity.shape.key) else None

    def moved(self, row: Row, now: str) -> dict[str, Any] | Oddity:
        """Return what a row becomes in the table of its type; totals are those of no rows.

        Args:
            row: the row.
            now: the moment that it gets where it does not say when it was made or changed.
        """
        entity = self.entity_of(row)
        if entity is None:
            return self.oddity(row, "it is no user, project, contractor, expense or work")
        if _has_bytes(row.values()):
            return self.oddity(row, "it has binary data, which the app cannot serve")
        given = self._keyed(entity, without_nulls(row))
        try:
            values = fitted(entity.shape, given, entity.written)
        except MisfitError as error:
            return self.oddity(row, str(error))
        stamps = {name: {"S": now} for name in entity.shape.stamps}
        origin = {"key": {"M": self.key_of(row)}, "digest": {"S": digest(row)}}
        # What the app does not know is kept, so that nothing is lost.
        item = given | stamps | values | {"__typename": {"S": entity.shape.name}, MOVED_FROM: {"M": origin}}
        item = started(entity.kind, item)
        return item | joined(entity.shape, item)

    def changes(self, before: Row, after: Row, row: Row) -> dict[str, Any]:
        """Return what changes in the table of its type when a row has changed in the single one; None removes.

        Args:
            before: the row as it is stored there.
            after: what `moved` returned.
            row: the row of the single table.
        """
        entity = self.entities[after["__typename"]["S"]]
        # What the single table does not say stays as it is here.
        kept = {total.into for total in entity.kind.totals} | (entity.shape.stamps - without_nulls(row).keys())
        names = (before.keys() | after.keys()) - kept
        return {
            name: after.get(name)
            for name in sorted(names)
            if ordered(before.get(name)) != ordered(after.get(name))
        }

    def prefix_of(self, entity: Entity, row: Row) -> str:
        """Return what stands before a row's id in the range key that it came from: `PROJECT#`, or nothing."""
        came, own = text_of(origin_of(row)[self.range_key]), text_of(row[entity.id_field or OWNER])
        return came.removesuffix(own) if came.endswith(own) else ""

    def returned(self, entity: Entity, row: Row, prefix: str) -> dict[str, Any]:
        """Return a row of a type's table as the single table is to store it.

        Args:
            entity: the type.
            row: the row. Its key in the single table is the one that it came from.
            prefix: what stands before the id in the range key of a row that was made in the app.
        """
        ours = {"__typename", MOVED_FROM, *(one.field for one in entity.kind.constraints.composites)}
        ours |= joined(entity.shape, row).keys()
        item = {name: value for name, value in row.items() if name not in ours}
        own = text_of(row[entity.id_field or OWNER])
        return item | {self.range_key: {"S": f"{prefix}{own}"}} | origin_of(row)

    def _keyed(self, entity: Entity, row: Row) -> dict[str, Any]:
        """Return a row with its own id, and without the range key where that is no field of its type."""
        own = entity.id_field
        others = {name: value for name, value in row.items() if name != self.range_key}
        if own is None:
            return others
        # `PROJECT#1` is the range key of project 1.
        kind, _, rest = row[self.range_key]["S"].partition(SEPARATOR)
        is_prefixed = rest and kind.casefold() == entity.shape.name.casefold()
        return others | {own: row.get(own, {"S": rest} if is_prefixed else row[self.range_key])}


def origin_of(row: Row) -> dict[str, Any]:
    """Return the key that a row of a type's table has in the single one; empty if it was made here."""
    found: dict[str, Any] = row[MOVED_FROM]["M"]["key"]["M"] if MOVED_FROM in row else {}
    return found


def digest_of(row: Row) -> str | None:
    """Return the digest of what a row was in the single table when it came; None if it was made here."""
    return row[MOVED_FROM]["M"]["digest"]["S"] if MOVED_FROM in row else None


def digest(row: Row) -> str:
    """Return a text that tells one state of a row from any other."""
    return sha256(dumps(ordered(row), sort_keys=True, default=repr).encode()).hexdigest()


def key_text(key: Row) -> str:
    """Return a key as people read it, and as it is stored where rows are named: a JSON list of texts."""
    # DynamoDB returns the parts of a stored key in any order.
    texts = [text_of(value) for _, value in sorted(key.items(), key=lambda part: part[0] != OWNER)]
    return dumps(texts, ensure_ascii=False)


def ordered(value: Any) -> Any:
    """Return a stored value with its sets in order: DynamoDB returns them in any."""
    match value:
        case list():
            return [ordered(one) for one in value]
        case dict():
            return {
                name: sorted(one) if name in _SETS and isinstance(one, list) else ordered(one)
                for name, one in value.items()
            }
    return value


def _has_bytes(values: Iterable[Any]) -> bool:
    return any(
        isinstance(value, bytes)
        or (isinstance(value, Mapping) and _has_bytes(value.values()))
        or (isinstance(value, list) and _has_bytes(value))
        for value in values
    )
