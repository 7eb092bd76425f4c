"""Converts between a field's GraphQL value and its attribute in a row: `2.5` and `{"N": "2.5"}`."""

from collections.abc import Callable
from typing import Any

from pynamodb.attributes import Attribute

from models import clock, hours
from models.tables.base import HoursAttribute, MomentAttribute

Wire = dict[str, Any]
Decoder = Callable[[Wire | None], Any]

# AppSync stores an owner as `sub::username` and shows the part after the colons.
OWNER_SEPARATOR = "::"


def _text(wire: Wire | None) -> str | None:
    return None if wire is None or "NULL" in wire else wire["S"]


def _owner(wire: Wire | None) -> str | None:
    text = _text(wire)
    return None if text is None else text.rpartition(OWNER_SEPARATOR)[2]


def _float(wire: Wire | None) -> float | None:
    return None if wire is None or "NULL" in wire else float(wire["N"])


def _int(wire: Wire | None) -> int | None:
    return None if wire is None or "NULL" in wire else int(wire["N"])


def _bool(wire: Wire | None) -> bool | None:
    return None if wire is None or "NULL" in wire else wire["BOOL"]


def _texts(wire: Wire | None) -> list[str | None] | None:
    return None if wire is None or "NULL" in wire else [_text(element) for element in wire["L"]]


_DECODERS: dict[str, Decoder] = {"Float": _float, "Int": _int, "Boolean": _bool, "AWSTimestamp": _int}


def decoder(type_name: str, *, is_list: bool = False, is_owner: bool = False, default: Any = None) -> Decoder:
    """Return the function that decodes an attribute of a GraphQL type; absent and NULL become the default."""
    decode = _texts if is_list else _owner if is_owner else _DECODERS.get(type_name, _text)
    return decode if default is None else _or_default(decode, default)


def _or_default(decode: Decoder, default: Any) -> Decoder:
    def decode_or_default(wire: Wire | None) -> Any:
        value = decode(wire)
        return default if value is None else value

    return decode_or_default


def encode(attribute: Attribute[Any], value: Any) -> Wire:
    """Return a GraphQL value as a row stores it.

    Raises:
        ValueError: the value is invalid for that attribute; hours must be multiples of 0.01.
    """
    if isinstance(attribute, HoursAttribute):
        value = hours.from_float(value)
    elif isinstance(attribute, MomentAttribute):
        value = clock.from_text(value)
    return {str(attribute.attr_type): attribute.serialize(value)}
