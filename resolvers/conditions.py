"""Amplify's filters and conditions as DynamoDB's: what `filter:` and `condition:` ask for, run by the database."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

from pynamodb.expressions.condition import And, Condition, Or
from pynamodb.expressions.operand import Path, _Size

from models.store import expressions
from resolvers.filters import ATTRIBUTE_TYPES, DEPTH, OPERATORS
from schema.errors import InvalidInputError

Filter = Mapping[str, Any]

EXPRESSION_BYTES = 4096  # DynamoDB's own limit
# A DynamoDB number reaches to 10^126.
LARGEST_NUMBER = 1e125

_TYPE_CODES = {name: code for code, name in ATTRIBUTE_TYPES.items()}
_CONNECTIVES = frozenset({"and", "or", "not"})


def condition_of(given: Filter | None) -> Condition | None:
    """Return a filter as a DynamoDB condition, None if it asks for nothing.

    Raises:
        InvalidInputError: an operator makes no sense, or the filter is larger than DynamoDB takes.
    """
    condition = _object(given or {}, DEPTH)
    if condition is not None:
        _check_size(condition)
    return condition


def mentions(given: Filter | None, names: frozenset[str], depth: int = DEPTH) -> bool:
    """Tell whether a filter is about one of some fields."""
    if not given or depth == 0:
        return False
    return any(
        name in names
        or (name in _CONNECTIVES and any(mentions(part, names, depth - 1) for part in _parts(operand)))
        for name, operand in given.items()
        if operand
    )


def _parts(operand: Filter | Sequence[Filter | None]) -> Sequence[Filter | None]:
    return [operand] if isinstance(operand, Mapping) else operand


def _object(given: Filter, depth: int) -> Condition | None:
    """Return one filter object's condition: all that its members ask for."""
    if depth == 0:
        raise InvalidInputError(f"A filter may be nested {DEPTH} deep at most", field="filter")
    return _joined(And, _members(given, depth - 1))


def _members(given: Filter, depth: int) -> Iterator[Condition | None]:
    for name, operand in given.items():
        if not operand:
            continue
        if name in _CONNECTIVES:
            joined = _joined(Or if name == "or" else And, (_object(part or {}, depth) for part in _parts(operand)))
            yield ~joined if joined is not None and name == "not" else joined
        else:
            yield from _comparisons(name, operand)


def _joined(connective: type[And | Or], conditions: Iterator[Condition | None]) -> Condition | None:
    """Join conditions as a balanced tree: PynamoDB serializes by recursion."""
    found = [condition for condition in conditions if condition is not None]
    if len(found) > OPERATORS:
        raise _too_large()
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
    if abs(value) > LARGEST_NUMBER:
        raise InvalidInputError(f"{place}: {value} is larger than any number stored", field="filter")
    return {"N": str(Decimal(repr(value)))}


def _between(operand: Any, place: str, bounds: Sequence[Any]) -> Condition:
    if len(bounds) != 2 or None in bounds or bounds[0] > bounds[1]:  # noqa: PLR2004 — a range has two ends
        raise InvalidInputError(f"{place} takes two values, the smaller one first", field="filter")
    between: Condition = operand.between(*(_wire(place, bound) for bound in bounds))
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


def _check_size(condition: Condition) -> None:
    text: str = expressions(filter=condition)["FilterExpression"]
    if _operators(condition) + text.count("size (") > OPERATORS or len(text) > EXPRESSION_BYTES:
        raise _too_large()


def _operators(condition: Condition) -> int:
    return 1 + sum(_operators(value) for value in condition.values if isinstance(value, Condition))


def _too_large() -> InvalidInputError:
    return InvalidInputError(
        f"A filter may have {OPERATORS} operators and {EXPRESSION_BYTES} characters at most as DynamoDB writes it;"
        " ask in several queries",
        field="filter",
    )
