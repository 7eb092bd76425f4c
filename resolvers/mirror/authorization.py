"""Amplify's `@auth` rules, applied: who may do what with which row. Pure functions of rules, caller and row."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import lru_cache, reduce
from operator import or_
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from models.storage.store import Item, Key
from resolvers.identity.callers import Caller, Standing
from schema.amplify.declaration import Model
from schema.amplify.rules import (
    IDENTITY_CLAIMS,
    OPEN,
    AuthRule,
    Groups,
    GroupsField,
    Operation,
    Owner,
    Private,
    Public,
    Way,
)
from schema.amplify.wire import OWNER_SEPARATOR

_ABSENT: dict[str, Any] = {}


class Visibility(Enum):
    """Which of the rows with one index key a caller may read, as far as the rules can say before reading any."""

    ALL = auto()
    SHARED = auto()  # the rows that are open to all members, and the caller's own
    OWN_BY_THIS_INDEX = auto()  # the caller's own rows, in an index whose key is not an owner field
    OWN_BY_OTHER_FIELDS = auto()  # another member's rows that name the caller too, in another owner field


@dataclass(frozen=True, slots=True)
class Naming:
    """A field by which rows name a caller, or a group of theirs.

    Args:
        field: the field, a text or a list of texts.
        names: its values that mean the caller.
        stored: those of them that an index is asked for: the others are in no row that the server has written.
    """

    field: str
    names: frozenset[str]
    stored: tuple[str, ...]


def model_for(caller: Caller, model: Model, way: Way | None = None) -> Model:
    """Return a type with only those rules that are meant for callers of this standing; a member's are most.

    Args:
        caller: who is asking.
        model: the type.
        way: how rows are read, where they are: the rules that allow only other ways do not count.
    """
    if caller.standing is Standing.MEMBER and not model.has_special_rules:
        return model
    return _narrowed(model, caller.standing, way)


@lru_cache(maxsize=1_000)
def _narrowed(model: Model, standing: Standing, way: Way | None) -> Model:
    counting = (rule for rule in model.rules_of(way) if way is None or way in rule.ways)
    return replace(model, rules=tuple(rule for rule in counting if _is_meant_for(rule, standing)))


def _is_meant_for(rule: AuthRule, standing: Standing) -> bool:
    match rule:
        case Owner():
            newcomers = rule.is_for_newcomers and standing is Standing.NEWCOMER
            return newcomers or standing is Standing.MEMBER
        case Private():
            return standing is Standing.MEMBER
        case Public():
            return standing is Standing.GUEST or not rule.is_for_guests_only
        case Groups() | GroupsField():
            return True


def may_call(caller: Caller, rules: Iterable[AuthRule]) -> bool:
    """Return whether one of some rules admits a caller, whatever the row: only rules about no row do."""
    return any(_is_meant_for(rule, caller.standing) and _admits(rule, caller, _ABSENT) for rule in rules)


def admits(caller: Caller, model: Model, operation: Operation, way: Way | None = None) -> bool:
    """Return whether a rule may let a caller do something with some row of a type, perhaps read it in some way."""
    rules = model_for(caller, model, way).rules
    return any(operation in rule.operations and _may_admit(rule, caller) for rule in rules)


def _may_admit(rule: AuthRule, caller: Caller) -> bool:
    """Return whether there may be a row to which a rule admits a caller."""
    match rule:
        case Owner() | GroupsField():
            return bool(_names_by(rule, caller))
        case Groups():
            return _is_in(rule, caller)
        case Private() | Public():
            return True


def _is_in(rule: Groups, caller: Caller) -> bool:
    return not rule.groups.isdisjoint(caller.values_of(rule.claim))


def _names_by(rule: Owner | GroupsField, caller: Caller) -> frozenset[str]:
    """Return the values of a rule's field that mean a caller; none, if their token lacks a claim."""
    if isinstance(rule, GroupsField):
        return frozenset(caller.values_of(rule.claim))
    if rule.claims == IDENTITY_CLAIMS:
        return names_of(caller)
    values = [caller.values_of(claim) for claim in rule.claims]
    if not all(values):
        return frozenset()
    joined = _joined([value for (value, *_) in values])
    return frozenset(value for found in values for value in found) | ({joined} if joined else frozenset())


def _joined(values: Sequence[str]) -> str | None:
    """Return the values of several claims as one; None if they could be those of another caller, too."""
    return None if any(OWNER_SEPARATOR in value for value in values) else OWNER_SEPARATOR.join(values)


@lru_cache(maxsize=1_000)
def namings(caller: Caller, model: Model, operation: Operation) -> Sequence[Naming]:
    """Return the fields that name a caller to whom a rule allows an operation then, each once.

    They are remembered, because each read asks several times.
    """
    found: dict[str, Naming] = {}
    for rule in model.rules:
        if operation in rule.operations and isinstance(rule, Owner | GroupsField):
            names, stored = _names_by(rule, caller), _stored_by(rule, caller)
            if (other := found.get(rule.field)) is not None:
                names, stored = names | other.names, tuple(dict.fromkeys((*other.stored, *stored)))
            if names:
                found[rule.field] = Naming(rule.field, names, stored)
    return tuple(found.values())


def _stored_by(rule: Owner | GroupsField, caller: Caller) -> tuple[str, ...]:
    if isinstance(rule, Owner) and rule.is_by_sub:
        return (caller.sub,)
    # First the one that most rows have.
    return tuple(sorted(_names_by(rule, caller), key=lambda name: (-name.count(OWNER_SEPARATOR), name)))


def concealed_fields(caller: Caller, model: Model) -> Collection[str]:
    """Return the fields that a caller does not see in the rows of others."""
    if by_group(caller, model, Operation.READ):
        return frozenset()
    is_member = caller.standing is Standing.MEMBER
    return model.hidden_fields.keys() if is_member else model.unpublished_fields


def shows_all(caller: Caller, model: Model, item: Item) -> bool:
    """Return whether a caller sees every field of a row: their own, even if inactive, or by a group."""
    if by_group(caller, model, Operation.READ):
        return True
    owners = model.owner_fields(Operation.READ) if caller.standing is not Standing.GUEST else ()
    names = names_of(caller)
    return any(is_named(names, item.get(owner, _ABSENT)) for owner in owners)


def unopened(model: Model) -> Model:
    """Return a type without the rules that admit callers to the rows of others."""
    return replace(model, rules=tuple(rule for rule in model.rules if not isinstance(rule, OPEN)))


def visibility(caller: Caller, model: Model, field: str, value: str) -> Visibility:
    """Return which rows a caller may read of those with a value in an indexed field."""
    naming = next((one for one in namings(caller, model, Operation.READ) if one.field == field), None)
    is_own = naming is not None and value in naming.names
    if is_own or admits_everywhere(caller, model, Operation.READ):
        return Visibility.ALL
    if admits_strangers(caller, model, Operation.READ):
        return Visibility.SHARED
    return Visibility.OWN_BY_THIS_INDEX if naming is None else Visibility.OWN_BY_OTHER_FIELDS


def visible(caller: Caller, model: Model, *, index: str | None = None) -> Condition | None:
    """Return the DynamoDB condition of the rows that a caller may read; None if no field limits them.

    Args:
        caller: who is asking, in no group that may read every row.
        model: the type.
        index: the field whose index is read: DynamoDB refuses a filter on it.
    """
    others = [naming for naming in namings(caller, model, Operation.READ) if naming.field != index]
    conditions: list[Condition] = [names_caller(model, others)] if others else []
    if (hidden := model.hidden_by(Operation.READ)) is not None:
        path = Path([hidden])
        conditions.append(path.does_not_exist() | (path == {"BOOL": False}))
    return reduce(or_, conditions) if conditions else None


def names_caller(model: Model, fields: Sequence[Naming]) -> Condition:
    """Return the DynamoDB condition that at least one of these fields names the caller."""
    conditions: list[Condition] = []
    for naming in fields:
        path, names = Path([naming.field]), [{"S": name} for name in sorted(naming.names)]
        is_list = model.fields[naming.field].is_list
        conditions += [path.contains(name) for name in names] if is_list else [path.is_in(*names)]
    return reduce(or_, conditions)


def is_owner(caller: Caller, value: str | None) -> bool:
    """Return whether an owner field's value names the caller: as `sub::username`, `sub` or `username`."""
    return value in names_of(caller)


def is_named(names: frozenset[str], wire: Mapping[str, Any]) -> bool:
    """Return whether an owner field of a row, which may list several members, holds one of some names."""
    elements = wire.get("L")
    if elements is None:
        return wire.get("S") in names
    return any(element.get("S") in names for element in elements)


def owner_value(caller: Caller, model: Model, name: str) -> Any:
    """Return what an owner field of a new row holds that names its creator; None if no claim does."""
    rules = (rule for rule in model.rules if isinstance(rule, Owner) and rule.field == name)
    value = next((value for rule in rules if (value := _owner_by(rule, caller)) is not None), None)
    return [value] if value is not None and model.fields[name].is_list else value


def _owner_by(rule: Owner, caller: Caller) -> str | None:
    """Return what names a caller in a new row, None if their token lacks a claim."""
    values = [found[0] for claim in rule.claims if (found := caller.values_of(claim))]
    if len(values) < len(rule.claims):
        return None
    return _joined(values) if rule.is_qualified else values[0]


def is_named_by(caller: Caller, model: Model, name: str, value: Any) -> bool:
    """Return whether an owner field's value in an input, a text or a list of them, names the caller.

    Args:
        caller: whoever sends the input.
        model: the type, with the rules that count for them.
        name: the owner field.
        value: its value.
    """
    texts = value if isinstance(value, list) else [value]
    rules = (rule for rule in model.rules if isinstance(rule, Owner) and rule.field == name)
    return any(text in _names_by(rule, caller) for rule in rules for text in texts)


def names_of(caller: Caller) -> frozenset[str]:
    """Return the values by which an owner field may name a caller."""
    return frozenset({caller.sub, caller.username, f"{caller.sub}{OWNER_SEPARATOR}{caller.username}"})


def admits_everywhere(caller: Caller, model: Model, operation: Operation) -> bool:
    """Return whether a caller may do something with every row of a type, whoever owns it."""
    is_open = model.is_private(operation) and model.hidden_by(operation) is None
    return is_open or by_group(caller, model, operation)


def admits_strangers(caller: Caller, model: Model, operation: Operation) -> bool:
    """Return whether a caller may do something with rows of other members, even if not with all of them."""
    return model.is_private(operation) or by_group(caller, model, operation)


def by_group(caller: Caller, model: Model, operation: Operation) -> bool:
    """Return whether one of the caller's groups is admitted to an operation."""
    return any(
        isinstance(rule, Groups) and operation in rule.operations and _is_in(rule, caller) for rule in model.rules
    )


def admitting(caller: Caller, model: Model, operation: Operation, item: Item) -> Iterator[AuthRule]:
    """Yield the rules that let a caller do something with a row."""
    for rule in model.rules:
        if operation in rule.operations and _admits(rule, caller, item):
            yield rule


def admits_by(rules: Iterable[AuthRule], caller: Caller, operation: Operation, item: Item) -> bool:
    """Return whether some of all rules of a field let a caller do something with it in a row."""
    return any(
        operation in rule.operations and _is_meant_for(rule, caller.standing) and _admits(rule, caller, item)
        for rule in rules
    )


def _admits(rule: AuthRule, caller: Caller, item: Item) -> bool:
    match rule:
        case Owner(field=field) | GroupsField(field=field):
            return is_named(_names_by(rule, caller), item.get(field, _ABSENT))
        case Groups():
            return _is_in(rule, caller)
        case Private(unless=hidden) | Public(unless=hidden):
            return hidden is None or not item.get(hidden, {}).get("BOOL", False)


def may(caller: Caller, model: Model, operation: Operation, item: Item) -> bool:
    """Return whether a caller may do something with a row."""
    return any(True for _ in admitting(caller, model, operation, item))


def may_read(caller: Caller, model: Model, item: Item) -> bool:
    """Return whether a caller may read a row."""
    return may(caller, model, Operation.READ, item)


def reader(caller: Caller, model: Model) -> Callable[[Item], bool]:
    """Return `may_read` for many rows of a type, several times as fast."""
    if admits_everywhere(caller, model, Operation.READ):
        return lambda _: True
    found = namings(caller, model, Operation.READ)
    hidden = [rule.unless for rule in model.rules if isinstance(rule, OPEN) and Operation.READ in rule.operations]
    if any(model.fields[naming.field].is_list for naming in found):
        return lambda row: may_read(caller, model, row)
    named = [(naming.field, naming.names) for naming in found]

    def may_read_it(row: Item) -> bool:
        for field, names in named:
            if row.get(field, _ABSENT).get("S") in names:
                return True
        return any(name is None or not row.get(name, _ABSENT).get("BOOL", False) for name in hidden)

    return may_read_it


def may_ask_for(caller: Caller, model: Model, key: Key) -> bool:
    """Return whether a caller may ask for a row by its key.

    Where the hash key is the owner, a foreign one is refused before the row is read; elsewhere the row decides.
    """
    return may_ask_in(caller, model, model.keys.hash, key if isinstance(key, str) else key[0])


def may_ask_in(caller: Caller, model: Model, field: str, value: str) -> bool:
    """Return whether a caller may ask for the rows with a value in an indexed field, even if there are none.

    Where only this field names them, a foreign value is refused.
    """
    if admits_strangers(caller, model, Operation.READ):
        return True
    found = namings(caller, model, Operation.READ)
    return {naming.field for naming in found} != {field} or value in found[0].names


def readable(caller: Caller, model: Model, items: Iterable[Item]) -> list[Item]:
    """Return the rows that a caller may read, in their order."""
    return list(filter(reader(caller, model), items))
