"""The fields of a mirrored type that its rows store."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from types import UnionType
from typing import Any, Self, Union, get_args, get_origin

from pynamodb.attributes import Attribute
from strawberry import ID

from schema.amplify.rules import AuthRule
from schema.amplify.wire import (
    Decoder,
    Encoder,
    Wire,
    decoder,
    encode,
    encoder,
    list_decoder,
    list_encoder,
    or_default,
)
from schema.strawberry_internals import enum_name

EnumClass = type[StrEnum]

_NUMBERS_AND_FLAGS = frozenset({"Int", "Float", "AWSTimestamp", "Boolean"})
_SCALARS: dict[Any, str] = {ID: "ID", str: "String", int: "Int", float: "Float", bool: "Boolean"}


@dataclass(frozen=True, slots=True)
class Field:
    """A stored field.

    Args:
        name: its name, in GraphQL as in the table.
        type: the GraphQL name of its type; for a list, of its elements' type.
        required: whether it is never null.
        is_list: whether it is a list.
        enum: its type, if that is an enum, registered by `strawberry.enum` under its name in GraphQL.
        decode: decodes it from a row; an absent attribute is the default.
        encode: encodes a GraphQL value as a row stores it; raises ValueError if the value is invalid.
        default: its value if a client creates a row without it; None if there is none.
        elements_required: whether a list's elements are never null.
        keeps_spelling: whether rows hold a moment as the client spells it, rather than in one spelling for all.
        nested: its type, or its elements', if that is an object type; such values stand in the row, as maps.
    """

    name: str
    type: str
    required: bool
    is_list: bool
    enum: EnumClass | None
    decode: Decoder
    encode: Encoder
    default: Any = None
    elements_required: bool = True
    keeps_spelling: bool = False
    nested: "Nested | None" = None

    @classmethod
    def of(
        cls,
        name: str,
        graphql_type: str,
        *,
        enum: EnumClass | None = None,
        nested: "Nested | None" = None,
        is_owner: bool = False,
        default: Any = None,
    ) -> Self:
        """Return the field of a GraphQL type such as `[String]!`, whose values rows hold as clients send them.

        Args:
            name: its name.
            graphql_type: its type.
            enum: the enum, if it or its elements are of one.
            nested: the object type, if it or its elements are of one.
            is_owner: whether it names a member.
            default: its value if a client creates a row without it; None if there is none.
        """
        bare = graphql_type.removesuffix("!")
        is_list = bare.startswith("[")
        elements = bare[1:-1] if is_list else bare
        type_name = elements.removesuffix("!")
        one = decoder(type_name, is_owner=is_owner), encoder(type_name)
        if nested is not None:
            one = nested.decode, nested.encode
        decode, encode = (list_decoder(one[0]), list_encoder(one[1])) if is_list else one
        return cls(
            name,
            type_name,
            required=graphql_type.endswith("!"),
            is_list=is_list,
            enum=enum,
            decode=or_default(decode, default),
            encode=encode,
            default=default,
            elements_required=elements.endswith("!"),
            keeps_spelling=True,
            nested=nested,
        )

    @property
    def is_enum(self) -> bool:
        """Return whether its type is an enum."""
        return self.enum is not None

    @property
    def is_text(self) -> bool:
        """Return whether rows store it as a text."""
        return not self.is_list and self.nested is None and self.type not in _NUMBERS_AND_FLAGS

    @property
    def optional_type(self) -> str:
        """Return its GraphQL type as a nullable one."""
        return self._optional(self.type)

    def _optional(self, type_name: str) -> str:
        return f"[{type_name}{'!' * self.elements_required}]" if self.is_list else type_name

    @property
    def optional_input_type(self) -> str:
        """Return its type in an input, as a nullable one."""
        return self._optional(self.type if self.nested is None else self.nested.input_name)

    @property
    def input_type(self) -> str:
        """Return its type in an input."""
        return self.optional_input_type + "!" * self.required

    @property
    def graphql_type(self) -> str:
        """Return its GraphQL type."""
        return self.optional_type + "!" * self.required


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """An object type that is stored inside rows, as a map.

    Args:
        name: its name.
        fields: its fields, by their names; some may be of the type itself, and are added after it is made.
        description: what the schema says about it.
        rules: who may read a field, of those that have rules.
        rows: the GraphQL types of the fields that hold rows of other types, by name. Functions may answer them;
            stored, and in inputs, there are none.
    """

    name: str
    fields: dict[str, Field] = field(default_factory=dict)
    description: str | None = None
    rules: dict[str, tuple[AuthRule, ...]] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)

    @property
    def input_name(self) -> str:
        """Return the name of its input."""
        return f"{self.name}Input"

    def decode(self, wire: Wire | None) -> dict[str, Any] | None:
        """Return the values of its fields, None if there is no object."""
        if wire is None or "NULL" in wire:
            return None
        return {name: one.decode(wire["M"].get(name)) for name, one in self.fields.items()}

    def encode(self, value: Mapping[str, Any]) -> Wire:
        """Return an object as a row stores it, without nulls, and without what the type does not store.

        An input of the schema's own may have more fields, and a function may answer rows of other types.

        Raises:
            ValueError: a value is invalid.
        """
        given = {name: one for name, one in value.items() if one is not None and name in self.fields}
        return {"M": {name: self.fields[name].encode(one) for name, one in given.items()}}


def field_of(name: str, hint: Any, owners: Collection[str], default: Any, attribute: Attribute[Any]) -> Field:
    """Return the field that a class declares by an annotation such as `list[str]` or `AWSDateTime | None`.

    Args:
        name: its name.
        hint: the annotation.
        owners: the fields that name members.
        default: its value if a client creates a row without it; None if there is none.
        attribute: the attribute that stores it.
    """
    required = True
    if get_origin(hint) in {Union, UnionType}:
        (hint,) = (option for option in get_args(hint) if option is not type(None))
        required = False
    is_list = get_origin(hint) is list
    if is_list:
        (hint,) = get_args(hint)
    enum = hint if isinstance(hint, type) and issubclass(hint, StrEnum) else None
    type_name = _SCALARS.get(hint, hint.__name__) if enum is None else enum_name(enum)
    return Field(
        name=name,
        type=type_name,
        required=required,
        is_list=is_list,
        enum=enum,
        decode=decoder(type_name, is_list=is_list, is_owner=name in owners, default=default),
        encode=partial(encode, attribute),
        default=default,
    )
