"""Evaluates Amplify's filters on rows in wire form, where DynamoDB cannot: on events and on an index's own keys.

`compile_filter` checks a filter and turns it into a predicate once, so that a client gets an error for an invalid
filter before any row is tested.
"""

import operator
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from models.limits import fixed_limit
from models.storage.store import Item
from schema.errors import InvalidInputError

Filter = Mapping[str, Any]
Predicate = Callable[[Item], bool]
_Test = Callable[[Any], bool]  # takes a decoded value, None where the row has none

# So that a filter works for lists and events alike.
OPERATORS = fixed_limit(
    300, "operators in a filter, as many as DynamoDB takes", topic="pages, filters and searches", code="BadRequest"
)
# Empty ones are ignored, but take time too.
OBJECTS = fixed_limit(
    1_000, "members of and, or and not in a filter", topic="pages, filters and searches", code="BadRequest"
)
DEPTH = fixed_limit(30, "levels of a filter", topic="pages, filters and searches", code="BadRequest")
CONNECTIVES = frozenset({"and", "or", "not"})

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


def bounded(filter_: Filter | None) -> Filter:
    """Return a filter that is within the limits, an empty one for None.

    Raises:
        schema.errors.InvalidInputError: it exceeds `OPERATORS`, `OBJECTS` or `DEPTH`.
    """
    count_operators(filter_)
    return filter_ or {}


def count_operators(filter_: Filter | None) -> int:
    """Return how many operators a filter has.

    A request has room for 100,000 operators, and building a test or a condition of each would block the event loop
    for seconds. So operators are counted first, and counting stops at the limit.

    Raises:
        schema.errors.InvalidInputError: it exceeds `OPERATORS`, `OBJECTS` or `DEPTH`.
    """
    uncounted = deque([(filter_ or {}, 1)])
    operators = objects = 0
    while uncounted:
        current, depth = uncounted.popleft()
        if depth > DEPTH:
            raise _invalid(f"A filter may be nested at most {DEPTH} deep")
        for name, operand in current.items():
            if not operand:
                continue
            if name in CONNECTIVES:
                parts = parts_of(operand)
                objects += len(parts)
                if objects > OBJECTS:
                    raise _invalid(f"A filter may have at most {OBJECTS} members of and, or and not")
                uncounted.extend((part, depth + 1) for part in parts if part)
            else:
                operators += sum(_weight(word, value) for word, value in operand.items())
            if operators > OPERATORS:
                raise _invalid(f"A filter may have at most {OPERATORS} operators")
    return operators


def parts_of(operand: Filter | Sequence[Filter | None]) -> Sequence[Filter | None]:
    """Return the members of an `and` or an `or`, or the only member of a `not`."""
    return [operand] if isinstance(operand, Mapping) else operand


def fields_of(filter_: Filter) -> Iterator[str]:
    """Yield the fields that a filter looks at."""
    for name, member in filter_.items():
        if name not in CONNECTIVES:
            yield name
            continue
        for part in parts_of(member):
            yield from fields_of(part or {})


def _weight(word: str, operand: Any) -> int:
    """Return how many comparisons an operator stands for."""
    if operand is None:
        return int(word in {"eq", "ne"})
    return len(operand) if word in {"in", "notIn", "size"} else 1


def compile_filter(filter_: Filter | None) -> Predicate:
    """Return the test whether a row passes a filter.

    Args:
        filter_: a list's or a subscription's filter, by GraphQL's names, without absent members. All fields and
            operators of one object must hold; null and empty members are ignored, but `eq: null` and `ne: null`
            ask whether the row has a value.

    Raises:
        schema.errors.InvalidInputError: it is too large, or an operand has the wrong shape.
    """
    tests = list(_predicates(bounded(filter_)))
    return lambda item: all(test(item) for test in tests)


def _predicates(filter_: Filter) -> Iterator[Predicate]:
    for name, member in filter_.items():
        if not member:
            continue
        if name == "and":
            for inner in member:
                yield from _predicates(inner or {})
        elif name == "or":
            yield from _any_of(member)
        elif name == "not":
            yield from _none_of(member)
        else:
            yield from (_field(name, word, operand) for word, operand in _operators(member))


def _any_of(members: Sequence[Filter | None]) -> Iterator[Predicate]:
    branches = [tests for member in members if (tests := list(_predicates(member or {})))]
    if branches:
        yield lambda item: any(all(test(item) for test in tests) for tests in branches)


def _none_of(member: Filter) -> Iterator[Predicate]:
    if tests := list(_predicates(member)):
        yield lambda item: not all(test(item) for test in tests)


def _operators(member: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the operators of a field that are not ignored, `size` with those of its own that are not."""
    for word, operand in member.items():
        if word == "size":
            limits = {inner: limit for inner, limit in (operand or {}).items() if limit is not None}
            if limits:
                yield word, limits
        elif operand is not None or word in {"eq", "ne"}:
            yield word, operand


def _field(name: str, word: str, operand: Any) -> Predicate:
    """Return the test of one operator on one field of a row."""
    if operand is None or word == "attributeExists":
        is_wanted = word == "ne" if operand is None else operand
        return lambda item: (name in item) is is_wanted
    if word == "attributeType":
        return lambda item: ATTRIBUTE_TYPES.get(next(iter(item.get(name, {})), "")) == operand
    if word == "size":
        sizes = [_test(inner, limit) for inner, limit in operand.items()]
        return lambda item: all(test(_size(_decode(item.get(name)))) for test in sizes)
    test = _test(word, operand)
    return lambda item: test(_decode(item.get(name)))


def _test(word: str, operand: Any) -> _Test:
    """Return the test of an operator; negated operators hold for an absent field."""
    match word:
        case "ne" | "notContains" | "notIn":
            positive = _test({"ne": "eq", "notContains": "contains", "notIn": "in"}[word], operand)
            return lambda value: not positive(value)
        case "eq" | "le" | "lt" | "ge" | "gt":
            return _comparison(_COMPARISONS[word], _exact(operand))
        case "between":
            low, high = ends_of("between", operand)
            above, below = _test("ge", low), _test("le", high)
            return lambda value: above(value) and below(value)
        case "in":
            members = [_typed(_exact(choice)) for choice in operand if choice is not None]
            return lambda value: _typed(value) in members
        case "contains":
            return _containing(operand)
        case "beginsWith":
            return lambda value: isinstance(value, str) and value.startswith(operand)
    raise _invalid(f"There is no filter operator {word}")


def ends_of(place: str, bounds: Sequence[Any]) -> Sequence[Any]:
    """Return both ends of a range.

    Raises:
        schema.errors.InvalidInputError: there are not two, or the larger one comes first.
    """
    if len(bounds) != 2 or None in bounds or bounds[0] > bounds[1]:  # noqa: PLR2004 — a range has two ends
        raise _invalid(f"{place} takes two values, the smaller one first")
    return bounds


def _comparison(compare: Callable[[Any, Any], bool], operand: Any) -> _Test:
    """Compare values of one type only, as DynamoDB does: a number is never equal to a text."""
    return lambda value: type(value) is type(operand) and compare(value, operand)


def _containing(operand: Any) -> _Test:
    """Return the test whether a text has a part, or a list an element."""
    element = _typed(_exact(operand))
    return lambda value: (
        element in map(_typed, value) if isinstance(value, list) else isinstance(value, str) and operand in value
    )


def _typed(value: Any) -> tuple[type, Any]:
    """Return a value with its type, because to Python False equals 0 and True equals 1, and to DynamoDB not."""
    return type(value), value


def _exact(operand: Any) -> Any:
    """Return a number as an exact Decimal, a text or an enum's value as str, a boolean unchanged."""
    if isinstance(operand, str):
        return str(operand)
    return operand if isinstance(operand, bool) else Decimal(str(operand))


def _decode(value: Mapping[str, Any] | None) -> Any:
    """Return a wire value as str, Decimal, bool or list; None if it is absent or null, which equals nothing."""
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
    """Return the size as DynamoDB counts it: elements of a list, UTF-16 code units of a text."""
    if isinstance(value, str):
        return Decimal(len(value.encode("utf-16-le")) // 2)
    return Decimal(len(value)) if isinstance(value, list) else None


def _invalid(message: str) -> InvalidInputError:
    return InvalidInputError(message, field="filter")
