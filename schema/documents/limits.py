"""How much one document and one operation may ask for; checked on the parsed text before any row is read."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
)

from models.limits import LimitSet, limit
from schema.documents.cost import Amount, Cost, costs_of, default_sizes, sent_size
from schema.documents.introspection import count_introspection_values, only_introspects
from schema.documents.selections import Fragments, fields_in
from schema.errors import OverLimitError

# Values of an introspection that asks for other fields, too: unlike a pure one, it runs on the event loop.
BESIDE_OTHERS = 1_000
# Limits that an error names, when a document is over several.
_NAMED = 3


_CODE = "ValidationError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(LimitSet):
    """How much clients may ask for; all operations that Amplify generates stay far below these limits."""

    characters: int = limit(32 * 1024, "characters of a document", code=_CODE)
    # An error's place is found by counting them.
    lines: int = limit(2_000, "lines of a document", code=_CODE)
    # The largest document that Amplify generates has 895.
    tokens: int = limit(2_000, "tokens of a document", code=_CODE)
    operations: int = limit(20, "operations in a document", code=_CODE)
    # More of them than can be spread are of no use.
    fragments: int = limit(50, "fragments that a document defines", code=_CODE)
    # graphql-core compares each pair of them.
    spreads: int = limit(50, "fragments that are spread in a document", code=_CODE)
    directives: int = limit(20, "directives in a document", code=_CODE)
    directives_each: int = limit(5, "directives on one field, fragment, variable or operation", code=_CODE)
    # graphql-core prints the whole object for each of its wrong fields. The largest input has 23.
    arguments_each: int = limit(
        100, "arguments of one field, or fields of one input object, as a document writes them", code=_CODE
    )
    depth: int = limit(8, "levels of fields", code=_CODE)
    aliases: int = limit(30, "fields with an alias in an operation", code=_CODE)
    root_fields: int = limit(10, "fields of an operation's first level", code=_CODE)
    fields: int = limit(1_000, "fields of an operation, with its fragments written out", code=_CODE)
    # graphql-core compares each pair of them.
    repetitions: int = limit(15, "fields of one name in one place, which become one", code=_CODE)
    rows: int = limit(2_000, "rows that an operation asks for, with every page full, and that it gets", code=_CODE)
    values: int = limit(
        25_000, "values that an operation asks for, with every page full, and that it gets", code=_CODE
    )
    introspected: int = limit(
        40_000,
        "values of the schema in an introspection; the usual one has 26,000, and 0 refuses all",
        code=_CODE,
        may_be_zero=True,
    )


@dataclass(frozen=True, slots=True)
class _ByVariables:
    """An operation whose cost depends on variables.

    Args:
        node: the operation.
        amount: what it costs.
        sizes: the size of a page that each of these variables gives if a request leaves it out.
    """

    node: OperationDefinitionNode
    amount: Amount
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limits say of a document.

    Args:
        refusal: why it is over a limit, whatever the variables are.
        by_variables: its operations whose cost depends on variables, by name.
    """

    refusal: GraphQLError | None = None
    by_variables: Mapping[str | None, _ByVariables] = field(default_factory=dict)


class LimitsCheck:
    """Checks documents against the limits; one that is over a limit is not validated at all.

    Args:
        schema: the schema.
        limits: how much it may ask for.
        alone: mutations of which an operation may hold one: they move hours or start workflows, and a client must
            get one answer on what became of each.
    """

    def __init__(self, schema: GraphQLSchema, limits: Limits, alone: Collection[str] = ()) -> None:
        self._schema = schema
        self._limits = limits
        self._alone = frozenset(alone)

    def look_at(self, document: DocumentNode) -> "Verdict":
        """Return the error of a document that is over a limit, else what depends on each request's variables."""
        definitions = document.definitions
        if problem := self._limits_problem(_document_counts(document)):
            return Verdict(OverLimitError(f"The document asks for too much: {problem}", definitions[0]))
        fragments = {f.name.value: f for f in definitions if isinstance(f, FragmentDefinitionNode)}
        operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
        by_variables = {}
        for node, cost in zip(operations, costs_of(self._schema, operations, fragments), strict=False):
            if problem := (
                self._limits_problem(_operation_counts(cost))
                or self._introspection_problem(node, fragments)
                or self._alone_problem(node, fragments)
            ):
                return Verdict(_too_much(problem, node))
            if variables := cost.variables:
                sizes = {name: size for name, size in default_sizes(node).items() if name in variables}
                by_variables[node.name.value if node.name else None] = _ByVariables(node, cost.amount, sizes)
        return Verdict(by_variables=by_variables)

    def refusal_with(
        self, verdict: "Verdict", operation: str | None, variables: Mapping[str, Any] | None
    ) -> GraphQLError | None:
        """Return the error of an operation that is over a limit with a request's variables.

        Args:
            verdict: what `look_at` said of its document.
            operation: its name, None if it has none.
            variables: as they were sent.
        """
        cost = verdict.by_variables.get(operation)
        if cost is None:
            return None
        sent = {name: sent_size(variables[name]) for name in cost.sizes if name in variables} if variables else {}
        problem = self._limits_problem(_amounts(*cost.amount.given({**cost.sizes, **sent})))
        return _too_much(problem, cost.node) if problem else None

    def _limits_problem(self, counts: Collection[tuple[str, int, str]]) -> str:
        """Return which counts are over their limits, "" if none is."""
        problems = [
            f"at most {most} {what}, and this asks for {_readable(found)}"
            for name, found, what in counts
            if found > (most := getattr(self._limits, name))
        ]
        return "; ".join(problems[:_NAMED])

    def _introspection_problem(self, operation: OperationDefinitionNode, fragments: Fragments) -> str:
        """Return what is wrong if an introspection is over its limit, else ""."""
        most, beside = self._limits.introspected, ""
        if not only_introspects(operation, fragments):
            most, beside = min(most, BESIDE_OTHERS), " beside other fields"
        count = count_introspection_values(self._schema, operation, fragments, most=most)
        return f"at most {most} values of the schema{beside}, and this asks for more" if count > most else ""

    def _alone_problem(self, operation: OperationDefinitionNode, fragments: Fragments) -> str:
        """Return what is wrong if there are several of the mutations that must stand alone, else ""."""
        fields = {
            (field.alias or field.name).value: field.name.value
            for field in fields_in([operation.selection_set], fragments)
        }
        found = sorted(name for name in fields.values() if name in self._alone)
        names = ", ".join(dict.fromkeys(found))
        return f"at most 1 of {names}, and this asks for {len(found)}" if len(found) > 1 else ""


def _document_counts(document: DocumentNode) -> list[tuple[str, int, str]]:
    """Return what a document holds: each limit's name, the figure, and what it counts."""
    operations = sum(isinstance(node, OperationDefinitionNode) for node in document.definitions)
    fragments = sum(isinstance(node, FragmentDefinitionNode) for node in document.definitions)
    directives = spreads = most = longest = widest = 0
    for definition in document.definitions:
        fields = 0
        for node in _nodes(definition):
            fields += isinstance(node, FieldNode)
            spreads += isinstance(node, FragmentSpreadNode)
            widest = max(widest, _widest(node))
            if each := len(getattr(node, "directives", None) or ()):
                directives += each
                most = max(most, each)
        longest = max(longest, fields)
    return [
        ("operations", operations, "operations"),
        ("fragments", fragments, "fragments"),
        ("fields", longest, "fields"),
        ("spreads", spreads, "fragment spreads"),
        ("directives", directives, "directives"),
        ("directives_each", most, "directives in one place"),
        ("arguments_each", widest, "arguments or fields of an input in one place"),
    ]


def _widest(node: Node) -> int:
    """Return the most arguments of a node or a directive on it, or fields of an object among their values."""
    owners = (node, *(getattr(node, "directives", None) or ()))
    arguments = [getattr(owner, "arguments", None) or () for owner in owners]
    pending = [getattr(node, "default_value", None), *(one.value for each in arguments for one in each)]
    most = max(map(len, arguments))
    while pending:
        match pending.pop():
            case ObjectValueNode(fields=fields):
                most = max(most, len(fields))
                pending += [field.value for field in fields]
            case ListValueNode(values=values):
                pending += values
    return most


def _nodes(definition: Node) -> Iterator[Node]:
    """Yield every node of a definition that can have directives."""
    yield definition
    yield from getattr(definition, "variable_definitions", None) or ()
    pending = [getattr(definition, "selection_set", None)]
    while pending:
        if (selection := pending.pop()) is not None:
            yield from selection.selections
            pending.extend(getattr(node, "selection_set", None) for node in selection.selections)


def _operation_counts(cost: Cost) -> list[tuple[str, int, str]]:
    """Return what an operation asks for: each limit's name, the figure, and what it counts."""
    # Where a variable gives the size of a page, only a page of one row is certain.
    rows, values = cost.amount.given(dict.fromkeys(cost.variables, 1))
    return [
        ("depth", cost.depth, "levels of fields"),
        ("aliases", cost.aliases, "aliases"),
        ("root_fields", cost.width, "root fields"),
        ("fields", cost.fields, "fields"),
        ("repetitions", cost.merged, "fields of one name in one place"),
        *_amounts(rows, values),
    ]


def _amounts(rows: int, values: int) -> list[tuple[str, int, str]]:
    return [
        ("rows", rows, "rows, with every page full"),
        ("values", values, "values, with every page full"),
    ]


def _too_much(problem: str, node: OperationDefinitionNode) -> GraphQLError:
    return OverLimitError(f"The operation asks for too much: {problem}", node)


def _readable(number: int) -> str:
    """Return a number for people: fragments may have multiplied it to hundreds of digits."""
    return str(number) if number < 10**9 else "more than a thousand million"
