"""How much one operation may ask for, told from its text before anything is read.

The estimate takes a page for full: as large as a `limit` that is written out, else as the default. A `limit` in a
variable counts as the default, too, since the text does not say it. That is sound, for two such pages inside each
other are already over the limit: an operation costs ten times its estimate at most, when a variable says 1,000.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from graphlib import CycleError, TopologicalSorter
from operator import add
from typing import Any, NoReturn

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValidationRule,
    get_named_type,
    is_leaf_type,
)
from graphql.validation.validate import ValidationAbortedError

# The rows of a page that is asked for without `limit`, and the most that may be asked for.
DEFAULT_PAGE = 100
LARGEST_PAGE = 1_000

# All operations that Amplify generates stay far below.
DEPTH = 8
ALIASES = 30
ROOT_FIELDS = 10
FIELDS = 1_000
# Fields of one name beside each other are compared pair by pair, on the event loop.
REPETITIONS = 100
ROWS = 2_000
VALUES = 25_000

_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a selection asks for, its fragments written out.

    Args:
        depth: levels of fields.
        width: fields of its first level.
        fields: fields of all levels.
        aliases: fields that are given another name.
        repetitions: fields that stand beside another of their name.
        rows: rows to be read.
        values: values in the answer.
        each_rows: of a page's selection, the rows to be read for every row of the page.
        each_values: likewise the values.
    """

    depth: int = 0
    width: int = 0
    fields: int = 0
    aliases: int = 0
    repetitions: int = 0
    rows: int = 0
    values: int = 0
    each_rows: int = 0
    each_values: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Return the cost of two selections side by side."""
        return Cost(
            depth=max(self.depth, other.depth),
            width=self.width + other.width,
            fields=self.fields + other.fields,
            aliases=self.aliases + other.aliases,
            repetitions=self.repetitions + other.repetitions,
            rows=self.rows + other.rows,
            values=self.values + other.values,
            each_rows=self.each_rows + other.each_rows,
            each_values=self.each_values + other.each_values,
        )

    def problems(self) -> Iterator[str]:
        """Yield what is over its limit."""
        for name, found, limit in (
            ("levels of fields", self.depth, DEPTH),
            ("aliases", self.aliases, ALIASES),
            ("root fields", self.width, ROOT_FIELDS),
            ("fields", self.fields, FIELDS),
            ("repeated fields", self.repetitions, REPETITIONS),
            ("rows, with every page full", self.rows, ROWS),
            ("values, with every page full", self.values, VALUES),
        ):
            if found > limit:
                yield f"at most {limit} {name}, and this asks for {_readable(found)}"


class OperationLimits(ValidationRule):
    """Refuses an operation that asks for too much; no other rule looks at it then.

    Every fragment is looked at once, inner ones first: the work is linear in the document, however often and
    however deep its fragments are spread.
    """

    def enter_document(self, document: DocumentNode, *_: Any) -> None:
        """Estimate every operation.

        Raises:
            ValidationAbortedError: one is over a limit.
        """
        fragments = {f.name.value: f for f in document.definitions if isinstance(f, FragmentDefinitionNode)}
        costs: dict[str, Cost] = {}
        try:
            for name in TopologicalSorter(self._spreads(fragments)).static_order():
                if (fragment := fragments.get(name)) is not None:
                    of = self.context.schema.get_type(fragment.type_condition.name.value)
                    costs[name] = self._selection(fragment.selection_set, of, costs)
        except CycleError:
            return  # NoFragmentCyclesRule says it better
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                root = self.context.schema.get_root_type(node.operation)
                cost = self._selection(node.selection_set, root, costs)
                if problem := "; ".join(cost.problems()):
                    _refuse(node, problem)

    def _spreads(self, fragments: Mapping[str, FragmentDefinitionNode]) -> Mapping[str, set[str]]:
        return {
            name: {spread.name.value for spread in self.context.get_fragment_spreads(fragment.selection_set)}
            for name, fragment in fragments.items()
        }

    def _selection(
        self, selection: SelectionSetNode | None, of: GraphQLNamedType | None, costs: Mapping[str, Cost]
    ) -> Cost:
        nodes = selection.selections if selection else ()
        names = [(node.alias or node.name).value for node in nodes if isinstance(node, FieldNode)]
        repeated = Cost(repetitions=len(names) - len(set(names)))
        return reduce(add, (self._node(node, of, costs) for node in nodes), repeated)

    def _node(self, node: SelectionNode, of: GraphQLNamedType | None, costs: Mapping[str, Cost]) -> Cost:
        if isinstance(node, FieldNode):
            return self._field(node, of, costs)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            inner = of if condition is None else self.context.schema.get_type(condition.name.value)
            return self._selection(node.selection_set, inner, costs)
        return costs.get(node.name.value, Cost()) if isinstance(node, FragmentSpreadNode) else Cost()

    def _field(self, node: FieldNode, of: GraphQLNamedType | None, costs: Mapping[str, Cost]) -> Cost:
        name = node.name.value
        definition = getattr(of, "fields", {}).get(name)
        # What is not there is as cheap as a leaf: the other rules refuse it.
        leads_to = None if definition is None else get_named_type(definition.type)
        inner = self._selection(node.selection_set, leads_to, costs)
        aliases = inner.aliases + (node.alias is not None)
        own = replace(inner, depth=inner.depth + 1, width=1, fields=inner.fields + 1, aliases=aliases)
        if name in _INTROSPECTION:
            return replace(own, depth=1, rows=0, values=0)
        if leads_to is None or is_leaf_type(leads_to):
            return replace(own, values=1)
        if _is_page(of) and name == "items":
            return replace(own, rows=0, values=0, each_rows=inner.rows + 1, each_values=inner.values)
        if not _is_page(leads_to):
            return replace(own, rows=inner.rows + 1)
        size = _page_size(node)
        rows = inner.rows + size * inner.each_rows
        values = inner.values + size * inner.each_values
        # Without its rows, a page is one call that counts.
        return replace(own, rows=max(rows, 1), values=values, each_rows=0, each_values=0)


def _is_page(of: GraphQLNamedType | None) -> bool:
    return {"items", "nextToken"} <= set(getattr(of, "fields", ()))


def _page_size(node: FieldNode) -> int:
    """Return the rows of a page; what is no possible limit is refused when the field is resolved."""
    for argument in node.arguments or ():
        if argument.name.value == "limit" and isinstance(argument.value, IntValueNode):
            digits = argument.value.value
            is_possible = len(digits) <= len(str(LARGEST_PAGE))
            return max(1, min(int(digits), LARGEST_PAGE)) if is_possible else LARGEST_PAGE
    return DEFAULT_PAGE


def _readable(number: int) -> str:
    """Return a number that fragments may have multiplied to hundreds of digits."""
    return str(number) if number < 10**9 else "more than a thousand million"


def _refuse(operation: OperationDefinitionNode, problem: str) -> NoReturn:
    raise ValidationAbortedError(f"The operation asks for too much: {problem}", operation)
