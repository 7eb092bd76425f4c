"""The tables of an app whose rows obey rules, and the house's own table beside them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.indexes import Index

from models.clock import to_text
from models.constraints.declared import Constraints
from models.constraints.planning import Place
from models.constraints.ruled import (
    SEPARATOR,
    ContradictionError,
    Incoming,
    RuledType,
    changed,
    composed,
    ruled_types,
)
from models.identifiers import derived
from models.storage.store import Item, index_keys, table_keys
from models.tables import Table
from models.tables.base import KeyAttribute, table

# What a row of the house's own table is about; the values are stored.
UNIQUE, TALLY, DEPARTING = "unique", "tally", "departing"

# Guards, tallies and unfinished deletions of an app; no GraphQL type can have this name.
GUARDS = table(".Guard", KeyAttribute("id"), KeyAttribute("kind"), has_stream=False)


def tally_key(place: Place) -> tuple[str, str]:
    """Return the key of a row's tally."""
    name, key = place
    return derived(name, *((key,) if isinstance(key, str) else key)), TALLY


@dataclass(frozen=True, slots=True)
class TypeTable:
    """A type's table, and what must be known to write it.

    Args:
        table: the table.
        key: the fields of a row's key.
        optional: the fields that a row may lack.
        changed_at: the field with the moment of a row's last change; None if there is none.
    """

    table: type[Table]
    key: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    changed_at: str | None = None


@dataclass(frozen=True, slots=True)
class ChildFinder:
    """How the rows that refer to one row are found.

    Args:
        index: the index that has them under one hash key; None for the table itself.
        covered: the fields of the reference whose values are that hash key, joined.
        filtered: the fields of the reference that are compared beside it.
    """

    index: Index[Any] | None
    covered: tuple[str, ...]
    filtered: tuple[str, ...]

    def hash_value(self, values: Mapping[str, dict[str, Any]]) -> str:
        """Return the hash key under which the rows with these values are."""
        return SEPARATOR.join(str(next(iter(values[name].values()))) for name in self.covered)

    def filter(self, values: Item) -> Condition | None:
        """Return the condition on the other values; None if the hash key says all."""
        condition: Condition | None = None
        for name in self.filtered:  # in PynamoDB, `None & condition` is the condition
            condition &= Path([name]) == values[name]
        return condition


@dataclass(frozen=True, slots=True, eq=False)
class RuledTables:
    """The types of an app with their rules and tables.

    Args:
        types: the types, by name.
        tables: their tables, by the type's name.
        described: what else is known of them, by the type's name.
        finders: how the rows are found that follow a deleted one, by its type and the reference's counter.
    """

    types: Mapping[str, RuledType]
    tables: Mapping[str, type[Table]]
    described: Mapping[str, TypeTable]
    finders: Mapping[tuple[str, str], ChildFinder]

    @classmethod
    def of(cls, described: Mapping[str, TypeTable], constraints: Mapping[str, Constraints]) -> Self:
        """Return an app's types with their rules.

        Args:
            described: the table of each type.
            constraints: what the rows of some types obey.

        Raises:
            ContradictionError: rules contradict each other, or rows that follow a deleted one could not be found.
        """
        types = ruled_types({name: one.key for name, one in described.items()}, constraints)
        tables = {name: one.table for name, one in described.items()}
        finders = {
            (name, one.counter): _finder(one, types[one.child], tables[one.child])
            for name, kind in types.items()
            for one in kind.followed
        }
        return cls(types, tables, described, finders)

    def let_go(self, incoming: Incoming, row: Item, now: datetime) -> dict[str, Any]:
        """Return the changes by which a row lets go of a deleted one, in all attributes that hold its key."""
        name, described = incoming.child, self.described[incoming.child]
        removed = described.optional.intersection(incoming.reference.fields)
        stored = {attribute for _, keys in _ways(described.table) for attribute in keys}
        joined = {attribute for attribute in stored if not removed.isdisjoint(attribute.split(SEPARATOR))}
        changes: dict[str, Any] = dict.fromkeys(sorted(removed | joined))
        if described.changed_at is not None:
            changes[described.changed_at] = {"S": to_text(now)}
        return changes | composed(self.types[name], changed(row, changes))

    def ruled(self, name: str) -> Self | None:
        """Return these tables for a type that obeys rules; None for any other."""
        return None if self.types[name].is_free else self


def _finder(incoming: Incoming, child: RuledType, of: type[Table]) -> ChildFinder:
    fields = incoming.reference.fields
    joined = {one.field: one.of for one in child.constraints.composites if set(one.of) <= set(fields)}
    best: ChildFinder | None = None
    for index, keys in _ways(of):
        hash_name = keys[0]
        covered = (hash_name,) if hash_name in fields else joined.get(hash_name, ())
        if len(covered) > (0 if best is None else len(best.covered)):
            # DynamoDB refuses a filter on the keys of what is queried.
            best = ChildFinder(index, covered, tuple(name for name in fields if name not in {*covered, *keys}))
    if best is None:
        raise ContradictionError(
            f"{incoming.counter}: {incoming.reference.on_delete} must find the rows of {child.name}; "
            f"give {child.name} an @index on {' or '.join(fields)}"
        )
    return best


def _ways(of: type[Table]) -> Iterable[tuple[Index[Any] | None, tuple[str, ...]]]:
    """Yield how rows are found, each with the attributes of its key: by indexes, and by the table."""
    indexes = [value for value in vars(of).values() if isinstance(value, Index)]
    for index in (*indexes, None):
        hash_key, range_key = table_keys(of) if index is None else index_keys(index)
        yield index, (hash_key.name,) if range_key is None else (hash_key.name, range_key.name)
