"""Reads documents: each distinct text is parsed, checked against the limits and validated once."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    Token,
    TokenKind,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)
from strawberry.extensions import SchemaExtension

from models.limits import fixed_limit
from schema.documents.disclosure import FULL_DISCLOSURE, Disclosure, introspection_error
from schema.documents.introspection import introspects, only_introspects
from schema.documents.limits import Limits, LimitsCheck, Verdict
from schema.documents.trusted import TrustedDocuments, TrustedDocumentsError
from schema.errors import OverLimitError, ReportedError, detached
from schema.unstorable import unstorable_in_document

# The length of all texts that are kept, and the nodes that they were parsed to. The texts of an Amplify app have
# some 110,000 characters; all that Amplify generates have 174,000, and 24,000 nodes. Each full collection of
# garbage looks at every node, which takes about a microsecond.
KEPT_CHARACTERS = 400_000
KEPT_NODES = 30_000
# Results of introspections that are kept; the usual one takes 3 MB.
KEPT_INTROSPECTIONS = 4
# How many refused documents are kept, without what they ask for, and how many texts that are no GraphQL. To read
# one again takes up to 40 ms; a request reads its document up to four times, and clients that retry send it again.
KEPT_REFUSED = 50
# The most errors of one document: each is located in the text, and may print a whole argument.
ERRORS = fixed_limit(
    3, "errors that are shown of a document", topic="requests and sockets", code="none: the others are left out"
)
_NO_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read.

    Args:
        node: the parsed text.
        errors: why it cannot be run.
        introspects: one of its operations asks about the schema.
        only_introspects: each of its operations asks about the schema and for nothing else.
        verdict: what the limits say of it.
        nodes: how many nodes it has.
        plans: what `resolvers.plans` keeps of its operations, by their names.
    """

    node: DocumentNode
    errors: list[GraphQLError]
    introspects: bool
    only_introspects: bool
    verdict: Verdict = field(default_factory=Verdict)
    nodes: int = 0
    plans: dict[str | None, Any] = field(default_factory=dict, compare=False)

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

    def variables_of(self, name: str | None) -> frozenset[str]:
        """Return the names of the variables that an operation declares."""
        operation = get_operation_ast(self.node, name)
        declared = (operation.variable_definitions if operation else None) or ()
        return frozenset(variable.variable.name.value for variable in declared)


# How graphql-core refuses a field that a type does not have, and an argument that a field does not have.
_UNKNOWN_FIELD = re.compile(r"Cannot query field '(?P<field>\w+)' on type '(?P<type>\w+)'")
_UNKNOWN_ARGUMENT = re.compile(r"Unknown argument '(?P<argument>\w+)' on field '(?P<field>\w+\.\w+)'")


class Documents:
    """Reads documents, and keeps those that it has read lately.

    Args:
        schema: the schema.
        limits: how much a document may ask for.
        alone: mutations of which an operation may hold only one.
        disclosure: what clients are told of the schema.
        trusted: the only documents that run; without, all do.
        unserved: why fields and arguments are not there that clients know, such as `Query.searchPosts`.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        alone: Collection[str] = (),
        *,
        disclosure: Disclosure = FULL_DISCLOSURE,
        trusted: TrustedDocuments | None = None,
        unserved: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._unserved = unserved
        self.disclosure = disclosure
        self.trusted = trusted
        self._check = LimitsCheck(schema, limits, alone)
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = self._nodes = 0
        self._refused: OrderedDict[str, Document] = OrderedDict()
        self._unparsed: OrderedDict[str, ReportedError] = OrderedDict()
        self._cached_introspection = lru_cache(KEPT_INTROSPECTIONS)(self._introspection)
        # A thread keeps the event loop waiting, too, whenever it has Python's lock: one at a time is enough.
        self._thread = ThreadPoolExecutor(1, "introspection")

    def read(self, text: str) -> Document:
        """Return a document.

        Raises:
            GraphQLError: it is too long, or not GraphQL.
            UntrustedDocumentError: only trusted documents run, and it is none.
        """
        for kept in (self._kept, self._refused):
            if (found := kept.get(text)) is not None:
                kept.move_to_end(text)
                return found
        read = self._read(text)
        if read.errors:
            read = self._refused[text] = _without_selections(read)
            if len(self._refused) > KEPT_REFUSED:
                self._refused.popitem(last=False)
            return read
        self._kept[text] = read
        self._characters += len(text)
        self._nodes += read.nodes
        while self._characters > KEPT_CHARACTERS or self._nodes > KEPT_NODES:
            dropped, document = self._kept.popitem(last=False)
            self._characters -= len(dropped)
            self._nodes -= document.nodes
        return read

    def too_much(
        self, document: Document, operation: str | None, variables: Mapping[str, Any] | None
    ) -> GraphQLError | None:
        """Return the error of an operation that asks for too much with a request's variables."""
        return self._check.refusal_with(document.verdict, operation, variables)

    def _read(self, text: str) -> Document:
        limits = self._limits
        lines = 1 + max(text.count("\n"), text.count("\r"))
        for found, limit, what in ((len(text), limits.characters, "characters"), (lines, limits.lines, "lines")):
            if found > limit:
                raise OverLimitError(f"The document may have {limit} {what} at most, and this has {found}")
        node = self._parsed(text)
        if self.trusted is not None:
            self.trusted.check(node)
        verdict = self._check.look_at(node)
        errors = [verdict.refusal] if verdict.refusal is not None else self._validate(node)
        fragments = {f.name.value: f for f in node.definitions if isinstance(f, FragmentDefinitionNode)}
        operations = [o for o in node.definitions if isinstance(o, OperationDefinitionNode)]
        return Document(
            node,
            errors,
            any(introspects(operation, fragments) for operation in operations),
            all(only_introspects(operation, fragments) for operation in operations),
            verdict,
            _forget_tokens(node),
        )

    def _parsed(self, text: str) -> DocumentNode:
        """Parse a document.

        Raises:
            GraphQLError: it is not GraphQL.
        """
        if (known := self._unparsed.get(text)) is not None:
            self._unparsed.move_to_end(text)
            raise detached(known)
        try:
            return parse(text, max_tokens=self._limits.tokens)
        except GraphQLSyntaxError as error:
            found = self._unparsed[text] = _syntax_error(text, error)
            if len(self._unparsed) > KEPT_REFUSED:
                self._unparsed.popitem(last=False)
            raise detached(found) from error

    def _validate(self, node: DocumentNode) -> list[GraphQLError]:
        hidden = not self.disclosure.suggestions
        errors = validate(self._schema, node, max_errors=ERRORS, hide_suggestions=hidden)
        return [self._explained(error) for error in errors] if self._unserved else errors

    def _explained(self, error: GraphQLError) -> GraphQLError:
        """Return an error as it is; of what clients know and is not served, return why it is not."""
        name = _unknown(error.message)
        if name not in self._unserved:
            return error
        return GraphQLError(f"{name} is not served: {self._unserved[name]}", error.nodes)

    def check_trusted(self) -> None:
        """Check that every trusted document can run.

        Raises:
            TrustedDocumentsError: one cannot.
        """
        for document in self.trusted.documents if self.trusted else ():
            for error in self.read(document.text).errors:
                raise TrustedDocumentsError(f"{document.place}: {error.message}")

    async def introspect(
        self, text: str, operation: str | None, variables: Mapping[str, Any] | None
    ) -> ExecutionResult:
        """Return the result of a document that only asks about the schema, without blocking the event loop."""
        declared = self.read(text).variables_of(operation)
        sent = {name: value for name, value in (variables or {}).items() if name in declared}
        key = orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._cached_introspection, text, operation, key)

    def _introspection(self, text: str, operation: str | None, variables: bytes) -> ExecutionResult:
        node = parse(text)
        return execute_sync(
            self._schema,
            node,
            operation_name=operation,
            variable_values=orjson.loads(variables),
            hide_suggestions=not self.disclosure.suggestions,
        )


def _unknown(message: str) -> str:
    """Return the field or argument that an error says is unknown, as `Query.a` or `Query.a(b:)`; else ""."""
    if (found := _UNKNOWN_FIELD.match(message)) is not None:
        return f"{found['type']}.{found['field']}"
    if (found := _UNKNOWN_ARGUMENT.match(message)) is not None:
        return f"{found['field']}({found['argument']}:)"
    return ""


def _forget_tokens(document: DocumentNode) -> int:
    """Drop the tokens of a document, which only its parsing needed, and return how many nodes it has.

    Each node leads to them, and they to each other: they are half of a document's memory.
    """
    pending: list[Node] = [document]
    count = 0
    while pending:
        node = pending.pop()
        count += 1
        if node.loc is not None:
            node.loc.start_token = node.loc.end_token = _NO_TOKEN
        for key in node.keys:
            inner = getattr(node, key, None)
            if isinstance(inner, Node):
                pending.append(inner)
            elif isinstance(inner, tuple | list):
                pending += (member for member in inner if isinstance(member, Node))
    return count


def _without_selections(document: Document) -> Document:
    """Return a refused document without what it asks for, so that little of it is kept in memory."""
    definitions = [
        OperationDefinitionNode(
            operation=node.operation, name=node.name, selection_set=SelectionSetNode(selections=())
        )
        for node in document.node.definitions
        if isinstance(node, OperationDefinitionNode)
    ]
    return replace(
        document,
        node=DocumentNode(definitions=tuple(definitions)),
        errors=[detached(error) for error in document.errors],
        verdict=Verdict(),
    )


def _syntax_error(text: str, error: GraphQLSyntaxError) -> ReportedError:
    """Return why a text is no document; the message names a lone surrogate and the argument that has it."""
    found = unstorable_in_document(text, next(iter(error.positions or ()), 0))
    if found is None:
        return detached(error)
    return detached(GraphQLError(f"Syntax Error: {found}.", source=error.source, positions=error.positions))


class DocumentsRead(SchemaExtension):
    """An extension that lets `Documents` parse and validate, and runs introspections in a thread."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._read: Document | None = None

    def on_parse(self) -> Iterator[None]:
        """Read the document, which validates it, too.

        Raises:
            GraphQLError: it is invalid GraphQL, or the request does not say which of its operations to run.
        """
        context = self.execution_context
        read = self._read = self._documents.read(context.query or "")
        # Once the context has the document, its name is that of the first operation if the request gave none.
        if (error := read.choice_error(context.operation_name)) is not None:
            raise error
        context.graphql_document = read.node
        yield

    def on_validate(self) -> Iterator[None]:
        """Report the errors that the reading found, or that the request's variables ask for too much."""
        if self._read is not None:
            self.execution_context.pre_execution_errors = self._errors(self._read)
        yield

    def _errors(self, read: Document) -> list[GraphQLError]:
        context = self.execution_context
        if read.introspects and not self._documents.disclosure.introspection(context.context):
            return [introspection_error()]
        if read.errors or not read.verdict.by_variables:
            return read.errors
        problem = self._documents.too_much(read, context.operation_name, context.variables)
        return [] if problem is None else [problem]

    async def on_execute(self) -> AsyncIterator[None]:
        """Run an operation that only asks about the schema."""
        context = self.execution_context
        if self._read is not None and self._read.only_introspects:
            context.result = await self._documents.introspect(
                context.query or "", context.operation_name, context.variables
            )
        yield
