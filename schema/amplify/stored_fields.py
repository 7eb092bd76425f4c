"""The fields of a mirrored type that its rows store."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import UnionType
from typing import Any, Self, Union, get_args, get_origin

from pynamodb.attributes import Attribute
from strawberry import ID

from schema.amplify.wire import Decoder, Encoder, decoder, encode, encoder
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

    @classmethod
    def of(
        cls,
        name: str,
        graphql_type: str,
        *,
        enum: EnumClass | None = None,
        is_owner: bool = False,
        default: Any = None,
    ) -> Self:
        """Return the field of a GraphQL type such as `[String]!`, whose values rows hold as clients send them.

        Args:
            name: its name.
            graphql_type: its type.
            enum: the enum, if it or its elements are of one.
            is_owner: whether it names a member.
            default: its value if a client creates a row without it; None if there is none.
        """
        bare = graphql_type.removesuffix("!")
        is_list = bare.startswith("[")
        elements = bare[1:-1] if is_list else bare
        type_name = elements.removesuffix("!")
        return cls(
            name,
            type_name,
            required=graphql_type.endswith("!"),
            is_list=is_list,
            enum=enum,
            decode=decoder(type_name, is_list=is_list, is_owner=is_owner, default=default),
            encode=encoder(type_name, is_list=is_list),
            default=default,
            elements_required=elements.endswith("!"),
            keeps_spelling=True,
        )

    @property
    def is_enum(self) -> bool:
        """Return whether its type is an enum."""
        return self.enum is not None

    @property
    def is_text(self) -> bool:
        """Return whether rows store it as a text."""
        return not self.is_list and self.type not in _NUMBERS_AND_FLAGS

    @property
    def optional_type(self) -> str:
        """Return its GraphQL type as a nullable one."""
        return f"[{self.type}{'!' * self.elements_required}]" if self.is_list else self.type

    @property
    def graphql_type(self) -> str:
        """Return its GraphQL type."""
        return self.optional_type + "!" * self.required


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
