"""Any row, any filter, and what Amplify and DynamoDB say that a filter means: written independently of our code.

A comparison with an absent attribute is false, except `ne`, which is true; so it is between two types. Only texts
and numbers have an order. `contains` looks for a part of a text or for an element of a list, `beginsWith` at texts
only. The size of a text is counted in UTF-16 units. An attribute that is stored as null is present. Where an
attribute has another type than declared (other writers may store one) no operator is an error: it does not match.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import partial
from random import Random
from typing import Any

from hypothesis import strategies as st

from models.ledger.balances import EscrowStatus
from models.storage.store import Item
from schema.enums import ModelAttributeTypes

Filter = Mapping[str, Any]
Row = Item


class Kind(StrEnum):
    """The type of an attribute."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole number"
    HOURS = "hours"
    BOOLEAN = "boolean"
    ENUM = "enum"
    LIST = "list"
    MOMENT = "moment"
    JSON = "JSON"


KINDS = {
    "title": Kind.TEXT,
    "userId": Kind.TEXT,
    "rating": Kind.NUMBER,
    "version": Kind.WHOLE,
    "amount": Kind.HOURS,
    "isActive": Kind.BOOLEAN,
    "status": Kind.ENUM,
    "tags": Kind.LIST,
    "releasedAt": Kind.MOMENT,
    "evidence": Kind.JSON,
}
NUMERIC = frozenset({Kind.NUMBER, Kind.WHOLE, Kind.HOURS})

# Few values, so that they coincide; some sort, measure or compare differently in UTF-8, UTF-16 and Python.
TEXTS = ["", " ", "a", "A", "ab", "abc", "b", "10", "9", "é", "e\u0301", "ß", "\uffff", "😀", "😀a", "null", "[]"]
NUMBERS = [
    0,
    -0.0,
    0.1,
    0.2,
    0.3,
    0.1 + 0.2,
    1e-7,
    -1e-7,
    1e-100,
    2,
    2.0,
    2.5,
    -2.5,
    10,
    1e21,
    123456789.125,
    1e120,
]
MOMENTS = [
    "2026-01-01T00:00:00.000Z",
    "2026-01-01T00:00:00.001Z",
    "2026-02-01T00:00:00.000Z",
    "1999-12-31T23:59:59.999Z",
]

LISTS = [[], [""], ["a"], ["a", "b"], ["ab", "a", "a"], ["😀", "e\u0301"], ["10", "9", "abc"]]
WHOLE = [0, 1, -1, 2, 3, 10, -(2**31), 2**31 - 1]
STORED: Mapping[Kind, Sequence[Any]] = {
    Kind.TEXT: TEXTS,
    Kind.NUMBER: NUMBERS,
    Kind.WHOLE: WHOLE,
    Kind.HOURS: [0, 0.01, 0.1, 0.25, 0.3, 1, 2.1, 2.5, -0.01, 9.75, 10_000],
    Kind.BOOLEAN: [False, True],
    Kind.ENUM: list(EscrowStatus),
    Kind.LIST: LISTS,
    Kind.MOMENT: MOMENTS,
    Kind.JSON: ['{"a": 1}', "[]", "null", '"é"', '{"b": [1, 2]}'],
}
ROWS = 60


def number(value: float) -> str:
    """Return a number in DynamoDB's form: the decimal that was written."""
    return str(Decimal(repr(value)))


def stored(value: Any) -> dict[str, Any]:
    """Return a value in DynamoDB's form."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case list():
            return {"L": [stored(element) for element in value]}
    return {"N": number(value)}


def some_rows(seed: int) -> list[Row]:
    """Return rows: each attribute present or absent, empty, or null or of another type (as other writers do)."""
    random = Random(seed)  # noqa: S311 — the same rows every time

    def attribute(kind: Kind) -> dict[str, Any]:
        dice = random.random()
        if dice < 0.1:
            return {"NULL": True}
        return stored(random.choice(STORED[random.choice(list(Kind)) if dice < 0.25 else kind]))

    return [{name: attribute(kind) for name, kind in KINDS.items() if random.random() < 0.8} for _ in range(ROWS)]


def comparisons() -> Iterator[Filter]:
    """Yield every operator with every operand."""
    ordered = ("eq", "ne", "le", "lt", "ge", "gt")
    for name, words, operands in (
        ("title", (*ordered, "contains", "notContains", "beginsWith"), TEXTS),
        ("tags", (*ordered, "contains", "notContains", "beginsWith"), TEXTS),
        ("evidence", ("contains", "notContains", "beginsWith"), TEXTS),
        ("rating", ordered, NUMBERS),
        ("isActive", ("eq", "ne"), [False, True]),
        ("evidence", ("attributeType",), ModelAttributeTypes),
        ("tags", ("attributeType",), ModelAttributeTypes),
    ):
        yield from ({name: {word: operand}} for word in words for operand in operands)
    for name in ("title", "tags", "evidence", "releasedAt"):
        yield from ({name: {"size": {word: size}}} for word in ordered for size in range(4))


def filters(*, events: bool = False) -> st.SearchStrategy[Filter]:
    """Return filters.

    Args:
        events: whether for subscriptions, which have `in` and `notIn`, no `not`, and enums as text.
    """
    fields = {name: _mostly(_operators(kind, events=events), {}) for name, kind in KINDS.items()}
    comparing = _some_of(fields)

    def connected(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        several = _mostly(st.lists(_mostly(inner, {}), max_size=3))
        connecting = _some_of({"and": several, "or": several} | ({} if events else {"not": _mostly(inner, {})}))
        return connecting | st.tuples(comparing, connecting).map(lambda parts: {**parts[0], **parts[1]})

    return st.recursive(comparing, connected, max_leaves=8)


def _mostly(strategy: st.SearchStrategy[Any], *nothing: Any) -> st.SearchStrategy[Any]:
    """Return the strategy with an occasional null or other empty value."""
    return st.integers(0, 9).flatmap(lambda change: strategy if change else st.sampled_from([None, *nothing]))


def _some_of(members: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Filter]:
    """Return a strategy of mappings with one or two members."""
    names = st.lists(st.sampled_from(sorted(members)), min_size=1, max_size=2, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: members[name] for name in chosen}))


def _operators(kind: Kind, *, events: bool) -> st.SearchStrategy[Filter]:
    if kind is Kind.ENUM and not events:
        return _some_of(dict.fromkeys(("eq", "ne"), _mostly(_operands(kind))))
    operands = _operands(kind)
    given: dict[str, st.SearchStrategy[Any]] = {
        "eq": operands,
        "ne": operands,
        "attributeExists": st.booleans(),
        "attributeType": st.sampled_from(ModelAttributeTypes),
    }
    if kind is not Kind.BOOLEAN:
        given |= dict.fromkeys(("le", "lt", "ge", "gt"), operands)
        given["between"] = _range(operands)
        if events:
            given |= dict.fromkeys(("in", "notIn"), st.lists(operands, max_size=3))
        if kind not in NUMERIC:
            given |= dict.fromkeys(("contains", "notContains", "beginsWith"), operands)
            given["size"] = _sizes()
    return _some_of({word: _mostly(operand) for word, operand in given.items()})


def _operands(kind: Kind) -> st.SearchStrategy[Any]:
    """Return operands for a type: stored values, and values between them."""
    same = st.sampled_from(STORED[kind])
    if kind in NUMERIC:
        return same | (
            st.integers(-5, 5) if kind is Kind.WHOLE else st.floats(-1e6, 1e6).map(partial(round, ndigits=9))
        )
    if kind is Kind.BOOLEAN:
        return same
    texts = st.sampled_from(TEXTS) | st.text("aAbé😀 ", max_size=3)
    return texts if kind in {Kind.TEXT, Kind.LIST} else same | texts


def _sizes() -> st.SearchStrategy[Filter]:
    sizes = st.integers(0, 4)
    compared = dict.fromkeys(("eq", "ne", "le", "lt", "ge", "gt"), _mostly(sizes))
    return _some_of(compared | {"between": _mostly(_range(sizes))})


def _range(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.tuples(ends, ends).map(sorted)


def passes(filter_: Filter, row: Row) -> bool:
    """Return whether a row passes a filter; an empty filter lets every row pass."""
    return _said(filter_, row) is not False


def _said(filter_: Filter, row: Row) -> bool | None:
    """Return what a filter says of a row, None if it is empty."""
    verdicts: list[bool | None] = []
    for name, member in filter_.items():
        if member is None:
            continue
        if name == "and":
            verdicts += [_said(part, row) for part in member if part is not None]
        elif name == "or":
            said = [verdict for part in member if part is not None and (verdict := _said(part, row)) is not None]
            verdicts.append(any(said) if said else None)
        elif name == "not":
            inner = _said(member, row)
            verdicts.append(None if inner is None else not inner)
        else:
            verdicts += [_compared(word, operand, row.get(name)) for word, operand in member.items()]
    spoken = [verdict for verdict in verdicts if verdict is not None]
    return all(spoken) if spoken else None


def _compared(word: str, operand: Any, wire: Mapping[str, Any] | None) -> bool | None:
    is_there = wire is not None
    if operand is None:
        return {"eq": not is_there, "ne": is_there}.get(word)
    if word == "attributeExists":
        return is_there is operand
    if word == "attributeType":
        return is_there and next(iter(wire or ())) == _CODES[operand]
    if word == "size":
        said = [_compared(inner, limit, _size(wire)) for inner, limit in operand.items() if limit is not None]
        return all(said) if said else None
    return _MEANINGS[word](wire, operand)


def _size(wire: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    match wire:
        case {"S": text}:
            return stored(len(text.encode("utf-16-le")) // 2)
        case {"L": elements}:
            return stored(len(elements))
    return None


def _order(wire: Mapping[str, Any] | None, operand: Any) -> int | None:
    """Return -1, 0 or 1, None if the two have no order."""
    match wire, stored(operand):
        case {"S": one}, {"S": other}:
            return _sign(one.encode(), other.encode())
        case {"N": one}, {"N": other}:
            return _sign(Decimal(one), Decimal(other))
    return None


def _sign(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def _equal(wire: Mapping[str, Any] | None, operand: Any) -> bool:
    return _order(wire, operand) == 0 or (isinstance(operand, bool) and wire == {"BOOL": operand})


def _ordered(signs: set[int], wire: Mapping[str, Any] | None, operand: Any) -> bool:
    return _order(wire, operand) in signs


def _contains(wire: Mapping[str, Any] | None, part: str) -> bool:
    match wire:
        case {"S": text}:
            return part.encode() in text.encode()
        case {"L": elements}:
            return stored(part) in elements
    return False


def _begins(wire: Mapping[str, Any] | None, start: str) -> bool:
    return wire is not None and "S" in wire and wire["S"].encode().startswith(start.encode())


_MEANINGS: Mapping[str, Callable[[Mapping[str, Any] | None, Any], bool]] = {
    "eq": _equal,
    "ne": lambda wire, operand: not _equal(wire, operand),
    "lt": partial(_ordered, {-1}),
    "le": partial(_ordered, {-1, 0}),
    "gt": partial(_ordered, {1}),
    "ge": partial(_ordered, {0, 1}),
    "between": lambda wire, ends: _order(wire, ends[0]) in {0, 1} and _order(wire, ends[1]) in {-1, 0},
    "in": lambda wire, choices: any(_equal(wire, choice) for choice in choices),
    "notIn": lambda wire, choices: not any(_equal(wire, choice) for choice in choices),
    "contains": _contains,
    "notContains": lambda wire, part: not _contains(wire, part),
    "beginsWith": _begins,
}
_CODES = {
    "string": "S",
    "number": "N",
    "bool": "BOOL",
    "list": "L",
    "map": "M",
    "binary": "B",
    "stringSet": "SS",
    "numberSet": "NS",
    "binarySet": "BS",
    "_null": "NULL",
}
