"""Amplify's filters, evaluated on rows as DynamoDB sends them: where DynamoDB itself cannot do it, as in events.

`compile_filter` checks a filter and turns it into a predicate once, so that a bad one is told to the client
and not met at every row.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from models.store import Item
from schema.errors import InvalidInputError

Predicate = Callable[[Item], bool]
_Test = Callable[[Any], bool]  # takes a decoded value, None where the row has none

OPERATORS = 300  # DynamoDB's own limit for an expression: the same filter means the same in a list
DEPTH = 30

ATTRIBUTE_TYPES = {
    "S": "string",
    "N": "number",
    "BOOL": "bool",
    "L": "list",
    "M": "map",
    "B": "binary",
    "SS": "stringSet",
    "NS": "numberSet",
    "BS": "binarySet",
    "NULL": "_null",
}
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "le": operator.le,
    "lt": operator.lt,
    "ge": operator.ge,
    "gt": operator.gt,
}


def compile_filter(filter_: Mapping[str, Any] | None) -> Predicate:
    """Return what tells whether a row passes a filter.

    Args:
        filter_: an input of either kind by GraphQL's names, absent members left out. Fields and
            operators of one object must all hold; null and empty members are ignored, but `eq: null` and
            `ne: null` ask whether the row has a value.

    Raises:
        schema.errors.InvalidInputError: it is over `OPERATORS` or `DEPTH`, or an operand has the wrong shape.
    """
    tests = list(_predicates(filter_ or {}, iter(range(OPERATORS)), DEPTH))
    return lambda item: all(test(item) for test in tests)


def _predicates(filter_: Mapping[str, Any], left: Iterator[int], depth: int) -> Iterator[Predicate]:
    if depth == 0:
        raise _bad(f"A filter may nest {DEPTH} deep at most")
    for name, member in filter_.items():
        if not member:
            continue
        if name == "and":
            for inner in member:
                yield from _predicates(inner or {}, left, depth - 1)
        elif name == "or":
            yield from _any_of(member, left, depth - 1)
        elif name == "not":
            yield from _none_of(member, left, depth - 1)
        else:
            yield from (_field(name, word, operand) for word, operand in _operators(member, left))


def _any_of(members: Sequence[Mapping[str, Any] | None], left: Iterator[int], depth: int) -> Iterator[Predicate]:
    branches = [tests for member in members if (tests := list(_predicates(member or {}, left, depth)))]
    if branches:
        yield lambda item: any(all(test(item) for test in tests) for tests in branches)


def _none_of(member: Mapping[str, Any], left: Iterator[int], depth: int) -> Iterator[Predicate]:
    if tests := list(_predicates(member, left, depth)):
        yield lambda item: not all(test(item) for test in tests)


def _operators(member: Mapping[str, Any], left: Iterator[int]) -> Iterator[tuple[str, Any]]:
    for word, operand in member.items():
        if operand is None and word not in {"eq", "ne"}:
            continue
        if next(left, None) is None:
            raise _bad(f"A filter may have {OPERATORS} operators at most")
        yield word, operand


def _field(name: str, word: str, operand: Any) -> Predicate:
    """Return the test of one operator on one field of a row."""
    if word == "attributeType":
        return lambda item: ATTRIBUTE_TYPES.get(next(iter(item.get(name, {})), "")) == operand
    if word == "size":
        sizes = [_test(inner, value) for inner, value in operand.items() if value is not None]
        return lambda item: all(test(_size(_decode(item.get(name)))) for test in sizes)
    test = _test(word, operand)
    return lambda item: test(_decode(item.get(name)))


def _test(word: str, operand: Any) -> _Test:  # noqa: PLR0911 — one line for each of Amplify's operators
    """Return the test that an operator makes; those with a `not` in them hold for a field that is absent."""
    match word, operand:
        case "attributeExists", wanted:
            return lambda value: (value is not None) is wanted
        case (("eq" | "ne"), None):
            return lambda value: (value is None) is (word == "eq")
        case "ne" | "notContains" | "notIn", _:
            positive = _test({"ne": "eq", "notContains": "contains", "notIn": "in"}[word], operand)
            return lambda value: not positive(value)
        case (("eq" | "le" | "lt" | "ge" | "gt"), _):
            return _comparison(_COMPARISONS[word], _exact(operand))
        case "between", [low, high]:
            above, below = _test("ge", low), _test("le", high)
            return lambda value: above(value) and below(value)
        case "between", _:
            raise _bad("between takes two values, the lower one first")
        case "in", choices:
            members = [_exact(choice) for choice in choices]
            return lambda value: value is not None and value in members
        case "contains", part:
            return lambda value: isinstance(value, str | list) and part in value
        case "beginsWith", part:
            return lambda value: isinstance(value, str) and value.startswith(part)
    raise _bad(f"There is no filter operator {word}")


def _comparison(compare: Callable[[Any, Any], bool], operand: Any) -> _Test:
    """Compare values of one type only, as DynamoDB does: a number is never equal to a text."""
    return lambda value: type(value) is type(operand) and compare(value, operand)


def _exact(operand: Any) -> Any:
    """Return a number as the decimal that was written; text and booleans as they are."""
    is_number = isinstance(operand, int | float) and not isinstance(operand, bool)
    return Decimal(str(operand)) if is_number else operand


def _decode(value: Mapping[str, Any] | None) -> Any:
    """Return a wire value as text, Decimal, bool or list; None if it is absent or a stored null."""
    match value:
        case None | {"NULL": _}:
            return None
        case {"N": number}:
            return Decimal(number)
        case {"L": members}:
            return [_decode(member) for member in members]
        case _:
            return next(iter(value.values()))


def _size(value: Any) -> Decimal | None:
    return Decimal(len(value)) if isinstance(value, str | list) else None


def _bad(message: str) -> InvalidInputError:
    return InvalidInputError(message, field="filter")
