"""Builds the schema from the operations that are derived from the declared types, and from our own operations."""

from collections.abc import Collection, Iterable, Sequence

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.field import StrawberryField

from schema.amplify.catalogue import Catalogue
from schema.amplify.inputs import SHARED
from schema.amplify.objects import types_of
from schema.amplify.operations import mutations, queries, subscriptions
from schema.amplify.resolver import MirrorResolver
from schema.documents.disclosure import FULL_DISCLOSURE, Disclosure
from schema.documents.execution import metered
from schema.documents.limits import Limits
from schema.documents.metering import AnswerLimits
from schema.documents.reading import Documents, DocumentsRead
from schema.documents.trusted import TrustedDocuments
from schema.errors import AppSyncErrors
from schema.scalars import SCALARS
from schema.strawberry_internals import (
    RememberedHooks,
    fields_of,
    free_argument_names,
    graphql_schema,
    make_object_type,
)

DEFAULT_LIMITS = Limits()
DEFAULT_ANSWERS = AnswerLimits()


class MirrorSchema(strawberry.Schema):
    """A schema that carries its types, their resolver, its limits, and the documents it has read."""

    catalogue: Catalogue
    resolver: MirrorResolver
    documents: Documents
    limits: Limits
    answers: AnswerLimits

    def create_extensions_runner(
        self, execution_context: ExecutionContext, extensions: list[SchemaExtension]
    ) -> RememberedHooks:
        """Return what runs the extensions of an operation."""
        return RememberedHooks(execution_context, extensions)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Leave errors to `AppSyncErrors`, which logs the unexpected ones."""


def build_schema(  # noqa: PLR0913 — an app, its resolver, and what limits its clients
    catalogue: Catalogue,
    resolver: MirrorResolver,
    *,
    limits: Limits = DEFAULT_LIMITS,
    disclosure: Disclosure = FULL_DISCLOSURE,
    trusted: TrustedDocuments | None = None,
    answers: AnswerLimits = DEFAULT_ANSWERS,
    extra_queries: Iterable[type] = (),
    extra_mutations: Sequence[type] = (),
    extra_subscriptions: Sequence[type] = (),
) -> MirrorSchema:
    """Return the schema of the declared types and of our own operations.

    Args:
        catalogue: the declared types.
        resolver: resolves the derived fields.
        limits: how much a document may ask for.
        disclosure: what clients are told of the schema.
        trusted: the only documents that run; without, all do.
        answers: how large an answer may become, and how long it may take.
        extra_queries: Strawberry types whose fields become fields of Query.
        extra_mutations: the same, for Mutation.
        extra_subscriptions: the same, for Subscription.

    Raises:
        TrustedDocumentsError: a trusted document is not valid.
    """
    types = types_of(catalogue)
    mirrored = list(mutations(catalogue, types))
    unasked = (*SHARED, "ModelSortDirection", *catalogue.nested, *catalogue.inputs, *catalogue.models)
    built = MirrorSchema(
        query=_root("Query", queries(catalogue, types), extra_queries),
        mutation=_root_if_any("Mutation", mirrored, extra_mutations),
        subscription=_root_if_any("Subscription", list(subscriptions(catalogue, types)), extra_subscriptions),
        # Those that no field uses are there, too; the scalars are NewTypes.
        types=[*SCALARS, *map(types.__getitem__, unasked)],  # type: ignore[list-item]
        extensions=[AppSyncErrors, lambda: DocumentsRead(built.documents)],
        config=StrawberryConfig(scalar_map=SCALARS),
        execution_context_class=metered(limits, answers, suggestions=disclosure.suggestions),
    )
    free_argument_names(built)
    built.catalogue, built.resolver = catalogue, resolver
    built.limits, built.answers = limits, answers
    known = graphql_schema(built)
    alone = catalogue.alone | _added(known, {field.name for field in mirrored})
    why = catalogue.unserved
    built.documents = Documents(known, limits, alone, disclosure=disclosure, trusted=trusted, unserved=why)
    built.documents.check_trusted()
    return built


def _added(known: GraphQLSchema, derived: Collection[str]) -> frozenset[str]:
    """Return the mutations that are not derived: each does more than write a row."""
    return frozenset(known.mutation_type.fields if known.mutation_type else ()) - frozenset(derived)


def _root(name: str, derived: Iterable[StrawberryField], extra: Iterable[type]) -> type:
    """Return a root type."""
    root = type(name, (), {})
    own = [field for cls in extra for field in fields_of(cls)]
    make_object_type(root, [*derived, *own], description=None, is_input=False)
    return root


def _root_if_any(name: str, derived: Sequence[StrawberryField], extra: Sequence[type]) -> type | None:
    """Return a root type, None if it has no fields, as GraphQL has no such types."""
    return _root(name, derived, extra) if derived or extra else None
