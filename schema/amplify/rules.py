"""Amplify's `@auth` rules as data: which operations a rule allows to which callers."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Operation(StrEnum):
    """What a caller may be allowed to do with a row."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"


EVERYTHING = frozenset(Operation)
READING = frozenset({Operation.READ})


@dataclass(frozen=True, slots=True)
class Owner:
    """Allows operations to the member whom a field of the row names.

    Args:
        field: the field.
        operations: what is allowed.
        may_change: the only fields that this member may change; empty means any.
    """

    field: str
    operations: frozenset[Operation]
    may_change: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Private:
    """Allows operations to every signed-in caller, except on rows in which the field `unless` is true."""

    operations: frozenset[Operation]
    unless: str | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """Allows operations to the members of any of these Cognito groups."""

    groups: frozenset[str]
    operations: frozenset[Operation]


AuthRule = Owner | Private | Groups


def owner(
    field: str, operations: Collection[Operation] = EVERYTHING, *, may_change: Collection[str] = ()
) -> Owner:
    """`{ allow: owner, ownerField: field, operations }`, where updates may change the fields `may_change` only."""
    return Owner(field, frozenset(operations), frozenset(may_change))


def private(operations: Collection[Operation] = EVERYTHING, *, unless: str | None = None) -> Private:
    """`{ allow: private, operations }`, except on rows in which the field `unless` is true."""
    return Private(frozenset(operations), unless)


def groups(*names: str, operations: Collection[Operation] = EVERYTHING) -> Groups:
    """`{ allow: groups, groups: names, operations }`."""
    return Groups(frozenset(names), frozenset(operations))
