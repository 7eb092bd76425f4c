"""Checks the definitions of a schema: what valid GraphQL SDL may say, and no GraphQL server could serve."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveDefinitionNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    ListTypeNode,
    NamedTypeNode,
    Node,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    SchemaDefinitionNode,
    TypeNode,
)

from schema.amplify.catalogue import RootType
from schema.amplify.sdl.errors import problem

OBJECTS = (ObjectTypeDefinitionNode, ObjectTypeExtensionNode)
INPUTS = (InputObjectTypeDefinitionNode, InputObjectTypeExtensionNode)
ENUMS = (EnumTypeDefinitionNode, EnumTypeExtensionNode)
_ROOTS = frozenset(RootType)
# Names of Python that no member of an enum can have.
_NO_VALUES = frozenset({"mro"})


@dataclass(slots=True)
class _Definitions:
    """The definitions of a schema by their names, each with its extensions."""

    objects: dict[str, list[Any]] = field(default_factory=dict)
    inputs: dict[str, list[Any]] = field(default_factory=dict)
    enums: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, document: DocumentNode) -> "_Definitions":
        """Return the definitions of a document."""
        found = cls()
        for node in document.definitions:
            for kinds, named in (OBJECTS, found.objects), (INPUTS, found.inputs), (ENUMS, found.enums):
                if isinstance(node, kinds):
                    named.setdefault(node.name.value, []).append(node)
        return found


def definition_problems(document: DocumentNode) -> Iterator[str]:
    """Yield what is wrong with the definitions of a schema, each with its place."""
    yield from _unsupported(document)
    found = _Definitions.of(document)
    yield from _reserved_names(found)
    yield from _without_parts(found)
    for name, nodes in found.objects.items():
        if name in _ROOTS and _is_model(nodes):
            yield problem(nodes[0], f"{name} is a root type, which cannot have @model")
        for node in nodes:
            yield from _misplaced_types(found, name, node)
    for name, nodes in found.inputs.items():
        for value in _fields(nodes):
            yield from _no_input(found, f"{name}.{value.name.value}", value)
    for kinds in found.objects, found.inputs:
        yield from _endless(kinds)


def _unsupported(document: DocumentNode) -> Iterator[str]:
    """Yield a problem for each definition that AppSync, or this server, has no use for."""
    for node in document.definitions:
        if isinstance(node, DirectiveDefinitionNode):
            yield problem(node, f"directive @{node.name.value} cannot be defined: nothing would obey it")
        elif isinstance(node, SchemaDefinitionNode):
            for root in node.operation_types:
                if root.type.name.value != root.operation.value.capitalize():
                    usual = root.operation.value.capitalize()
                    yield problem(root, f"the root type is called {usual}, not {root.type.name.value}")
        elif not isinstance(node, (*OBJECTS, *INPUTS, *ENUMS)):
            kind = node.kind.removesuffix("_definition").replace("_", " ")
            yield problem(node, f"{kind}s are not supported: only types, inputs and enums are")


def _reserved_names(found: _Definitions) -> Iterator[str]:
    """Yield the names that GraphQL keeps for itself, and the values that no enum of Python can have."""
    for named in (found.objects, found.inputs, found.enums):
        for nodes in named.values():
            parts = _fields(nodes) if named is not found.enums else _values(nodes)
            for node in (nodes[0], *parts):
                if node.name.value.startswith("__"):
                    yield problem(node, f"{node.name.value}: names that begin with __ are GraphQL's own")
    for name, nodes in found.enums.items():
        for node in _values(nodes):
            value = node.name.value
            if value in _NO_VALUES or (value.startswith("_") and value.endswith("_")):
                yield problem(node, f"{name}.{value}: this server cannot have an enum value of this name")


def _without_parts(found: _Definitions) -> Iterator[str]:
    """Yield the types that have nothing in them."""
    for name, nodes in found.objects.items():
        if not _is_model(nodes) and name not in _ROOTS and not _fields(nodes):
            yield problem(nodes[0], f"type {name} has no fields")
    for name, nodes in found.inputs.items():
        if not _fields(nodes):
            yield problem(nodes[0], f"input {name} has no fields")
    for name, nodes in found.enums.items():
        if not _values(nodes):
            yield problem(nodes[0], f"enum {name} has no values")


def _misplaced_types(found: _Definitions, name: str, node: Any) -> Iterator[str]:
    """Yield the fields of an object type that have an input type, and the arguments that have an object type."""
    for one in node.fields or ():
        place, type_name = f"{name}.{one.name.value}", named(one.type)
        if type_name in found.inputs:
            yield problem(one, f"{place} is of the input type {type_name}, which no answer can have")
        elif type_name in _ROOTS:
            yield problem(one, f"{place} is of the root type {type_name}")
        for argument in one.arguments or ():
            yield from _no_input(found, f"{place}({argument.name.value}:)", argument)


def _no_input(found: _Definitions, place: str, node: Any) -> Iterator[str]:
    if (type_name := named(node.type)) in found.objects:
        yield problem(node, f"{place} is of the type {type_name}, which is no input; declare an input type for it")


def _endless(types: Mapping[str, Iterable[Any]]) -> Iterator[str]:
    """Yield the types of which no value can exist, because each would have to hold another one."""
    required = {
        name: {
            one.type.type.name.value: one
            for one in _fields(nodes)
            if isinstance(one.type, NonNullTypeNode) and isinstance(one.type.type, NamedTypeNode)
        }
        for name, nodes in types.items()
        if not _is_model(nodes)
    }
    for name, parts in required.items():
        for part, node in parts.items():
            if name in _reached(part, required):
                yield problem(node, f"{name}.{node.name.value} must hold a {part}, and each {part} another {name}")


def _is_model(nodes: Iterable[Any]) -> bool:
    """Return whether the rows of a type have a table."""
    return any(directive.name.value == "model" for node in nodes for directive in node.directives or ())


def _reached(start: str, required: Mapping[str, Mapping[str, Node]]) -> set[str]:
    """Return the types of which every value of a type holds one, itself among them."""
    reached: set[str] = set()
    due = [start]
    while due:
        name = due.pop()
        if name not in reached:
            reached.add(name)
            due += required.get(name, {})
    return reached


def _fields(nodes: Iterable[Any]) -> list[Any]:
    return [one for node in nodes for one in node.fields or ()]


def _values(nodes: Iterable[Any]) -> list[Any]:
    return [one for node in nodes for one in node.values or ()]


def named(node: TypeNode) -> str:
    """Return the name of a type, or of a list's elements'."""
    while isinstance(node, (NonNullTypeNode, ListTypeNode)):
        node = node.type
    assert isinstance(node, NamedTypeNode)  # noqa: S101 — there is no fourth kind
    return node.name.value
