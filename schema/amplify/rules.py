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
    """Admits the member whom a field of the row names."""

    field: str
    operations: frozenset[Operation]


@dataclass(frozen=True, slots=True)
class Private:
    """Admits every signed-in caller."""

    operations: frozenset[Operation]


@dataclass(frozen=True, slots=True)
class Groups:
    """Admits the members of any of some Cognito groups."""

    groups: frozenset[str]
    operations: frozenset[Operation]


Rule = Owner | Private | Groups


def owner(field: str, operations: Collection[Operation] = EVERYTHING) -> Owner:
    """`{ allow: owner, ownerField: field, operations }`."""
    return Owner(field, frozenset(operations))


def private(operations: Collection[Operation] = EVERYTHING) -> Private:
    """`{ allow: private, operations }`."""
    return Private(frozenset(operations))


def groups(*names: str, operations: Collection[Operation] = EVERYTHING) -> Groups:
    """`{ allow: groups, groups: names, operations }`."""
    return Groups(frozenset(names), frozenset(operations))
