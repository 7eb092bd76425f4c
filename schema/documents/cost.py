"""What an operation costs, estimated from its text.

The estimate assumes that every page is full: as large as a `limit` that is written out, else as the default. A
`limit` in a variable counts as the default, too, because the text does not show its value. That is safe: two such
pages inside each other are already over the limit, so an operation costs at most ten times its estimate, when the
variable is 1,000.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from graphlib import CycleError, TopologicalSorter
from operator import add

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
)

from schema.documents.introspection import INTROSPECTION
from schema.documents.selections import Fragments

# The rows of a page without `limit`, and the largest `limit`.
DEFAULT_PAGE = 100
LARGEST_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a selection costs, with its fragments written out.

    Args:
        depth: levels of fields.
        width: fields of its first level.
        fields: fields of all levels.
        aliases: fields with an alias.
        merged: the most fields that are merged into one; graphql-core compares each pair of them.
        rows: rows to read.
        values: values in the answer.
        each_rows: in a page's selection, the rows to read for each row of the page.
        each_values: in a page's selection, the values in the answer for each row of the page.
    """

    depth: int = 0
    width: int = 0
    fields: int = 0
    aliases: int = 0
    merged: int = 1
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
            merged=max(self.merged, other.merged),
            rows=self.rows + other.rows,
            values=self.values + other.values,
            each_rows=self.each_rows + other.each_rows,
            each_values=self.each_values + other.each_values,
        )


def costs_of(
    schema: GraphQLSchema, operations: Iterable[OperationDefinitionNode], fragments: Fragments
) -> Iterator[Cost]:
    """Yield what each operation costs; nothing if fragments form a cycle, which validation refuses.

    Each fragment is estimated once, inner ones first, so the work is linear in the size of the document, however
    often and however deep its fragments are spread.
    """
    try:
        order = [name for name in TopologicalSorter(_spreads(fragments)).static_order() if name in fragments]
    except CycleError:
        return
    estimate = _Estimate(schema)
    for name in order:
        estimate.add_fragment(name, fragments[name].selection_set, fragments[name].type_condition.name.value)
    for operation in operations:
        yield estimate.cost_of(operation.selection_set, schema.get_root_type(operation.operation))


class _Estimate:
    """Estimates selections; remembers what each fragment costs and how many fields are merged under each name."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._costs: dict[str, tuple[Cost, Counter[str]]] = {}

    def add_fragment(self, fragment: str, selection: SelectionSetNode, type_name: str) -> None:
        """Estimate and remember a fragment; those that it spreads must have been added before."""
        names: Counter[str] = Counter()
        cost = self._part(selection, self._schema.get_type(type_name), names)
        self._costs[fragment] = (cost, names)

    def cost_of(self, selection: SelectionSetNode | None, of: GraphQLNamedType | None) -> Cost:
        """Return the cost of all that is selected of a value."""
        names: Counter[str] = Counter()
        cost = self._part(selection, of, names)
        return replace(cost, merged=max(names.values(), default=1))

    def _part(self, selection: SelectionSetNode | None, of: GraphQLNamedType | None, names: Counter[str]) -> Cost:
        """Return the cost of a part of a selection; add the fields under each name to `names`."""
        nodes = selection.selections if selection else ()
        return reduce(add, (self._node(node, of, names) for node in nodes), Cost())

    def _node(self, node: SelectionNode, of: GraphQLNamedType | None, names: Counter[str]) -> Cost:
        if isinstance(node, FieldNode):
            cost = self._field(node, of)
            names[(node.alias or node.name).value] += cost.merged
            return cost
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            inner = of if condition is None else self._schema.get_type(condition.name.value)
            return self._part(node.selection_set, inner, names)
        if isinstance(node, FragmentSpreadNode) and node.name.value in self._costs:
            cost, spread = self._costs[node.name.value]
            names.update(spread)
            return cost
        return Cost()

    def _field(self, node: FieldNode, of: GraphQLNamedType | None) -> Cost:
        name = node.name.value
        definition = getattr(of, "fields", {}).get(name)
        # An unknown field counts as a leaf: validation refuses it.
        leads_to = None if definition is None else get_named_type(definition.type)
        inner = self.cost_of(node.selection_set, leads_to)
        aliases = inner.aliases + (node.alias is not None)
        own = replace(inner, depth=inner.depth + 1, width=1, fields=inner.fields + 1, aliases=aliases)
        if name in INTROSPECTION:
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
        # A page whose rows are not selected still costs one call.
        return replace(own, rows=max(rows, 1), values=values, each_rows=0, each_values=0)


def _spreads(fragments: Fragments) -> Mapping[str, set[str]]:
    """Return the fragments that each fragment spreads, at any level."""
    spreads: dict[str, set[str]] = {}
    for name, fragment in fragments.items():
        found = spreads[name] = set()
        pending: list[SelectionSetNode | None] = [fragment.selection_set]
        while pending:
            selection = pending.pop()
            for node in selection.selections if selection else ():
                if isinstance(node, FragmentSpreadNode):
                    found.add(node.name.value)
                else:
                    pending.append(getattr(node, "selection_set", None))
    return spreads


def _is_page(of: GraphQLNamedType | None) -> bool:
    return {"items", "nextToken"} <= set(getattr(of, "fields", ()))


def _page_size(node: FieldNode) -> int:
    """Return the rows of a page; an invalid limit is refused when the field is resolved."""
    for argument in node.arguments or ():
        if argument.name.value == "limit" and isinstance(argument.value, IntValueNode):
            digits = argument.value.value
            is_possible = len(digits) <= len(str(LARGEST_PAGE))
            return max(1, min(int(digits), LARGEST_PAGE)) if is_possible else LARGEST_PAGE
    return DEFAULT_PAGE
