"""Amplify's filters and conditions as DynamoDB's: what `filter:` and `condition:` ask for, run by the database."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

from pynamodb.expressions.condition import And, Condition, Or
from pynamodb.expressions.operand import Path, _Size

from models.storage.store import expressions
from resolvers.mirror.filters import ATTRIBUTE_TYPES, CONNECTIVES, OPERATORS, Filter, bounded, ends_of, parts_of
from schema.errors import InvalidInputError

EXPRESSION_BYTES = 4096  # DynamoDB's own limit
# DynamoDB's numbers reach from 10^-130 to 10^126.
SMALLEST_NUMBER, LARGEST_NUMBER = 1e-130, 1e125

_TYPE_CODES = {name: code for code, name in ATTRIBUTE_TYPES.items()}


def condition_of(given: Filter | None) -> Condition | None:
    """Return a filter as a DynamoDB condition, None if it asks for nothing.

    Raises:
        InvalidInputError: an operator makes no sense, or the filter is larger than DynamoDB takes.
    """
    condition = _object(bounded(given))
    return None if condition is None else fitting(condition)


def fitting(condition: Condition) -> Condition:
    """Return a condition that a client's filter, and perhaps ours beside it, has become.

    Raises:
        InvalidInputError: it is larger than DynamoDB takes.
    """
    text: str = expressions(filter=condition)["FilterExpression"]
    if _operators(condition) + text.count("size (") > OPERATORS or len(text) > EXPRESSION_BYTES:
        raise InvalidInputError(
            f"A filter may have {OPERATORS} operators and {EXPRESSION_BYTES} characters at most as DynamoDB"
            " writes it, those of the access rules included; ask in several queries",
            field="filter",
        )
    return condition


def mentions(given: Filter | None, names: frozenset[str]) -> bool:
    """Tell whether a filter is about one of some fields.

    Raises:
        InvalidInputError: the filter is too large to look.
    """
    return _mentions(bounded(given), names)


def _mentions(given: Filter, names: frozenset[str]) -> bool:
    return any(
        name in names or (name in CONNECTIVES and any(_mentions(part or {}, names) for part in parts_of(operand)))
        for name, operand in given.items()
        if operand
    )


def _object(given: Filter) -> Condition | None:
    """Return one filter object's condition: all that its members ask for."""
    return _joined(And, _members(given))


def _members(given: Filter) -> Iterator[Condition | None]:
    for name, operand in given.items():
        if not operand:
            continue
        if name in CONNECTIVES:
            joined = _joined(Or if name == "or" else And, (_object(part or {}) for part in parts_of(operand)))
            yield ~joined if joined is not None and name == "not" else joined
        else:
            yield from _comparisons(name, operand)


def _joined(connective: type[And | Or], conditions: Iterator[Condition | None]) -> Condition | None:
    """Join conditions as a balanced tree: PynamoDB serializes by recursion."""
    found = [condition for condition in conditions if condition is not None]
    while len(found) > 1:
        pairs = [found[start : start + 2] for start in range(0, len(found), 2)]
        found = [reduce(connective, pair) for pair in pairs]
    return found[0] if found else None


def _comparisons(name: str, operand: Mapping[str, Any]) -> Iterator[Condition]:
    path = Path([name])
    for operator, value in operand.items():
        if value is None:
            # Amplify's null asks whether there is a value; beside eq and ne it asks for nothing.
            if operator in {"eq", "ne"}:
                yield path.does_not_exist() if operator == "eq" else path.exists()
        elif operator == "size":
            yield from (
                _ORDERED[word](_Size(path), word, limit) for word, limit in value.items() if limit is not None
            )
        else:
            yield _OPERATORS[operator](path, f"{name}.{operator}", value)


def _wire(place: str, value: Any) -> dict[str, Any]:
    """Return a GraphQL value as DynamoDB compares it."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": str(value)}
    if value and not SMALLEST_NUMBER <= abs(value) <= LARGEST_NUMBER:
        raise InvalidInputError(
            f"{place}: {value} is beyond all numbers stored, {SMALLEST_NUMBER} to {LARGEST_NUMBER}", field="filter"
        )
    return {"N": str(Decimal(repr(value)))}


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
    "attributeExists": lambda path, _, value: path.exists() if value else path.does_not_exist(),
    "attributeType": lambda path, _, value: path.is_type(_TYPE_CODES[value]),
}


def _operators(condition: Condition) -> int:
    return 1 + sum(_operators(value) for value in condition.values if isinstance(value, Condition))
