"""What the rows of a type look like, so that a row from elsewhere can be judged before it is written."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.constraints.ruled import SEPARATOR, Row, text_of

_KINDS = {"S": "a text", "N": "a number", "BOOL": "true or false", "L": "a list", "M": "a map"}
_UNSPELLED = str.maketrans(" -", "__")


def _anything(_: Any) -> None:
    """Accept any text."""


@dataclass(frozen=True, slots=True)
class FieldShape:
    """What a field stores.

    Args:
        kind: the type of its attribute, as DynamoDB calls it: `S`, `N`, `BOOL`, `L` or `M`.
        required: whether it is never null.
        values: the values of its enum; empty if it is of none.
        default: the value of a new row that lacks it, as it is stored; None if there is none.
        check: raises a ValueError if a text is not a value of its scalar.
        parts: the fields of its object type, by name; empty if it is of none.
    """

    kind: str
    required: bool = False
    values: tuple[str, ...] = ()
    default: Mapping[str, Any] | None = None
    check: Callable[[Any], object] = _anything
    parts: Mapping[str, "FieldShape"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TypeShape:
    """What the rows of a type look like.

    Args:
        name: its name.
        key: the fields of its rows' key.
        fields: its stored fields, by name.
        sorting: the fields that sort rows together, of each index that has several.
        indexed: the attributes by which rows are found, none of which may be empty.
        stamps: the fields with the moments in which a row was made and changed.
    """

    name: str
    key: tuple[str, ...]
    fields: Mapping[str, FieldShape]
    sorting: tuple[tuple[str, ...], ...]
    indexed: frozenset[str]
    stamps: frozenset[str]


class MisfitError(ValueError):
    """A value does not fit; the message names the field, and says what would."""


def fitted(shape: TypeShape, row: Row, written: frozenset[str]) -> dict[str, Any]:
    """Return the values of a row that are fields of a type, as they are to be stored; defaults where they lack.

    Args:
        shape: the type.
        row: the row, without nulls.
        written: the fields that the server writes from others, or that are totals: what a row says is ignored.

    Raises:
        MisfitError: a value does not fit, or is missing.
    """
    found: dict[str, Any] = {}
    for name, one in shape.fields.items():
        if name in written or (name in shape.stamps and name not in row):
            continue
        value = row.get(name, one.default)
        if value is None:
            if one.required:
                raise MisfitError(f"{name} is missing")
            continue
        if name in shape.indexed and value == {"S": ""}:
            raise MisfitError(f"{name} is empty, and rows are found by it")
        found[name] = _fitted(name, one, value)
    return found


def joined(shape: TypeShape, row: Row) -> dict[str, Any]:
    """Return the attributes in which a row's sort fields are stored together, where it has them all."""
    return {
        SEPARATOR.join(names): {"S": SEPARATOR.join(text_of(row[name]) for name in names)}
        for names in shape.sorting
        if all(name in row for name in names)
    }


def _fitted(name: str, one: FieldShape, value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind != one.kind:
        raise MisfitError(f"{name} must be {_KINDS[one.kind]}")
    if one.values:
        return {kind: _of_enum(name, one.values, content)}
    if one.parts:
        return {kind: dict(_parts(name, one.parts, content))}
    try:
        one.check(content)
    except ValueError as error:
        raise MisfitError(f"{name}: {error}") from error
    return {kind: content}


def _of_enum(name: str, values: tuple[str, ...], text: str) -> str:
    """Return the value of an enum that a text means, however it is spelled: `on hold` is ON_HOLD."""
    spelled = text.strip().upper().translate(_UNSPELLED)
    if spelled not in values:
        raise MisfitError(f"{name} is {text}, which is none of {', '.join(values)}")
    return spelled


def _parts(
    name: str, parts: Mapping[str, FieldShape], content: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an object, and what else it has."""
    for part, one in parts.items():
        if one.required and part not in content:
            raise MisfitError(f"{name}.{part} is missing")
    for part, value in content.items():
        yield part, _fitted(f"{name}.{part}", parts[part], value) if part in parts else value
