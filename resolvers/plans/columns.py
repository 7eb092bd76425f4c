"""The leaves of a row, as Python expressions over rows as DynamoDB sent them.

Each gives what decoding and graphql-core's completion give. What they would refuse (a required value that is
absent, a number that is none) raises something; graphql-core then executes the operation, and reports it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLOutputType,
    Undefined,
    get_named_type,
)

from resolvers.plans.selection import UnplannedError
from schema.amplify import stored_fields
from schema.amplify.wire import OWNER_SEPARATOR, decoder

_TEXT, _OWNER, _TEXTS, _FLOAT, _BOOLEAN = (
    decoder("String"),
    decoder("String", is_owner=True),
    decoder("String", is_list=True),
    decoder("Float"),
    decoder("Boolean"),
)
# Of each decoder: whether it makes texts, and the same as an expression of an attribute.
_EXPRESSIONS = (
    (_FLOAT, False, "float({}['N'])"),
    (_BOOLEAN, False, "{}['BOOL']"),
    (_TEXT, True, "{}['S']"),
    (_OWNER, True, f"{{}}['S'].rpartition({OWNER_SEPARATOR!r})[2]"),
    (_TEXTS, True, "[element['S'] for element in {}['L']]"),
)
# Scalars that are no texts.
_NUMBERS = frozenset({"Int", "Float", "Boolean", "AWSTimestamp"})
_DATES = frozenset({"AWSDate", "AWSTime", "AWSDateTime"})


@dataclass(slots=True)
class Names:
    """What expressions refer to, by the names under which they do."""

    values: dict[str, Any] = field(default_factory=dict)

    def of(self, value: Any) -> str:
        """Return a new name for a value."""
        name = f"_{len(self.values)}"
        self.values[name] = value
        return name


def is_long(type_: GraphQLNamedType) -> bool:
    """Return whether a leaf's values are texts of any length."""
    return not isinstance(type_, GraphQLEnumType) and type_.name not in _NUMBERS | _DATES


def leaf(stored: stored_fields.Field, type_: GraphQLOutputType, names: Names) -> str:
    """Return the expression of a stored field of `row`.

    Args:
        stored: the field.
        type_: its type in the schema.
        names: gets what the expression refers to.
    """
    attribute = f"row[{stored.name!r}]"
    value = _plain(stored, type_, attribute, names)
    if value is None:
        return f"{names.of(decoded(stored, type_))}(row)"
    return value if stored.required else f"({value} if {stored.name!r} in row else None)"


def _plain(stored: stored_fields.Field, type_: GraphQLOutputType, attribute: str, names: Names) -> str | None:
    """Return the expression of an attribute that is there, None if it takes more than one."""
    named = get_named_type(type_)
    if isinstance(named, GraphQLEnumType):
        if stored.is_list or stored.decode is not _TEXT:
            return None
        shown = {str(value.value): named.coerce_output_value(value.value) for value in named.values.values()}
        return f"{names.of(shown)}[{attribute}['S']]"
    for decode, is_text, expression in _EXPRESSIONS:
        if stored.decode is decode and is_text == (named.name not in _NUMBERS):
            return expression.format(attribute)
    return None


def decoded(stored: stored_fields.Field, type_: GraphQLOutputType) -> Callable[[Any], Any]:
    """Return the function that decodes a stored field of a row and completes it, value by value."""
    complete = completion(type_)
    return lambda row: complete(stored.decode(row.get(stored.name)))


def completion(type_: GraphQLOutputType) -> Callable[[Any], Any]:
    """Return the function that makes a leaf's value what clients get.

    The function raises `UnplannedError`, or whatever the type does, for a value that does not fit.
    """
    if isinstance(type_, GraphQLNonNull):
        complete = completion(type_.of_type)

        def complete_required(value: Any) -> Any:
            if value is None:
                raise UnplannedError
            return complete(value)

        return complete_required
    if isinstance(type_, GraphQLList):
        complete_element = completion(type_.of_type)
        return lambda values: None if values is None else [complete_element(value) for value in values]
    coerce = type_.coerce_output_value  # type: ignore[union-attr]  # a leaf's

    def complete_value(value: Any) -> Any:
        if value is None:
            return None
        found = coerce(value)
        if found is None or found is Undefined:
            raise UnplannedError
        return found

    return complete_value
