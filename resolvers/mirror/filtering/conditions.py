"""Translates Amplify's `filter:` and `condition:` inputs into DynamoDB conditions, which the database runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

from pynamodb.expressions.condition import And, Condition, Or
from pynamodb.expressions.operand import Path, _Size

from models.limits import fixed_limit
from models.storage.store import expressions
from resolvers.mirror.filtering.filters import (
    ATTRIBUTE_TYPES,
    CONNECTIVES,
    OPERATORS,
    Filter,
    bounded,
    ends_of,
    parts_of,
)
from schema.errors import InvalidInputError

EXPRESSION_BYTES = fixed_limit(
    4096,
    "bytes of a mutation's condition, as many as DynamoDB takes",
    topic="pages, filters and searches",
    code="BadRequest",
)
# DynamoDB's numbers reach from 10^-130 to 10^126.
SMALLEST_NUMBER, LARGEST_NUMBER = 1e-130, 1e125

_TYPE_CODES = {name: code for code, name in ATTRIBUTE_TYPES.items()}


def condition_of(filter_: Filter | None) -> Condition | None:
    """Return a filter as a DynamoDB condition, None if it has no operators.

    Raises:
        InvalidInputError: an operand is invalid, or the filter is larger than DynamoDB accepts.
    """
    condition = _object(bounded(filter_))
    return None if condition is None else fitting(condition)


def fitting(condition: Condition) -> Condition:
    """Return a condition unchanged; raise if it is too large for DynamoDB.

    Args:
        condition: a client's filter, perhaps combined with a condition of ours.

    Raises:
        InvalidInputError: it is larger than DynamoDB accepts.
    """
    text: str = expressions(filter=condition)["FilterExpression"]
    if _operators(condition) + text.count("size (") > OPERATORS or len(text) > EXPRESSION_BYTES:
        raise InvalidInputError(
            f"A filter may have at most {OPERATORS} operators and {EXPRESSION_BYTES} characters when written for"
            " DynamoDB, including those of the access rules; split it into several queries",
            field="filter",
        )
    return condition


def mentions(filter_: Filter | None, names: frozenset[str]) -> bool:
    """Return whether a filter has an operator on one of some fields.

    Raises:
        InvalidInputError: the filter is too large.
    """
    return _mentions(bounded(filter_), names)


def _mentions(filter_: Filter, names: frozenset[str]) -> bool:
    return any(
        name in names or (name in CONNECTIVES and any(_mentions(part or {}, names) for part in parts_of(operand)))
        for name, operand in filter_.items()
        if operand
    )


def _object(filter_: Filter) -> Condition | None:
    """Return the condition of one filter object: all its members must hold."""
    return _joined(And, _members(filter_))


def _members(filter_: Filter) -> Iterator[Condition | None]:
    for name, operand in filter_.items():
        if not operand:
            continue
        if name in CONNECTIVES:
            joined = _joined(Or if name == "or" else And, (_object(part or {}) for part in parts_of(operand)))
            yield ~joined if joined is not None and name == "not" else joined
        else:
            yield from _comparisons(name, operand)


def _joined(connective: type[And | Or], conditions: Iterator[Condition | None]) -> Condition | None:
    """Join conditions as a balanced tree, because PynamoDB serializes recursively."""
    found = [condition for condition in conditions if condition is not None]
    while len(found) > 1:
        pairs = [found[start : start + 2] for start in range(0, len(found), 2)]
        found = [reduce(connective, pair) for pair in pairs]
    return found[0] if found else None


def _comparisons(name: str, operand: Mapping[str, Any]) -> Iterator[Condition]:
    path = Path([name])
    for operator, value in operand.items():
        if value is None:
            # In Amplify, `eq: null` and `ne: null` ask whether there is a value; any other null is ignored.
            if operator in {"eq", "ne"}:
                yield path.does_not_exist() if operator == "eq" else path.exists()
        elif operator == "size":
            yield from (
                _ORDERED[word](_Size(path), word, limit) for word, limit in value.items() if limit is not None
            )
        else:
            yield _OPERATORS[operator](path, f"{name}.{operator}", value)


def _wire(place: str, value: Any) -> dict[str, Any]:
    """Return a GraphQL value in DynamoDB's wire form."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": str(value)}
    if value and not SMALLEST_NUMBER <= abs(value) <= LARGEST_NUMBER:
        raise InvalidInputError(
            f"{place}: {value} is out of range: numbers are {SMALLEST_NUMBER} to {LARGEST_NUMBER}", field="filter"
        )
    return {"N": str(Decimal(repr(value)))}


def _wires(place: str, values: Sequence[Any]) -> Sequence[dict[str, Any]]:
    """Return the values that a subscription's filter lists; nulls among them equal nothing."""
    return [_wire(place, value) for value in values if value is not None]


def _between(operand: Any, place: str, bounds: Sequence[Any]) -> Condition:
    between: Condition = operand.between(*(_wire(place, bound) for bound in ends_of(place, bounds)))
    return between


_Build = Callable[[Any, str, Any], Condition]

_ORDERED: dict[str, _Build] = {
    "eq": lambda path, place, value: path == _wire(place, value),
    "ne": lambda path, place, value: path != _wire(place, value),
    "le": lambda path, place, value: path <= _wire(place, value),
    "lt": lambda path, place, value: path < _wire(place, value),
    "ge": lambda path, place, value: path >= _wire(place, value),
    "gt": lambda path, place, value: path > _wire(place, value),
    "between": _between,
}
_OPERATORS: dict[str, _Build] = _ORDERED | {
    "contains": lambda path, place, value: path.contains(_wire(place, value)),
    "notContains": lambda path, place, value: ~path.contains(_wire(place, value)),
    "beginsWith": lambda path, place, value: path.startswith(_wire(place, value)),
    "in": lambda path, place, values: path.is_in(*_wires(place, values)),
    "notIn": lambda path, place, values: ~path.is_in(*_wires(place, values)),
    "attributeExists": lambda path, _, value: path.exists() if value else path.does_not_exist(),
    "attributeType": lambda path, _, value: path.is_type(_TYPE_CODES[value]),
}


def _operators(condition: Condition) -> int:
    return 1 + sum(_operators(value) for value in condition.values if isinstance(value, Condition))
