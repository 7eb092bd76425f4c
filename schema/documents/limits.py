"""How much one document and one operation may ask for; checked on the parsed text before any row is read."""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
)

from models.limits import limit
from schema.documents.cost import Cost, costs_of
from schema.documents.introspection import count_introspection_values, only_introspects
from schema.documents.selections import Fragments, fields_in
from schema.errors import OverLimitError

# Values of an introspection that asks for other fields, too: unlike a pure one, it runs on the event loop.
BESIDE_OTHERS = 1_000
# The `errorType` of a document that asks for too much.
_REFUSED = "ValidationError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much clients may ask for; all operations that Amplify generates stay far below these limits."""

    characters: int = limit(32 * 1024, "characters of a document", code=_REFUSED)
    # An error's place is found by counting them.
    lines: int = limit(2_000, "lines of a document", code=_REFUSED)
    # The largest document that Amplify generates has 895.
    tokens: int = limit(2_000, "tokens of a document", code=_REFUSED)
    operations: int = limit(20, "operations in a document", code=_REFUSED)
    # graphql-core compares each pair of them.
    spreads: int = limit(50, "fragments that are spread in a document", code=_REFUSED)
    directives: int = limit(20, "directives in a document", code=_REFUSED)
    directives_each: int = limit(5, "directives on one field, fragment, variable or operation", code=_REFUSED)
    depth: int = limit(8, "levels of fields", code=_REFUSED)
    aliases: int = limit(30, "fields with an alias in an operation", code=_REFUSED)
    root_fields: int = limit(10, "fields of an operation's first level", code=_REFUSED)
    fields: int = limit(1_000, "fields of an operation's levels together, fragments written out", code=_REFUSED)
    # graphql-core compares each pair of them.
    repetitions: int = limit(15, "fields of one name in one place, which become one", code=_REFUSED)
    rows: int = limit(2_000, "rows that an operation reads, with every page full", code=_REFUSED)
    values: int = limit(25_000, "values in an operation's answer, with every page full", code=_REFUSED)
    # The usual introspection takes about 26,000.
    introspected: int = limit(
        40_000, "values of the schema that an introspection asks for; 0 turns introspection off", code=_REFUSED
    )

    def __post_init__(self) -> None:
        """Check that each limit lets something through.

        Raises:
            ValueError: a limit lets nothing through.
        """
        for name, most in asdict(self).items():
            if most < (name != "introspected"):
                raise ValueError(f"{name} must be 1 at least, not {most}")


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

    def refusal(self, document: DocumentNode) -> GraphQLError | None:
        """Return the error of a document that is over a limit, None if it may be validated."""
        definitions = document.definitions
        if problem := self._limits_problem(_document_counts(document)):
            return OverLimitError(f"The document asks for too much: {problem}", definitions[0])
        fragments = {f.name.value: f for f in definitions if isinstance(f, FragmentDefinitionNode)}
        operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
        for node, cost in zip(operations, costs_of(self._schema, operations, fragments), strict=False):
            problem = (
                self._limits_problem(_operation_counts(cost))
                or self._introspection_problem(node, fragments)
                or self._alone_problem(node, fragments)
            )
            if problem:
                return OverLimitError(f"The operation asks for too much: {problem}", node)
        return None

    def _limits_problem(self, counts: Collection[tuple[str, int, str]]) -> str:
        """Return which counts are over their limits, "" if none is."""
        return "; ".join(
            f"at most {most} {what}, and this asks for {_readable(found)}"
            for name, found, what in counts
            if found > (most := getattr(self._limits, name))
        )

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
    directives = spreads = most = 0
    for node in _nodes(document):
        spreads += isinstance(node, FragmentSpreadNode)
        each = len(getattr(node, "directives", None) or ())
        directives += each
        most = max(most, each)
    return [
        ("operations", operations, "operations"),
        ("spreads", spreads, "fragment spreads"),
        ("directives", directives, "directives"),
        ("directives_each", most, "directives in one place"),
    ]


def _nodes(document: DocumentNode) -> Iterator[Node]:
    """Yield every node that can have directives."""
    for definition in document.definitions:
        yield definition
        yield from getattr(definition, "variable_definitions", None) or ()
        pending = [getattr(definition, "selection_set", None)]
        while pending:
            if (selection := pending.pop()) is not None:
                yield from selection.selections
                pending.extend(getattr(node, "selection_set", None) for node in selection.selections)


def _operation_counts(cost: Cost) -> list[tuple[str, int, str]]:
    """Return what an operation asks for: each limit's name, the figure, and what it counts."""
    return [
        ("depth", cost.depth, "levels of fields"),
        ("aliases", cost.aliases, "aliases"),
        ("root_fields", cost.width, "root fields"),
        ("fields", cost.fields, "fields"),
        ("repetitions", cost.merged, "fields of one name in one place"),
        ("rows", cost.rows, "rows, with every page full"),
        ("values", cost.values, "values, with every page full"),
    ]


def _readable(number: int) -> str:
    """Return a number for people: fragments may have multiplied it to hundreds of digits."""
    return str(number) if number < 10**9 else "more than a thousand million"
