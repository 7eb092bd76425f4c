"""Reads documents: each distinct text is parsed, checked against the limits and validated once."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)
from strawberry.extensions import SchemaExtension

from schema.documents.disclosure import EVERYTHING, Disclosure, introspection_error
from schema.documents.introspection import introspects, only_introspects
from schema.documents.limits import Limits, LimitsCheck
from schema.documents.trusted import TrustedDocuments, TrustedDocumentsError
from schema.errors import OverLimitError
from schema.unstorable import unstorable_in_document

# The length of all texts that are kept; those of an Amplify app have some 110,000 characters. Once parsed, a text
# takes up to 280 times as much memory.
KEPT_CHARACTERS = 400_000
# Results of introspections that are kept; the usual one takes 3 MB.
KEPT_INTROSPECTIONS = 4
# The most errors of one document: each is located in the text, and may print a whole argument.
ERRORS = 5


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read.

    Args:
        node: the parsed text.
        errors: why it cannot be run.
        introspects: one of its operations asks about the schema.
        only_introspects: each of its operations asks about the schema and for nothing else.
    """

    node: DocumentNode
    errors: list[GraphQLError]
    introspects: bool
    only_introspects: bool

    def choice_error(self, name: str | None) -> GraphQLError | None:
        """Return why no operation can be chosen, None if one can; Strawberry would run the first of several.

        Args:
            name: the request's `operationName`; only a document with a single operation needs none.
        """
        if get_operation_ast(self.node, name) is not None:
            return None
        if name is not None:
            return GraphQLError(f"Unknown operation named '{name}'.")
        if any(isinstance(definition, OperationDefinitionNode) for definition in self.node.definitions):
            return GraphQLError("Must provide operation name if query contains multiple operations.")
        return GraphQLError("Must provide an operation.")


class Documents:
    """Reads documents, and keeps those that it has read lately.

    Args:
        schema: the schema.
        limits: how much a document may ask for.
        alone: mutations of which an operation may hold only one.
        disclosure: what clients are told of the schema.
        trusted: the only documents that run; without, all do.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        alone: Collection[str] = (),
        *,
        disclosure: Disclosure = EVERYTHING,
        trusted: TrustedDocuments | None = None,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self.disclosure = disclosure
        self.trusted = trusted
        self._check = LimitsCheck(schema, limits, alone)
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0
        self._cached_introspection = lru_cache(KEPT_INTROSPECTIONS)(self._introspection)

    def read(self, text: str) -> Document:
        """Return a document.

        Raises:
            GraphQLError: it is too long, or not GraphQL.
            UntrustedDocumentError: only trusted documents run, and it is none.
        """
        if (found := self._kept.get(text)) is not None:
            self._kept.move_to_end(text)
            return found
        read = self._kept[text] = self._read(text)
        self._characters += len(text)
        while self._characters > KEPT_CHARACTERS:
            dropped, _ = self._kept.popitem(last=False)
            self._characters -= len(dropped)
        return read

    def _read(self, text: str) -> Document:
        limits = self._limits
        lines = 1 + max(text.count("\n"), text.count("\r"))
        for found, limit, what in ((len(text), limits.characters, "characters"), (lines, limits.lines, "lines")):
            if found > limit:
                raise OverLimitError(f"The document may have {limit} {what} at most, and this has {found}")
        node = _parsed(text, limits.tokens)
        if self.trusted is not None:
            self.trusted.check(node)
        refusal = self._check.refusal(node)
        errors = [refusal] if refusal is not None else self._validate(node)
        fragments = {f.name.value: f for f in node.definitions if isinstance(f, FragmentDefinitionNode)}
        operations = [o for o in node.definitions if isinstance(o, OperationDefinitionNode)]
        return Document(
            node,
            errors,
            any(introspects(operation, fragments) for operation in operations),
            all(only_introspects(operation, fragments) for operation in operations),
        )

    def _validate(self, node: DocumentNode) -> list[GraphQLError]:
        hidden = not self.disclosure.suggestions
        return validate(self._schema, node, max_errors=ERRORS, hide_suggestions=hidden)

    def check_trusted(self) -> None:
        """Check that every trusted document can run.

        Raises:
            TrustedDocumentsError: one cannot.
        """
        for document in self.trusted.documents if self.trusted else ():
            for error in self.read(document.text).errors:
                raise TrustedDocumentsError(f"{document.place}: {error.message}")

    async def introspect(self, text: str, operation: str | None, variables: Any) -> ExecutionResult:
        """Return the result of a document that only asks about the schema, without blocking the event loop."""
        return await asyncio.to_thread(self._cached_introspection, text, operation, orjson.dumps(variables))

    def _introspection(self, text: str, operation: str | None, variables: bytes) -> ExecutionResult:
        node = parse(text)
        return execute_sync(
            self._schema,
            node,
            operation_name=operation,
            variable_values=orjson.loads(variables),
            hide_suggestions=not self.disclosure.suggestions,
        )


def _parsed(text: str, tokens: int) -> DocumentNode:
    """Parse a document.

    Raises:
        GraphQLError: it is not GraphQL; the message names a lone surrogate and the argument that has it.
    """
    try:
        return parse(text, max_tokens=tokens)
    except GraphQLSyntaxError as error:
        found = unstorable_in_document(text, next(iter(error.positions or ()), 0))
        if found is None:
            raise
        raise GraphQLError(f"Syntax Error: {found}.", source=error.source, positions=error.positions) from error


class DocumentsRead(SchemaExtension):
    """An extension that lets `Documents` parse and validate, and runs introspections in a thread."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def on_parse(self) -> Iterator[None]:
        """Read the document, which validates it, too.

        Raises:
            GraphQLError: it is invalid GraphQL, or the request does not say which of its operations to run.
        """
        context, read = self.execution_context, self._read()
        # Once the context has the document, its name is that of the first operation if the request gave none.
        if (error := read.choice_error(context.operation_name)) is not None:
            raise error
        context.graphql_document = read.node
        yield

    def on_validate(self) -> Iterator[None]:
        """Report the errors that the reading found."""
        read = self._read()
        hidden = read.introspects and not self._documents.disclosure.introspection(self.execution_context.context)
        self.execution_context.pre_execution_errors = [introspection_error()] if hidden else read.errors
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        """Run an operation that only asks about the schema."""
        context = self.execution_context
        if self._read().only_introspects:
            context.result = await self._documents.introspect(
                context.query or "", context.operation_name, context.variables
            )
        yield

    def _read(self) -> Document:
        return self._documents.read(self.execution_context.query or "")
