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
    OperationDefinitionNode,
    execute_sync,
    parse,
    validate,
)
from strawberry.extensions import SchemaExtension

from schema.documents.introspection import only_introspects
from schema.documents.limits import Limits, LimitsCheck

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
        only_introspects: each of its operations asks about the schema and for nothing else.
    """

    node: DocumentNode
    errors: list[GraphQLError]
    only_introspects: bool


class Documents:
    """Reads documents, and keeps those that it has read lately.

    Args:
        schema: the schema.
        limits: how much a document may ask for.
        alone: mutations of which an operation may hold only one.
    """

    def __init__(self, schema: GraphQLSchema, limits: Limits, alone: Collection[str] = ()) -> None:
        self._schema = schema
        self._limits = limits
        self._check = LimitsCheck(schema, limits, alone)
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0
        self._cached_introspection = lru_cache(KEPT_INTROSPECTIONS)(self._introspection)

    def read(self, text: str) -> Document:
        """Return a document.

        Raises:
            GraphQLError: it is too long, or not GraphQL.
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
                raise GraphQLError(f"The document may have {limit} {what} at most, and this has {found}")
        node = parse(text, max_tokens=limits.tokens)
        refusal = self._check.refusal(node)
        errors = validate(self._schema, node, max_errors=ERRORS) if refusal is None else [refusal]
        fragments = {f.name.value: f for f in node.definitions if isinstance(f, FragmentDefinitionNode)}
        operations = [o for o in node.definitions if isinstance(o, OperationDefinitionNode)]
        return Document(node, errors, all(only_introspects(operation, fragments) for operation in operations))

    async def introspect(self, text: str, operation: str | None, variables: Any) -> ExecutionResult:
        """Return the result of a document that only asks about the schema, without blocking the event loop."""
        return await asyncio.to_thread(self._cached_introspection, text, operation, orjson.dumps(variables))

    def _introspection(self, text: str, operation: str | None, variables: bytes) -> ExecutionResult:
        node = parse(text)
        return execute_sync(self._schema, node, operation_name=operation, variable_values=orjson.loads(variables))


class DocumentsRead(SchemaExtension):
    """An extension that lets `Documents` parse and validate, and runs introspections in a thread."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def on_parse(self) -> Iterator[None]:
        """Read the document, which validates it, too."""
        context = self.execution_context
        context.graphql_document = self._read().node
        yield

    def on_validate(self) -> Iterator[None]:
        """Report the errors that the reading found."""
        self.execution_context.pre_execution_errors = self._read().errors
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
