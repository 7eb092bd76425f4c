"""Amplify's `@auth` rules, as data: which callers a rule admits, to which operations."""

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
    """Admits the member whom a field of the row names.

    Args:
        field: the field.
        operations: to what.
        may_change: the only fields that this member may change; any if empty.
    """

    field: str
    operations: frozenset[Operation]
    may_change: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Private:
    """Admits every signed-in caller, save to rows in which the field `unless` is true."""

    operations: frozenset[Operation]
    unless: str | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """Admits the members of any of some Cognito groups."""

    groups: frozenset[str]
    operations: frozenset[Operation]


AuthRule = Owner | Private | Groups


def owner(
    field: str, operations: Collection[Operation] = EVERYTHING, *, may_change: Collection[str] = ()
) -> Owner:
    """`{ allow: owner, ownerField: field, operations }`, kept to `may_change` where that is given."""
    return Owner(field, frozenset(operations), frozenset(may_change))


def private(operations: Collection[Operation] = EVERYTHING, *, unless: str | None = None) -> Private:
    """`{ allow: private, operations }`, save to rows in which the field `unless` is true."""
    return Private(frozenset(operations), unless)


def groups(*names: str, operations: Collection[Operation] = EVERYTHING) -> Groups:
    """`{ allow: groups, groups: names, operations }`."""
    return Groups(frozenset(names), frozenset(operations))
