"""The schema, put together: what is derived from the declared types, and the operations of our own."""

from collections.abc import Callable, Iterable, Iterator

import strawberry
from graphql import GraphQLError
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.base import get_object_definition
from strawberry.types.field import StrawberryField

import schema.types  # noqa: F401 — declares the types that the operations are derived from
from schema.amplify.answers import Answers
from schema.amplify.fields import define
from schema.amplify.operations import mutations, queries, subscriptions
from schema.errors import AppSyncErrors
from schema.limits import OperationLimits
from schema.scalars import SCALARS

# Distinct operations kept parsed and validated; an Amplify app has some two hundred.
CACHED_DOCUMENTS = 512
# The largest operation that Amplify generates has 895 tokens.
MAX_TOKENS = 2_000
MAX_CHARACTERS = 32 * 1024


class MirrorSchema(strawberry.Schema):
    """A schema that knows who answers its derived fields."""

    answers: Answers

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Leave errors to `AppSyncErrors`, which logs what is worth it."""


class DocumentLimits(SchemaExtension):
    """Refuses a document that is too long before anything looks at it, and one that asks for too much."""

    def on_parse(self) -> Iterator[None]:
        """Give the parser its limit, and see whether the text keeps within ours."""
        if len(self.execution_context.query or "") > MAX_CHARACTERS:
            raise GraphQLError(f"The document is longer than {MAX_CHARACTERS} characters")
        self.execution_context.parse_options["max_tokens"] = MAX_TOKENS
        rules = self.execution_context.validation_rules
        self.execution_context.validation_rules = (OperationLimits, *rules)
        yield


def build_schema(
    answers: Answers,
    *,
    extra_queries: Iterable[type] = (),
    extra_mutations: Iterable[type] = (),
    extra_subscriptions: Iterable[type] = (),
) -> MirrorSchema:
    """Return the schema of the declared types and of our own operations.

    Args:
        answers: answers the derived fields.
        extra_queries: Strawberry types whose fields become fields of Query.
        extra_mutations: likewise of Mutation.
        extra_subscriptions: likewise of Subscription.
    """
    extensions: list[Callable[[], SchemaExtension]] = [
        AppSyncErrors,
        DocumentLimits,
        lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
        lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
    ]
    schema = MirrorSchema(
        query=_root("Query", queries(), extra_queries),
        mutation=_root("Mutation", mutations(), extra_mutations),
        subscription=_root("Subscription", subscriptions(), extra_subscriptions),
        types=list(SCALARS),  # type: ignore[arg-type]  # NewTypes, so that the unused ones are there, too
        extensions=extensions,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    schema.answers = answers
    return schema


def _root(name: str, derived: Iterable[StrawberryField], extra: Iterable[type]) -> type:
    root = type(name, (), {})
    own = [field for cls in extra for field in get_object_definition(cls, strict=True).fields]
    define(root, [*derived, *own])
    return root
