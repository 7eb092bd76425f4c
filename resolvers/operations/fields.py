"""What the GraphQL fields of our own operations share: their types, refusals, and checks of their arguments."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import strawberry

from models.errors import Refusal
from schema.errors import RefusedError

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


def query_type(name: str, fields: _Fields) -> type:
    """Return a Strawberry type of queries; the arguments are those of `mutation_type`."""
    return _type(name, strawberry.field, fields)


def subscription_type(name: str, fields: _Fields) -> type:
    """Return a Strawberry type of subscriptions; the arguments are those of `mutation_type`."""
    return _type(name, strawberry.subscription, fields)


def _type(name: str, field: Callable[..., Any], fields: _Fields) -> type:
    members = {
        resolver.__name__: field(resolver, graphql_type=returned, description=resolver.__doc__)
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
