"""What an operation costs, estimated before it runs.

The estimate assumes that every page is full: as large as its `limit`, else as the default. A document is looked at
once; where a variable gives the `limit`, the estimate keeps the page apart, and each request puts in what it sent.
What an operation really takes is metered while it is answered: see `schema.documents.execution`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from graphql import (
    ConstValueNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from models.limits import fixed_limit
from schema.documents.introspection import INTROSPECTION
from schema.documents.selections import Fragments
from schema.strawberry_internals import metadata_of

# The rows of a page without `limit`, and the largest `limit`.
DEFAULT_PAGE = 100
LARGEST_PAGE = fixed_limit(1_000, "rows of a page", topic="pages, filters and searches", code="BadRequest")
# In a field's metadata: the most objects in a list that is not a page, which its resolver keeps to.
MOST_OBJECTS = "most_objects"
# Metadata of a field that leads to a page: its rows, where a client sends no `limit`.
PAGE_SIZE = "page_size"


@dataclass(slots=True, eq=False)
class Amount:
    """Rows to read and values in the answer, as far as a document's text tells.

    Args:
        rows: rows to read.
        values: values in the answer.
        pages: the pages whose size a variable gives, and how often each of them is read.
    """

    rows: int = 0
    values: int = 0
    pages: Counter["VariablePage"] = field(default_factory=Counter)

    def add(self, other: "Amount", times: int = 1) -> None:
        """Add another amount, so many times."""
        self.rows += times * other.rows
        self.values += times * other.values
        for page, each in other.pages.items():
            self.pages[page] += times * each

    def given(self, sizes: Mapping[str, int]) -> tuple[int, int]:
        """Return the rows and the values with these sizes of pages, by the names of their variables."""
        return self._given(sizes, {})

    def _given(self, sizes: Mapping[str, int], known: dict["VariablePage", tuple[int, int]]) -> tuple[int, int]:
        rows, values = self.rows, self.values
        for page, times in self.pages.items():
            if page not in known:  # a fragment's page may stand in many places
                known[page] = page.each._given(sizes, known)  # noqa: SLF001 — of the same class
            each_rows, each_values = known[page]
            read = times * sizes.get(page.variable, DEFAULT_PAGE)  # one that is not declared is refused later
            rows, values = rows + read * each_rows, values + read * each_values
        return rows, values


@dataclass(frozen=True, slots=True, eq=False)
class VariablePage:
    """A page whose `limit` is a variable.

    Args:
        variable: its name.
        each: what each row of the page costs.
    """

    variable: str
    each: Amount


@dataclass(slots=True, kw_only=True)
class Cost:
    """What a selection costs, with its fragments written out.

    Args:
        depth: levels of fields.
        width: fields of its first level.
        fields: fields of all levels.
        aliases: fields with an alias.
        merged: the most fields that are merged into one; graphql-core compares each pair of them.
        amount: rows to read, and values in the answer.
        each: in a page's selection, the same for each row of the page; None if no rows are selected.
    """

    depth: int = 0
    width: int = 0
    fields: int = 0
    aliases: int = 0
    merged: int = 1
    amount: Amount = field(default_factory=Amount)
    each: Amount | None = None

    def add(self, other: "Cost") -> None:
        """Add a selection that stands beside this one."""
        self.depth = max(self.depth, other.depth)
        self.width += other.width
        self.fields += other.fields
        self.aliases += other.aliases
        self.merged = max(self.merged, other.merged)
        self.amount.add(other.amount)
        if other.each is not None:
            self.each = self.each or Amount()
            self.each.add(other.each)

    @property
    def variables(self) -> frozenset[str]:
        """Return the names of the variables that give the size of a page."""
        found: set[str] = set()
        seen: set[VariablePage] = set()
        pending = list(self.amount.pages)
        while pending:
            if (page := pending.pop()) not in seen:
                seen.add(page)
                found.add(page.variable)
                pending.extend(page.each.pages)
        return frozenset(found)


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
        cost.merged = max(names.values(), default=1)
        return cost

    def _part(self, selection: SelectionSetNode | None, of: GraphQLNamedType | None, names: Counter[str]) -> Cost:
        """Return the cost of a part of a selection; add the fields under each name to `names`."""
        total = Cost()
        for node in selection.selections if selection else ():
            self._add_node(node, of, total, names)
        return total

    def _add_node(
        self, node: SelectionNode, of: GraphQLNamedType | None, total: Cost, names: Counter[str]
    ) -> None:
        if isinstance(node, FieldNode):
            merged = self._add_field(node, of, total)
            names[(node.alias or node.name).value] += merged
        elif isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            inner = of if condition is None else self._schema.get_type(condition.name.value)
            for inside in node.selection_set.selections:
                self._add_node(inside, inner, total, names)
        elif isinstance(node, FragmentSpreadNode) and node.name.value in self._costs:
            cost, spread = self._costs[node.name.value]
            total.add(cost)
            names.update(spread)

    def _add_field(self, node: FieldNode, of: GraphQLNamedType | None, total: Cost) -> int:
        """Add what a field costs; return how many of its fields are merged into one."""
        name = node.name.value
        definition = getattr(of, "fields", {}).get(name)
        # An unknown field counts as a leaf: validation refuses it.
        leads_to = None if definition is None else get_named_type(definition.type)
        total.width += 1
        total.aliases += node.alias is not None
        if node.selection_set is None and (leads_to is None or is_leaf_type(leads_to)):
            total.fields += 1
            total.depth = max(total.depth, 1)
            total.amount.values += name not in INTROSPECTION
            return 1
        inner = self.cost_of(node.selection_set, leads_to)
        total.fields += 1 + inner.fields
        total.aliases += inner.aliases
        total.depth = max(total.depth, 1 if name in INTROSPECTION else 1 + inner.depth)
        if name not in INTROSPECTION:
            self._add_amount(node, definition, of, leads_to, inner, total)
        return inner.merged

    def _add_amount(
        self,
        node: FieldNode,
        definition: GraphQLField | None,
        of: GraphQLNamedType | None,
        leads_to: GraphQLNamedType | None,
        inner: Cost,
        total: Cost,
    ) -> None:
        """Add the rows and values of a field that has a selection, or should have one."""
        if definition is None or leads_to is None or is_leaf_type(leads_to):
            total.amount.values += 1
        elif _is_page(of) and node.name.value == "items":
            total.each = total.each or Amount()
            total.each.add(inner.amount)
            total.each.rows += 1
        elif _is_page(leads_to):
            total.amount.add(_page(node, definition, inner))
        else:
            size = _most_objects(definition)
            total.amount.add(inner.amount, size)
            total.amount.rows += size


def _page(node: FieldNode, definition: GraphQLField, inner: Cost) -> Amount:
    """Return the rows and values of a page."""
    amount = Amount()
    amount.add(inner.amount)
    if inner.each is not None:
        size = _page_size(node, metadata_of(definition).get(PAGE_SIZE, DEFAULT_PAGE))
        if isinstance(size, str):
            amount.pages[VariablePage(size, inner.each)] += 1
        else:
            amount.add(inner.each, size)
    elif not amount.rows:
        amount.rows = 1  # a page whose rows are not selected still costs one call
    return amount


def _most_objects(definition: GraphQLField) -> int:
    """Return how many objects a field that leads to no page may have."""
    if not is_list_type(get_nullable_type(definition.type)):
        return 1
    most: int = metadata_of(definition).get(MOST_OBJECTS, DEFAULT_PAGE)
    return most


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


def _page_size(node: FieldNode, default: int) -> int | str:
    """Return the rows of a page, or the name of the variable that gives them."""
    for argument in node.arguments or ():
        if argument.name.value == "limit":
            return _size_of(argument.value)
    return default


def _size_of(node: ValueNode | ConstValueNode | None) -> int | str:
    if isinstance(node, VariableNode):
        return node.name.value
    if not isinstance(node, IntValueNode):
        return DEFAULT_PAGE
    # A long one is not converted: it is refused when the field is resolved.
    return _bounded(int(node.value) if len(node.value) <= len(str(LARGEST_PAGE)) else LARGEST_PAGE)


def _bounded(size: float) -> int:
    """Return the size of a page that a limit means; an invalid limit is refused when the field is resolved."""
    return int(max(1, min(size, LARGEST_PAGE)))


def default_sizes(operation: OperationDefinitionNode) -> dict[str, int]:
    """Return the size of a page that each variable of an operation gives if a request leaves it out."""
    sizes = {}
    for declared in operation.variable_definitions or ():
        size = _size_of(declared.default_value)
        sizes[declared.variable.name.value] = size if isinstance(size, int) else DEFAULT_PAGE
    return sizes


def sent_size(value: Any) -> int:
    """Return the size of a page that the value of a variable gives: the default if it is null or no number."""
    return _bounded(value) if isinstance(value, int | float) else DEFAULT_PAGE
