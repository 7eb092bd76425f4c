"""What an operation asks for, in the kinds and units that are counted."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
)

from resolvers.rates.limits import Kind
from schema.documents.cost import Amount, costs_of, default_sizes, sent_size
from schema.documents.reading import KEPT_CHARACTERS, Document, Documents
from schema.documents.selections import fields_in

# What one unit of work buys beside a row: each takes some 30 µs.
_CHARACTERS = 8  # of a document that is read for the first time
_VARIABLE_BYTES = 64
_LONGEST = 32 * 1024  # characters
# The rows that a mutation writes beside the client's: its event, notifications, the key of the request.
_SERVER_ROWS_BYTES = 500
# The mutations that start workflows.
STARTING = frozenset({"createServiceRequest", "startServiceRequestWorkflow", "createTransaction", "createDispute"})


@dataclass(frozen=True, slots=True)
class Demand:
    """What one operation of a document asks for.

    Args:
        operation: its type; None if it cannot be run.
        rows: the rows that it reads, with the variables' own defaults.
        starts: the workflows that it starts.
        creations: the rows that it creates.
        introspects: whether it only asks about the schema.
        amount: what it reads, if that depends on variables.
        sizes: the size of a page that each of these variables gives if a request leaves it out.
    """

    operation: OperationType | None = None
    rows: int = 1
    starts: int = 0
    creations: int = 0
    introspects: bool = False
    amount: Amount | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_query(self) -> bool:
        """Return whether it is a query, which changes nothing."""
        return self.operation is OperationType.QUERY

    @property
    def is_mutation(self) -> bool:
        """Return whether it is a mutation."""
        return self.operation is OperationType.MUTATION

    def rows_with(self, variables: Mapping[str, Any] | None) -> int:
        """Return the rows that it reads with a request's variables."""
        if self.amount is None or not variables:
            return self.rows
        sent = {name: sent_size(variables[name]) for name in self.sizes if name in variables}
        return max(1, self.amount.given({**self.sizes, **sent})[0])

    @property
    def is_units_only(self) -> bool:
        """Return whether it is counted in units of work and in nothing else, as most queries are."""
        return self.operation is OperationType.QUERY and not self.introspects

    def units(self, size: int, variables: Mapping[str, Any] | None) -> int:
        """Return how many units of work it is, with variables of so many bytes."""
        return self.rows_with(variables) + size // _VARIABLE_BYTES

    def costs(self, text: str, size: int, variables: Mapping[str, Any] | None = None) -> Mapping[Kind, int]:
        """Return what the operation costs, beside the reading of its document.

        Args:
            text: the document, which may hold what is to be stored.
            size: bytes of its variables.
            variables: the request's.
        """
        costs = {Kind.UNITS: self.units(size, variables)}
        match self.operation:
            case OperationType.MUTATION:
                costs[Kind.MUTATIONS] = 1
                costs[Kind.STORED_BYTES] = size + len(text) + _SERVER_ROWS_BYTES
                if self.creations:
                    costs[Kind.CREATIONS] = self.creations
                if self.starts:
                    costs[Kind.STARTS] = self.starts
            case OperationType.SUBSCRIPTION:
                costs[Kind.SUBSCRIPTIONS] = 1
        if self.introspects:
            costs[Kind.INTROSPECTIONS] = 1
        return costs


INVALID = Demand()


def units_of_reading(text: str) -> int:
    """Return how many units it costs to read a new document; one longer than `_LONGEST` is refused unread."""
    return min(len(text), _LONGEST) // _CHARACTERS


class Demands:
    """Tells what operations ask for; remembers those of the documents that were read lately.

    Args:
        documents: reads documents.
        schema: the schema.
    """

    def __init__(self, documents: Documents, schema: GraphQLSchema) -> None:
        self._documents = documents
        self._schema = schema
        self._kept: OrderedDict[tuple[str, str | None], Demand] = OrderedDict()
        self._characters = 0

    def known(self, text: str, name: str | None) -> Demand | None:
        """Return what an operation asks for, None if its document was not read lately, or is invalid."""
        found = self._kept.get((text, name))
        if found is not None:
            self._kept.move_to_end((text, name))
        return found

    def read(self, text: str, name: str | None) -> Demand:
        """Read a document and return what its operation asks for; an invalid one is not remembered.

        Args:
            text: the document.
            name: the operation to run; only a document with a single operation needs none.
        """
        try:
            document = self._documents.read(text)
        except GraphQLError:
            return INVALID
        operation = get_operation_ast(document.node, name)
        if document.errors or operation is None:
            return INVALID
        demand = self._kept[text, name] = _demand(self._schema, document, operation)
        self._characters += len(text)
        while self._characters > KEPT_CHARACTERS:
            (dropped, _), _ = self._kept.popitem(last=False)
            self._characters -= len(dropped)
        return demand


def _demand(schema: GraphQLSchema, document: Document, operation: OperationDefinitionNode) -> Demand:
    fragments = {f.name.value: f for f in document.node.definitions if isinstance(f, FragmentDefinitionNode)}
    # A field that stands twice under one name runs once.
    names = {
        (field.alias or field.name).value: field.name.value
        for field in fields_in([operation.selection_set], fragments)
    }.values()
    is_mutation = operation.operation is OperationType.MUTATION
    (cost,) = costs_of(schema, [operation], fragments)
    sizes = {name: size for name, size in default_sizes(operation).items() if name in cost.variables}
    return Demand(
        operation=operation.operation,
        rows=max(1, cost.amount.given(sizes)[0]),
        starts=sum(name in STARTING for name in names) if is_mutation else 0,
        creations=sum(name.startswith("create") for name in names) if is_mutation else 0,
        introspects=document.only_introspects,
        amount=cost.amount if sizes else None,
        sizes=sizes,
    )
