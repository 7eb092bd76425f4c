"""What a rules.graphql declares, in plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class OnDelete(StrEnum):
    """What becomes of a row whose parent is deleted."""

    RESTRICT = "RESTRICT"
    CASCADE = "CASCADE"
    SET_NULL = "SET_NULL"


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows of a type have the same values in these fields."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """Fields of a row hold the key of a row that exists: its parent.

    Args:
        fields: the fields.
        target: the parent's type.
        on_delete: what becomes of the row when the parent is deleted.
        where: what fields of the parent must hold when the row is made, by name.
        same: the fields that are the same in both.
    """

    fields: tuple[str, ...]
    target: str
    on_delete: OnDelete
    where: Mapping[str, Any]
    same: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Transitions:
    """A field changes by these steps only.

    Args:
        field: the field.
        initial: the values that a new row may have.
        allowed: the values that follow each value; from one that is absent nothing follows.
    """

    field: str
    initial: tuple[str, ...]
    allowed: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CompositeField:
    """A field that the server writes: the values of other fields, joined with `#`."""

    field: str
    of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A field of a parent's row that is the sum, or the average, of a field of its rows.

    Args:
        of: the field of the rows.
        target: the parent's type.
        into: the parent's field.
        by: the fields that hold the parent's key.
        is_average: whether it is the average.
        is_whole: whether the parent's field is an Int of GraphQL, which has 32 bits.
    """

    of: str
    target: str
    into: str
    by: tuple[str, ...]
    is_average: bool
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Constraints:
    """The rules of a type beside its `@auth`; all empty if rules.graphql does not name it.

    Args:
        unique: fields that no two rows share.
        references: rows of other types that must exist.
        transitions: fields that change by steps.
        composites: fields that the server writes.
        aggregates: fields of parents that follow from these rows.
        fixed: fields that no update changes.
        expires_by: the field with the moment, in seconds, after which DynamoDB deletes the row.
        stream_handler: the function to which changes of rows go.
    """

    unique: tuple[Unique, ...] = ()
    references: tuple[Reference, ...] = ()
    transitions: tuple[Transitions, ...] = ()
    composites: tuple[CompositeField, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    fixed: frozenset[str] = frozenset()
    expires_by: str | None = None
    stream_handler: str | None = None
