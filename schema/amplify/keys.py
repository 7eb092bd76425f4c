"""How rows of a type are found: by the key of their table, and by its indexes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from pynamodb.indexes import Index

from models.storage.store import index_keys, table_keys
from models.tables import Table
from models.tables.base import KeyAttribute
from schema.amplify import names

# Between the values of several sort fields, and between their names in the name of the attribute that holds them.
SEPARATOR = "#"


@dataclass(frozen=True, slots=True)
class Keys:
    """The fields that rows are found by.

    Args:
        hash: the field whose value finds rows.
        sort: the fields that sort the rows of one such value and that clients may compare; several of them are
            stored together, as one text.
    """

    hash: str
    sort: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Return all fields."""
        return self.hash, *self.sort

    @property
    def is_composite(self) -> bool:
        """Return whether several fields sort."""
        return len(self.sort) > 1

    @property
    def sort_attribute(self) -> str:
        """Return the name of the attribute that holds the sort fields: `status#startDate`."""
        return SEPARATOR.join(self.sort)

    @property
    def sort_argument(self) -> str:
        """Return the name of the argument that compares the sort fields: `statusStartDate`."""
        if not self.is_composite:
            return self.sort[0]
        first, *others = self.sort
        return names.lower_first(first) + "".join(map(names.upper_first, others))


@dataclass(frozen=True, slots=True)
class Finder:
    """A way to find rows: an index of a table, or the table itself.

    Args:
        keys: the fields that rows are found by.
        hash: the attribute with the hash field.
        range: the attribute that sorts, which clients may be unable to compare; None if nothing sorts.
        index: the index; None for the table itself.
        query: the field of Query that asks it; None if there is none.
    """

    keys: Keys
    hash: KeyAttribute
    range: KeyAttribute | None
    index: Index[Any] | None = None
    query: str | None = None

    @classmethod
    def of_table(cls, table: type[Table], sort: Sequence[str] = ()) -> Self:
        """Return how a table finds its rows.

        Args:
            table: the table.
            sort: the fields that its range key consists of.
        """
        hash_key, range_key = table_keys(table)
        return cls(Keys(hash_key.name, tuple(sort)), hash_key, range_key)

    @classmethod
    def of_index(cls, index: Index[Any], sort: Sequence[str] = (), query: str | None = None) -> Self:
        """Return how an index finds rows.

        Args:
            index: the index.
            sort: the fields of its range key that clients may compare.
            query: the field of Query that asks it; None if there is none.
        """
        hash_key, range_key = index_keys(index)
        return cls(Keys(hash_key.name, tuple(sort)), hash_key, range_key, index, query)

    @property
    def attributes(self) -> frozenset[str]:
        """Return the names of the attributes that rows are found and sorted by."""
        return frozenset({self.hash.name} if self.range is None else {self.hash.name, self.range.name})
