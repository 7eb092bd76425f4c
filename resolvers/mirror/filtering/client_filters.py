"""Reads a client's filter or condition as it is meant; lists, writes and subscriptions refuse the same ones."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from resolvers.mirror.filtering.conditions import condition_of
from resolvers.mirror.filtering.filters import CONNECTIVES, Filter, bounded, parts_of
from schema.amplify.declaration import Model
from schema.errors import InvalidInputError
from schema.scalars import as_stored

# The operators that compare with a whole value; the others look at parts of a text, or at no value at all.
_WHOLE = frozenset({"eq", "ne", "le", "lt", "ge", "gt", "between", "in", "notIn"})
_ASK_FOR_PRESENCE = frozenset({"eq", "ne"})


def read_filter(model: Model, given: Filter | None) -> Filter:
    """Return a filter or condition without what Amplify ignores in it, and with dates spelled as rows store them.

    So two filters that mean the same are equal, as far as nulls, empty members and the spelling of dates go.

    Args:
        model: the type whose rows it is about.
        given: the client's input, by GraphQL's names.

    Raises:
        InvalidInputError: it is larger than DynamoDB accepts, an operand is invalid, or a field is computed.
    """
    read = dict(_members(model, bounded(given)))
    condition_of(read)  # refuses, here and for subscriptions, too, what DynamoDB would refuse in a list
    return read


def _members(model: Model, filter_: Filter) -> Iterator[tuple[str, Any]]:
    for name, member in filter_.items():
        if not member:
            continue
        if name not in CONNECTIVES:
            read: Mapping[str, Any] | Sequence[Any] = _operators(model, name, member)
        elif name == "not":
            read = dict(_members(model, member))
        else:
            read = [part for part in (dict(_members(model, part or {})) for part in parts_of(member)) if part]
        if read:
            yield name, read


def _operators(model: Model, name: str, member: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the operators on a field that are not ignored.

    Raises:
        InvalidInputError: the field is computed, so that DynamoDB would compare another value than is shown.
    """
    read: dict[str, Any] = {}
    for word, operand in member.items():
        if word == "size":
            limits = {inner: limit for inner, limit in (operand or {}).items() if limit is not None}
            if limits:
                read[word] = limits
        elif operand is not None or word in _ASK_FOR_PRESENCE:
            read[word] = _operand(model, name, operand) if word in _WHOLE else operand
    if read and (instead := model.computed.get(name)) is not None:
        raise InvalidInputError(
            f"{name} is computed, so that neither a filter nor a condition can compare it; use {instead}",
            field=name,
        )
    return read


def _operand(model: Model, name: str, operand: Any) -> Any:
    """Return an operand, or each of several, as rows store such a value."""
    field = model.fields.get(name)
    if field is None or field.is_list or field.keeps_spelling:
        return operand
    if isinstance(operand, list):
        return [as_stored(field.type, value) for value in operand]
    return as_stored(field.type, operand)
