"""The rules of single fields: who reads a field of a row, asks for rows by it, or writes it. Pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from models.storage.store import Item
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import admits, admits_by, may_call
from schema.amplify.declaration import Model
from schema.amplify.rules import GroupsField, Operation, Owner, Way, covers, reading
from schema.errors import UnauthorizedError


def sees(caller: Caller, model: Model, name: str, item: Item) -> bool:
    """Return whether a caller who may read a row may read one of its guarded fields."""
    return admits_by(model.field_rules[name], caller, Operation.READ, item)


def conceals(caller: Caller, model: Model, item: Item) -> bool:
    """Return whether a row has a field that a caller who may read the row may not read."""
    return any(name in item and not sees(caller, model, name, item) for name in model.guarded)


def sees_everywhere(caller: Caller, model: Model, name: str) -> bool:
    """Return whether a caller may read a guarded field of every row."""
    return may_call(caller, reading(model.field_rules[name]))


def asking(caller: Caller, model: Model, names: Iterable[str], way: Way | None) -> Model:
    """Return a type with only the rules by which a caller may read some fields of the rows, too.

    Whoever asks for rows by the value of a field, or in its order, learns the value from which rows are answered.

    Args:
        caller: who is asking.
        model: the type.
        names: the fields that rows are asked for by.
        way: how the rows are read; None if any way counts.

    Raises:
        UnauthorizedError: the caller may read one of the fields in no row.
    """
    asked = sorted(model.guarded.intersection(names))
    limiting = [name for name in asked if not sees_everywhere(caller, model, name)]
    if not limiting:
        return model
    rules = reading(model.rules_of(way))
    for name in limiting:
        allowed = reading(model.field_rules[name])
        rules = [rule for rule in rules if covers(allowed, rule)]
        narrowed = replace(model, rules=tuple(rules), listening=None)
        if not admits(caller, narrowed, Operation.READ, way):
            raise refused(model, name)
    return narrowed


def check_asked(caller: Caller, model: Model, names: Iterable[str], item: Item) -> None:
    """Check that a caller may read the fields of a row that a condition compares.

    Raises:
        UnauthorizedError: they may not.
    """
    for name in sorted(model.guarded.intersection(names)):
        if not sees(caller, model, name, item):
            raise refused(model, name)


def refused(model: Model, name: str) -> UnauthorizedError:
    """Return the error for a field that a caller may not read, in AppSync's words."""
    return UnauthorizedError(f"Not Authorized to access {name} on type {model.name}", info={"field": name})


def check_created(caller: Caller, model: Model, given: Mapping[str, Any], row: Item) -> None:
    """Check that a caller may create a row with the fields that an input gives.

    Args:
        caller: who asks.
        model: the type.
        given: the input.
        row: what the new row says about owners and groups.

    Raises:
        UnauthorizedError: the rules of some fields do not allow it.
    """
    _refuse(
        name
        for name in given
        if name in model.field_rules and not admits_by(model.field_rules[name], caller, Operation.CREATE, row)
    )


def check_updated(caller: Caller, model: Model, given: Mapping[str, Any], row: Item) -> None:
    """Check that a caller may change the fields that an input gives; to take a value away is to delete it.

    Args:
        caller: who asks, and may update the row.
        model: the type.
        given: the input.
        row: the row as it is stored.

    Raises:
        UnauthorizedError: the rules of some fields do not allow it.
    """
    if not model.follows_amplify:
        return
    denied: list[str] = []
    for name, value in given.items():
        needed = (Operation.UPDATE,) if value is not None else (Operation.UPDATE, Operation.DELETE)
        rules = model.field_rules.get(name, model.rules)
        if name not in model.keys.fields and not all(admits_by(rules, caller, one, row) for one in needed):
            denied.append(name)
    _refuse(denied)


def _refuse(names: Iterable[str]) -> None:
    if denied := list(names):
        raise UnauthorizedError(f"Unauthorized on [{', '.join(denied)}]", info={"fields": denied})


def naming_values(model: Model, given: Mapping[str, Any]) -> Item:
    """Return what a new row will say about owners and groups, in wire form."""
    named = {rule.field for rule in model.rules if isinstance(rule, Owner | GroupsField)}
    return {name: _wire(given[name]) for name in named if given.get(name) is not None}


def _wire(value: Any) -> dict[str, Any]:
    return {"L": [{"S": one} for one in value]} if isinstance(value, list) else {"S": value}
