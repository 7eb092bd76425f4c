"""Converts between the rules' dataclasses and the tables' items: a field is the attribute of the same name.

`requester_id` is `requesterId` in the table. Nested dataclasses are maps, tuples of them are lists, and None is an
absent attribute. PynamoDB's attributes serialize the values, so that each stored value has one form only.
"""

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from operator import itemgetter
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pynamodb.attributes import Attribute, AttributeContainer, ListAttribute, MapAttribute
from pynamodb.expressions.operand import Path, Value
from pynamodb.expressions.update import Action, SetAction
from pynamodb.expressions.util import get_value_placeholder

from models.storage.store import Item
from models.tables import Table

_T = TypeVar("_T")
_Read = Callable[[Any], Any]
_Write = Callable[[Any], dict[str, Any]]

# The classes of most values, which PynamoDB's attributes accept as they are.
_SCALARS = frozenset({str, int, float, bool, Decimal, datetime})


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    """A dataclass's field, its attribute with its name, and what reads and writes its value in wire form."""

    name: str
    attribute: Attribute[Any]
    key: str
    read: _Read
    write: _Write


@cache
def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _kind(hint: Any) -> Any:
    """Return the class within `X | None` and `tuple[X, ...]`."""
    if get_origin(hint) in (Union, UnionType, tuple):
        return next(arg for arg in get_args(hint) if arg not in (type(None), Ellipsis))
    return hint


@cache
def _fields(cls: Hashable, table: type[AttributeContainer]) -> tuple[_Field, ...]:
    hints = get_type_hints(cls)
    attributes = table.get_attributes()
    return tuple(
        _Field(field.name, attribute, attribute.attr_name, _reader(attribute, kind), _writer(attribute, kind))
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]  # a dataclass, which `Hashable` does not say
        if (attribute := attributes.get(_camel(field.name))) is not None
        for kind in (_kind(hints[field.name]),)
    )


def _plain(value: Any) -> Any:
    """Return a value as PynamoDB's attributes accept it: texts for members of enums, lists for tuples."""
    if value.__class__ in _SCALARS:
        return value
    if isinstance(value, str):  # a member of an enum; `isinstance` of an enum's class is ten times slower
        return str(value)
    return [_plain(member) for member in value]


def _members(table: type[AttributeContainer], row: Any) -> Item:
    """Return the attributes that store a dataclass."""
    return {
        field.key: field.write(value)
        for field in _fields(row.__class__, table)
        if (value := getattr(row, field.name)) is not None
    }


def item_of(table: type[Table], **values: Any) -> Item:
    """Return the item of a table with these attributes, by their own names; those that are None are left out."""
    attributes = table.get_attributes()
    return {
        name: {attributes[name].attr_type: attributes[name].serialize(_plain(value))}
        for name, value in values.items()
        if value is not None
    }


def encode(table: type[Table], row: Any, **more: Any) -> Item:
    """Return the item that stores a dataclass, with further attributes of the table by their own names."""
    return {**_members(table, row), **item_of(table, **more)}


def decode(cls: Callable[..., _T], table: type[AttributeContainer], item: Mapping[str, Mapping[str, Any]]) -> _T:
    """Return the dataclass that an item stores; attributes without a field are ignored.

    Raises:
        TypeError: an attribute is stored as another type, or one that must be there is not.
        ValueError: a value is not one that its field can have, such as a status that there is not.
    """
    values = {}
    for field in _fields(cls, table):
        if (wire := item.get(field.key)) is not None:
            try:
                values[field.name] = field.read(wire)
            except KeyError as error:
                raise TypeError(f"{field.key} is not stored as {error}, but as {'/'.join(wire)}") from error
    return cls(**values)


def _reader(attribute: Attribute[Any], kind: Any) -> _Read:
    """Return what makes an attribute's wire form a value, or a tuple of values, of a class."""
    if isinstance(attribute, ListAttribute) and dataclasses.is_dataclass(kind):
        element: Any = attribute.element_type
        return lambda wire: tuple(decode(kind, element, member["M"]) for member in wire["L"])  # type: ignore[arg-type]  # a dataclass's class
    if isinstance(attribute, MapAttribute):
        return lambda wire: decode(kind, type(attribute), wire["M"])
    letter, deserialize = attribute.attr_type, attribute.deserialize
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        members = {member.value: member for member in kind}  # calling the class takes four times as long
        return lambda wire: members.get(wire[letter]) or kind(wire[letter])
    if type(attribute).deserialize is Attribute.deserialize:  # which returns what it is given
        return itemgetter(letter)
    return lambda wire: deserialize(wire[letter])


def _writer(attribute: Attribute[Any], kind: Any) -> _Write:
    """Return what makes a value of a class, or a tuple of them, the wire form of an attribute.

    PynamoDB would make a row of each nested dataclass before it writes it.
    """
    if isinstance(attribute, ListAttribute) and dataclasses.is_dataclass(kind):
        element: Any = attribute.element_type
        return lambda rows: {"L": [{"M": _members(element, row)} for row in rows]}
    if isinstance(attribute, MapAttribute):
        return lambda row: {"M": _members(type(attribute), row)}
    letter, serialize = attribute.attr_type, attribute.serialize
    return lambda value: {letter: serialize(_plain(value))}


class _Set(SetAction):
    """Sets an attribute to a value in wire form; PynamoDB's own action takes six times as long: it parses both."""

    def __init__(self, key: str, wire: dict[str, Any]) -> None:
        self._key = key
        self._wire = wire

    @property
    def values(self) -> tuple[Path, Value]:  # type: ignore[override]  # PynamoDB sets it, once
        """Return the operands of PynamoDB's own action."""
        return Path([self._key]), Value(self._wire)

    def serialize(self, placeholder_names: dict[str, str], expression_attribute_values: dict[str, Any]) -> str:
        """Return the action as a part of an update expression, and add what its placeholders stand for."""
        name = placeholder_names.setdefault(self._key, f"#{len(placeholder_names)}")
        return f"{name} = {get_value_placeholder(self._wire, expression_attribute_values)}"


def difference(table: type[Table], before: Any, after: Any) -> list[Action]:
    """Return the update actions that turn one stored dataclass into another of the same class."""
    actions: list[Action] = []
    for field in _fields(after.__class__, table):
        value = getattr(after, field.name)
        if value == getattr(before, field.name):
            continue
        attribute = field.attribute
        actions.append(attribute.remove() if value is None else _Set(field.key, field.write(value)))
    return actions


def decode_or_none(cls: type[_T], table: type[Table], item: Item | None) -> _T | None:
    """Return the dataclass that an item stores; None if there is no item."""
    return None if item is None else decode(cls, table, item)
