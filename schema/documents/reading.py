"""Documents: parsed, held against the limits and validated, each distinct text once."""

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

from schema.documents.introspection import only_tells
from schema.documents.limits import Limits, LimitsCheck

# Texts that are kept, all together; those of an Amplify app have some 110,000 characters. What is parsed takes up
# to 280 times as much.
KEPT_CHARACTERS = 400_000
# Answers about the schema that are kept; the usual one takes 3 MB.
KEPT_INTROSPECTIONS = 4
# Each error has its place looked up in the text, and may print a whole argument.
ERRORS = 5


@dataclass(frozen=True, slots=True)
class Document:
    """A text that was read.

    Args:
        node: what was parsed.
        errors: why it cannot be run.
        only_tells: each of its operations asks about the schema and for nothing else.
    """

    node: DocumentNode
    errors: list[GraphQLError]
    only_tells: bool


class Documents:
    """Reads documents, and keeps what it has read lately.

    Args:
        schema: what they ask.
        limits: how much they may ask for.
        alone: mutations of which an operation may hold one.
    """

    def __init__(self, schema: GraphQLSchema, limits: Limits, alone: Collection[str] = ()) -> None:
        self._schema = schema
        self._limits = limits
        self._check = LimitsCheck(schema, limits, alone)
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0
        self._tell = lru_cache(KEPT_INTROSPECTIONS)(self._told)

    def read(self, text: str) -> Document:
        """Return a document.

        Raises:
            GraphQLError: it is too long, or no GraphQL.
        """
        if (found := self._kept.get(text)) is not None:
            self._kept.move_to_end(text)
            return found
        read = self._kept[text] = self._read(text)
        self._characters += len(text)
        while self._characters > KEPT_CHARACTERS:
            forgotten, _ = self._kept.popitem(last=False)
            self._characters -= len(forgotten)
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
        return Document(node, errors, all(only_tells(operation, fragments) for operation in operations))

    async def tell(self, text: str, operation: str | None, variables: Any) -> ExecutionResult:
        """Return what a document that only asks about the schema is answered, without holding up anybody else."""
        return await asyncio.to_thread(self._tell, text, operation, orjson.dumps(variables))

    def _told(self, text: str, operation: str | None, variables: bytes) -> ExecutionResult:
        node = parse(text)
        return execute_sync(self._schema, node, operation_name=operation, variable_values=orjson.loads(variables))


class DocumentsRead(SchemaExtension):
    """Lets `Documents` read what is to be run."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def on_parse(self) -> Iterator[None]:
        """Have the document read, and with it validated."""
        context = self.execution_context
        context.graphql_document = self._read().node
        yield

    def on_validate(self) -> Iterator[None]:
        """Say what the reading found."""
        self.execution_context.pre_execution_errors = self._read().errors
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        """Answer what is only about the schema."""
        context = self.execution_context
        if self._read().only_tells:
            context.result = await self._documents.tell(
                context.query or "", context.operation_name, context.variables
            )
        yield

    def _read(self) -> Document:
        return self._documents.read(self.execution_context.query or "")
