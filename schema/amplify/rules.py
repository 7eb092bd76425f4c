"""Amplify's `@auth` rules as data: which operations a rule allows to which callers."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Operation(StrEnum):
    """What a caller may be allowed to do with a row."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"


EVERYTHING = frozenset(Operation)
READING = frozenset({Operation.READ})


class Way(StrEnum):
    """How a row is read: `read` in a rule means all of them."""

    GET = "get"
    LIST = "list"
    LISTEN = "listen"


EVERY_WAY = frozenset(Way)

# The claim in which Cognito lists a caller's groups.
GROUPS_CLAIM = "cognito:groups"
# The claims by which owner fields name members, where a rule does not say: alone, or joined by `::`.
IDENTITY_CLAIMS = ("sub", "username")


@dataclass(frozen=True, slots=True)
class Owner:
    """Allows operations to the member whom a field of the row names.

    Args:
        field: the field.
        operations: what is allowed.
        may_change: the only fields that this member may change; empty means any.
        is_for_newcomers: whether it also admits a signed-in caller who is not a member yet.
        ways: how rows may be read, where that is allowed.
        claims: the claims of a token of which the field holds one, or all, joined by `::`.
        is_qualified: whether new rows have them all, such as `sub::username`, rather than the first alone.
    """

    field: str
    operations: frozenset[Operation]
    may_change: frozenset[str] = frozenset()
    is_for_newcomers: bool = False
    ways: frozenset[Way] = EVERY_WAY
    claims: tuple[str, ...] = IDENTITY_CLAIMS
    is_qualified: bool = False

    @property
    def is_by_sub(self) -> bool:
        """Return whether rows name the member by `sub` alone, whichever of the names a client gives."""
        return self.claims == IDENTITY_CLAIMS and not self.is_qualified


@dataclass(frozen=True, slots=True)
class Private:
    """Allows operations to every signed-in caller.

    Args:
        operations: what is allowed.
        unless: the field that, when true, excepts a row.
        instead: the fields whose values whoever only this rule admits does not see, and what they see instead.
        ways: how rows may be read, where that is allowed.
    """

    operations: frozenset[Operation]
    unless: str | None = None
    instead: Mapping[str, Any] = field(default_factory=dict, hash=False)
    ways: frozenset[Way] = EVERY_WAY


@dataclass(frozen=True, slots=True)
class Public:
    """Allows operations to guests, and perhaps to everybody else.

    Args:
        operations: what is allowed.
        unless: the field that, when true, excepts a row.
        fields: the only fields that whoever only this rule admits may see; None means all.
        ways: how rows may be read, where that is allowed.
        is_for_guests_only: whether whoever is signed in needs another rule, as Amplify has it.
    """

    operations: frozenset[Operation]
    unless: str | None = None
    fields: frozenset[str] | None = None
    ways: frozenset[Way] = EVERY_WAY
    is_for_guests_only: bool = False


@dataclass(frozen=True, slots=True)
class Groups:
    """Allows operations to the members of any of these groups.

    Args:
        groups: the groups.
        operations: what is allowed.
        ways: how rows may be read, where that is allowed.
        claim: the claim of a token that lists its bearer's groups.
    """

    groups: frozenset[str]
    operations: frozenset[Operation]
    ways: frozenset[Way] = EVERY_WAY
    claim: str = GROUPS_CLAIM


@dataclass(frozen=True, slots=True)
class GroupsField:
    """Allows operations to the members of any group that a field of the row names.

    Args:
        field: the field, a text or a list of texts.
        operations: what is allowed.
        ways: how rows may be read, where that is allowed.
        claim: the claim of a token that lists its bearer's groups.
    """

    field: str
    operations: frozenset[Operation]
    ways: frozenset[Way] = EVERY_WAY
    claim: str = GROUPS_CLAIM


AuthRule = Owner | Private | Public | Groups | GroupsField


def role_of(rule: AuthRule) -> AuthRule:
    """Return whom a rule is about: the rule without what it allows."""
    return replace(rule, operations=frozenset(), ways=frozenset())


def reading(rules: Iterable[AuthRule]) -> list[AuthRule]:
    """Return the rules that allow reading."""
    return [rule for rule in rules if Operation.READ in rule.operations]


def covers(rules: Iterable[AuthRule], other: AuthRule) -> bool:
    """Return whether some rules are about all whom another is about; `private` is about whoever is signed in."""
    return any(
        role_of(rule) == role_of(other) or (isinstance(rule, Private) and not isinstance(other, Public))
        for rule in rules
    )


def claims_of(rule: AuthRule) -> tuple[str, ...]:
    """Return the claims of a token by which a rule knows its bearer."""
    if isinstance(rule, Owner):
        return rule.claims
    return (rule.claim,) if isinstance(rule, Groups | GroupsField) else ()


# What admits callers to the rows of others.
OPEN = (Private, Public)


def owner(
    field: str,
    operations: Collection[Operation] = EVERYTHING,
    *,
    may_change: Collection[str] = (),
    is_for_newcomers: bool = False,
) -> Owner:
    """`{ allow: owner, ownerField: field, operations }`, where updates may change the fields `may_change` only."""
    return Owner(field, frozenset(operations), frozenset(may_change), is_for_newcomers)


def private(
    operations: Collection[Operation] = EVERYTHING,
    *,
    unless: str | None = None,
    instead: Mapping[str, Any] | None = None,
) -> Private:
    """`{ allow: private, operations }`, except on rows in which the field `unless` is true.

    Whoever only this rule admits sees the values of `instead` for those fields.
    """
    return Private(frozenset(operations), unless, instead or {})


def public(
    operations: Collection[Operation] = READING,
    *,
    unless: str | None = None,
    fields: Collection[str] | None = None,
) -> Public:
    """`{ allow: public, operations }`, except on rows in which the field `unless` is true; of `fields` only.

    Guests do not listen.
    """
    ways = frozenset({Way.GET, Way.LIST})
    return Public(frozenset(operations), unless, None if fields is None else frozenset(fields), ways)


def groups(*names: str, operations: Collection[Operation] = EVERYTHING) -> Groups:
    """`{ allow: groups, groups: names, operations }`."""
    return Groups(frozenset(names), frozenset(operations))
