"""How many values an introspection returns: the schema does not change, so they can be counted beforehand."""

from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from graphql import (
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    StringValueNode,
    get_named_type,
    get_nullable_type,
    introspection_types,
    is_list_type,
)

from schema.documents.selections import Fragments, fields_in

# The root fields that lead into the schema.
INTROSPECTION = frozenset({"__schema", "__type"})


def introspects(operation: OperationDefinitionNode, fragments: Fragments) -> bool:
    """Return whether an operation asks about the schema."""
    return any(field.name.value in INTROSPECTION for field in fields_in([operation.selection_set], fragments))


def only_introspects(operation: OperationDefinitionNode, fragments: Fragments) -> bool:
    """Return whether an operation asks about the schema and for nothing else."""
    names = {field.name.value for field in fields_in([operation.selection_set], fragments)}
    return not names.isdisjoint(INTROSPECTION) and names <= INTROSPECTION | {"__typename"}


def count_introspection_values(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments, *, most: int
) -> int:
    """Return how many values of the schema an operation asks for; counting stops beyond `most`.

    The count is exact, not an estimate: lists inside lists multiply, but how far depends on which types they hold.

    Example: of `type Query { hello: String }`, `{ __schema { types { fields { name } } } }` asks for
    1 `types` + 11 `fields` + 41 `name` = 53 values. There are 11 types, because every schema has String, Boolean
    and the eight types of introspection; each has a list of fields or null, with 41 fields in all.

    Args:
        schema: the schema.
        operation: not validated yet; the limit on fields has passed, so few enough to be written out.
        fragments: the document's, by their names.
        most: where counting may stop.
    """
    count = 0
    pending = list(_roots(schema, operation, fragments))
    while pending and count <= most:
        field, of, parts = pending.pop()
        times = parts.total()
        for node in fields_in([field.selection_set], fragments):
            count += times
            definition = of.fields.get(node.name.value)
            leads_to = None if definition is None else get_named_type(definition.type)
            if count <= most and isinstance(leads_to, GraphQLObjectType):
                pending.append((node, leads_to, children_of(parts, definition, schema)))
    return count


class PartCounter:
    """Counts how often each part of the schema (a type, a field, an argument …) is met.

    Few parts are distinct, however often they are met, and each is looked at once. Parts count as the same by
    identity: graphql-core's fields and arguments cannot be hashed.
    """

    def __init__(self, *parts: Any) -> None:
        self._parts: dict[int, Any] = {}
        self._times: Counter[int] = Counter()
        for part in parts:
            self.add(part, 1)

    def add(self, part: Any, times: int) -> None:
        """Count a part, met `times` times."""
        self._parts[id(part)] = part  # kept alive: its id must not become another part's
        self._times[id(part)] += times

    def items(self) -> Iterator[tuple[Any, int]]:
        """Yield each distinct part and how often it was met."""
        for key, part in self._parts.items():
            yield part, self._times[key]

    def total(self) -> int:
        """Return how often parts were met, all together."""
        return self._times.total()


def children_of(parts: PartCounter, definition: Any, schema: GraphQLSchema) -> PartCounter:
    """Return the parts that a field leads to from some parts, the deprecated ones included.

    Args:
        parts: what the field is selected of.
        definition: graphql-core's own definition of the field, such as `__Type.fields`.
        schema: the schema.
    """
    info = SimpleNamespace(schema=schema)
    arguments = dict.fromkeys(definition.args, True)  # `includeDeprecated`
    is_list = is_list_type(get_nullable_type(definition.type))
    children = PartCounter()
    for part, times in parts.items():
        found = definition.resolve(part, info, **arguments)
        for child in (found or ()) if is_list else () if found is None else (found,):
            children.add(child, times)
    return children


def _roots(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments
) -> Iterator[tuple[FieldNode, Any, PartCounter]]:
    """Yield each root field that leads into the schema, the type that it has, and the part that it leads to."""
    for node in fields_in([operation.selection_set], fragments):
        if node.name.value == "__schema":
            yield node, introspection_types["__Schema"], PartCounter(schema)
        elif node.name.value == "__type":
            named = _named_type(schema, node)
            yield node, introspection_types["__Type"], PartCounter() if named is None else PartCounter(named)


def _named_type(schema: GraphQLSchema, node: FieldNode) -> Any:
    """Return the type that `__type` asks for; if a variable names it, the largest one, to be safe."""
    for argument in node.arguments or ():
        if argument.name.value == "name" and isinstance(argument.value, StringValueNode):
            return schema.get_type(argument.value.value)
    return max(schema.type_map.values(), key=lambda type_: len(getattr(type_, "fields", ())))
