"""What an introspection tells: the schema does not change, so its answers are known beforehand."""

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

# The root fields that tell of the schema.
INTROSPECTION = frozenset({"__schema", "__type"})

# Parts of the schema by their identity, each with how often it is told of: few are unlike, however many are told.
_Parts = dict[int, tuple[Any, int]]


def only_tells(operation: OperationDefinitionNode, fragments: Fragments) -> bool:
    """Tell whether an operation asks about the schema and for nothing else."""
    names = {field.name.value for field in fields_in([operation.selection_set], fragments)}
    return not names.isdisjoint(INTROSPECTION) and names <= INTROSPECTION | {"__typename"}


def values_told(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments, *, most: int
) -> int:
    """Return how many values an operation is told of the schema; counting stops beyond `most`.

    Nothing is estimated: lists inside lists multiply, but to what depends on which types they are of.

    Args:
        schema: the schema.
        operation: not validated yet; its fields are few enough to be written out.
        fragments: the document's.
        most: what is of interest.
    """
    told = 0
    pending = list(_roots(schema, operation, fragments))
    while pending and told <= most:
        field, of, parts = pending.pop()
        count = sum(times for _, times in parts.values())
        for node in fields_in([field.selection_set], fragments):
            told += count
            definition = of.fields.get(node.name.value)
            leads_to = None if definition is None else get_named_type(definition.type)
            if told <= most and isinstance(leads_to, GraphQLObjectType):
                pending.append((node, leads_to, _led(schema, definition, parts)))
    return told


def _roots(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments
) -> Iterator[tuple[FieldNode, Any, _Parts]]:
    for node in fields_in([operation.selection_set], fragments):
        if node.name.value == "__schema":
            yield node, introspection_types["__Schema"], {0: (schema, 1)}
        elif node.name.value == "__type":
            named = _named(schema, node)
            yield node, introspection_types["__Type"], {} if named is None else {0: (named, 1)}


def _named(schema: GraphQLSchema, node: FieldNode) -> Any:
    """Return the type that is asked for; one that a variable names may be the largest."""
    for argument in node.arguments or ():
        if argument.name.value == "name" and isinstance(argument.value, StringValueNode):
            return schema.get_type(argument.value.value)
    return max(schema.type_map.values(), key=lambda type_: len(getattr(type_, "fields", ())))


def _led(schema: GraphQLSchema, definition: Any, parts: _Parts) -> _Parts:
    """Return what a field leads to from some parts, the deprecated included."""
    info = SimpleNamespace(schema=schema)
    given = dict.fromkeys(definition.args, True)
    is_list = is_list_type(get_nullable_type(definition.type))
    led: _Parts = {}
    for part, times in parts.values():
        found = definition.resolve(part, info, **given)
        for inner in (found or ()) if is_list else () if found is None else (found,):
            _, before = led.get(id(inner), (None, 0))
            led[id(inner)] = (inner, before + times)
    return led
