"""What clients are told of the schema: all of it while an app is developed, little where it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError


def _everybody(_context: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What clients are told of the schema.

    Args:
        suggestions: whether errors suggest names that do exist ("Did you mean …?").
        introspection: returns whether the caller of a request's context may ask about the schema.
    """

    suggestions: bool = True
    introspection: Callable[[Any], bool] = _everybody


FULL_DISCLOSURE = Disclosure()


def introspection_error() -> GraphQLError:
    """Return the error for a caller who may not ask about the schema."""
    return GraphQLError(
        "Introspection is turned off on this server, so `__schema` and `__type` cannot be asked for; "
        "leave them out, or ask a local server, which has the same schema"
    )
