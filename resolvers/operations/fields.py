"""What the GraphQL fields of our own operations share: their types, refusals, and checks of their arguments."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import strawberry

from models.errors import Refusal
from schema.documents.cost import MOST_OBJECTS
from schema.errors import InvalidInputError, RefusedError

_T = TypeVar("_T")
# A bound method that resolves a field, and the GraphQL type that it returns.
_Fields = Mapping[Callable[..., Any], Any]


def mutation_type(name: str, fields: _Fields) -> type:
    """Return a Strawberry type of mutations.

    Args:
        name: the type's name, which clients do not see: its fields become fields of Mutation.
        fields: each mutation's bound method, which gives it its name, arguments and description, and the
            GraphQL type that it returns.
    """
    return _type(name, strawberry.mutation, fields)


def query_type(
    name: str, fields: _Fields, *, most_objects: Mapping[Callable[..., Any], int] = MappingProxyType({})
) -> type:
    """Return a Strawberry type of queries.

    Args:
        name: as in `mutation_type`.
        fields: as in `mutation_type`.
        most_objects: how many objects a query returns at most that returns a list; its cost is told from it.
    """
    return _type(name, strawberry.field, fields, most_objects)


def subscription_type(name: str, fields: _Fields) -> type:
    """Return a Strawberry type of subscriptions; the arguments are those of `mutation_type`."""
    return _type(name, strawberry.subscription, fields)


def _type(
    name: str,
    field: Callable[..., Any],
    fields: _Fields,
    most_objects: Mapping[Callable[..., Any], int] = MappingProxyType({}),
) -> type:
    members = {
        resolver.__name__: field(
            resolver,
            graphql_type=returned,
            description=resolver.__doc__,
            metadata={MOST_OBJECTS: most_objects[resolver]} if resolver in most_objects else None,
        )
        for resolver, returned in fields.items()
    }
    return strawberry.type(type(name, (), members))


def accepted(outcome: _T | Refusal) -> _T:
    """Return the outcome of an operation that was not refused.

    Raises:
        RefusedError: the outcome is a refusal.
    """
    if isinstance(outcome, Refusal):
        raise RefusedError(outcome)
    return outcome


def optional_text(field: str, text: str | None, longest: int) -> str | None:
    """Return a text of at most `longest` characters; None if there is none or it is empty.

    Raises:
        InvalidInputError: the text is too long.
    """
    if text is not None and len(text) > longest:
        raise InvalidInputError(
            f"{field}: {len(text)} characters are too many; at most {longest} fit.", field=field
        )
    return text or None


def required_reason(field: str, text: str, longest: int) -> str:
    """Return a reason of 1 to `longest` characters.

    Raises:
        InvalidInputError: the reason is too long, or blank.
    """
    if not text.strip() or len(text) > longest:
        raise InvalidInputError(
            f"{field}: say in 1 to {longest} characters why it is so, not in {len(text)}.", field=field
        )
    return text


def check_goes_with(field: str, value: object, choice: object, *, is_required: bool) -> None:
    """Check an argument that some choices of another argument require, and that no other choice allows.

    Args:
        field: the argument's name.
        value: the argument's value, None if it is missing.
        choice: the other argument's value.
        is_required: whether that choice requires the argument.

    Raises:
        InvalidInputError: the argument is missing, or does not go with the choice.
    """
    if is_required != (value is not None):
        raise InvalidInputError(
            f"{field}: {'is required' if is_required else 'does not go'} with {choice}", field=field
        )
