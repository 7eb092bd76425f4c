"""Converts between a field's GraphQL value and its attribute in a row: `2.5` and `{"N": "2.5"}`."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pynamodb.attributes import Attribute

from models import clock, hours
from models.tables.base import HoursAttribute, MomentAttribute

Wire = dict[str, Any]
Decoder = Callable[[Wire | None], Any]
Encoder = Callable[[Any], Wire]

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
    decode = _DECODERS.get(type_name, _owner if is_owner and not is_list else _text)
    return or_default(list_decoder(decode) if is_list else decode, default)


def list_decoder(decode: Decoder) -> Decoder:
    """Return the function that decodes a list, given that of its elements."""
    if decode is _text:
        return _texts

    def decode_list(wire: Wire | None) -> list[Any] | None:
        return None if wire is None or "NULL" in wire else [decode(element) for element in wire["L"]]

    return decode_list


def or_default(decode: Decoder, default: Any) -> Decoder:
    """Return the function that decodes an attribute, absent and NULL as a default; None is none."""
    if default is None:
        return decode

    def decode_or_default(wire: Wire | None) -> Any:
        value = decode(wire)
        return default if value is None else value

    return decode_or_default


def text_of(wire: Wire) -> str:
    """Return the text of a text or a number that a row stores."""
    (text,) = wire.values()
    return str(text)


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


def encoder(type_name: str) -> Encoder:
    """Return the function that encodes values of a scalar or an enum as Amplify's own resolvers store them.

    A number is spelled as DynamoDB returns it, because it may be part of a key.
    """
    return _ENCODERS.get(type_name, _text_wire)


def _text_wire(value: Any) -> Wire:
    return {"S": str(value)}


def _number_wire(value: float) -> Wire:
    return {"N": f"{Decimal(repr(value)).normalize() + 0:f}"}


def _flag_wire(value: bool) -> Wire:  # noqa: FBT001 — the value that is encoded
    return {"BOOL": value}


_ENCODERS: dict[str, Encoder] = {
    "Float": _number_wire,
    "Int": _number_wire,
    "AWSTimestamp": _number_wire,
    "Boolean": _flag_wire,
}


def list_encoder(encode_one: Encoder) -> Encoder:
    """Return the function that encodes a list, given that of its elements."""

    def encode_list(values: list[Any]) -> Wire:
        return {"L": [{"NULL": True} if value is None else encode_one(value) for value in values]}

    return encode_list
