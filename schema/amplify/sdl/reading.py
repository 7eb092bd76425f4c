"""Reads the texts of a schema: parses them, checks every name and directive, and merges extensions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    Lexer,
    ListTypeNode,
    NamedTypeNode,
    Node,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    Source,
    TokenKind,
    TypeNode,
    build_schema,
    parse,
)
from graphql.execution.values import get_argument_values
from graphql.validation.validate import validate_sdl

from schema.amplify.sdl.checks.definitions import ENUMS, INPUTS, OBJECTS, definition_problems
from schema.amplify.sdl.declarations import TypeReference
from schema.amplify.sdl.errors import SchemaFileError, problem_of, refusal

HERE = Path(__file__).parent
# A schema of several files is parsed file by file; tokens are counted in each.
MOST_TOKENS = 200_000


@dataclass(frozen=True, slots=True)
class WrittenType:
    """An object type as it is written, with what its extensions add.

    Args:
        node: its definition, or its first extension, for its place.
        fields: its fields.
        directives: its directives.
    """

    node: ObjectTypeDefinitionNode | ObjectTypeExtensionNode
    fields: tuple[FieldDefinitionNode, ...]
    directives: tuple[DirectiveNode, ...]

    @property
    def name(self) -> str:
        """Return its name."""
        return self.node.name.value

    @property
    def is_model(self) -> bool:
        """Return whether its rows have a table."""
        return has(self.directives, "model")

    @property
    def description(self) -> str | None:
        """Return what the schema says about it."""
        text = getattr(self.node, "description", None)
        return None if text is None else str(text.value)


@dataclass(frozen=True, slots=True)
class Document:
    """The types of a schema as they are written, by name."""

    types: Mapping[str, WrittenType]
    inputs: Mapping[str, tuple[InputObjectTypeDefinitionNode | InputObjectTypeExtensionNode, ...]]
    enums: Mapping[str, tuple[str, ...]]


@cache
def amplifys_directives() -> GraphQLSchema:
    """Return the directives and scalars that a schema may use."""
    return build_schema((HERE / "directives.graphql").read_text(), assume_valid=True)


def read(sources: Sequence[Source]) -> Document:
    """Return the types that texts define.

    Raises:
        SchemaFileError: a text is no GraphQL, or names something that is not known.
    """
    document = parsed(sources)
    check(document, amplifys_directives())
    if problems := list(definition_problems(document)):
        raise SchemaFileError(problems)
    return Document(
        types=_types(document),
        inputs=_grouped(document, INPUTS),
        enums={
            name: tuple(value.name.value for node in nodes for value in node.values or ())
            for name, nodes in _grouped(document, ENUMS).items()
        },
    )


def parsed(sources: Sequence[Source]) -> DocumentNode:
    """Return the definitions of several texts as one document.

    Raises:
        SchemaFileError: a text is no GraphQL.
    """
    try:
        documents = [parse(source, max_tokens=MOST_TOKENS) for source in sources if not _is_empty(source)]
    except GraphQLSyntaxError as error:
        raise SchemaFileError([problem_of(error)]) from error
    return DocumentNode(definitions=tuple(node for document in documents for node in document.definitions))


def _is_empty(source: Source) -> bool:
    """Return whether a text has nothing but comments, which GraphQL's grammar does not allow."""
    return Lexer(source).advance().kind is TokenKind.EOF


def check(document: DocumentNode, known: GraphQLSchema) -> None:
    """Check that every type, directive and argument in a document is known.

    Args:
        document: the document.
        known: the directives and types that it may use beside its own.

    Raises:
        SchemaFileError: something is unknown, stands twice, or stands where it may not.
    """
    problems = [problem_of(error) for error in validate_sdl(document, known)]
    if any("Unknown directive" in text for text in problems):
        names = sorted(f"@{directive.name}" for directive in known.directives)
        problems.append(f"Known directives are {', '.join(names)}.")
    if problems:
        raise SchemaFileError(problems)


def _types(document: DocumentNode) -> dict[str, WrittenType]:
    return {
        name: WrittenType(
            node=nodes[0],
            fields=tuple(field for node in nodes for field in node.fields or ()),
            directives=tuple(directive for node in nodes for directive in node.directives or ()),
        )
        for name, nodes in _grouped(document, OBJECTS).items()
    }


def _grouped(document: DocumentNode, kinds: tuple[type[Any], ...]) -> dict[str, tuple[Any, ...]]:
    """Return the definitions and extensions of some kinds, by the name of the type."""
    found: dict[str, tuple[Any, ...]] = {}
    for node in document.definitions:
        if isinstance(node, kinds):
            name: str = node.name.value
            found[name] = (*found.get(name, ()), node)
    return found


def has(directives: Iterable[DirectiveNode], name: str) -> bool:
    """Return whether a directive is among some."""
    return any(directive.name.value == name for directive in directives)


def every(node: FieldDefinitionNode | WrittenType, name: str) -> list[dict[str, Any]]:
    """Return the arguments of each directive of a name; an argument that is absent has its default, or is absent.

    Raises:
        SchemaFileError: an argument has another type than the directive's definition says.
    """
    return [
        arguments(amplifys_directives(), directive)
        for directive in node.directives or ()
        if directive.name.value == name
    ]


def single(node: FieldDefinitionNode | WrittenType, name: str) -> dict[str, Any] | None:
    """Return the arguments of the one directive of a name; None if it is not there."""
    return next(iter(every(node, name)), None)


def arguments(known: GraphQLSchema, directive: DirectiveNode) -> dict[str, Any]:
    """Return a directive's arguments as values.

    Raises:
        SchemaFileError: an argument has another type than the directive's definition says.
    """
    definition = known.get_directive(directive.name.value)
    assert definition is not None, directive.name.value  # noqa: S101 — `check` has seen to it
    try:
        return get_argument_values(definition, directive)
    except GraphQLError as error:
        raise SchemaFileError([problem_of(error)]) from error


def reference(node: TypeNode, place: Node) -> TypeReference:
    """Return what a type expression says.

    Raises:
        SchemaFileError: it is a list of lists, which DynamoDB's filters and Amplify's inputs do not know.
    """
    is_required = isinstance(node, NonNullTypeNode)
    bare = node.type if isinstance(node, NonNullTypeNode) else node
    if isinstance(bare, NamedTypeNode):
        return TypeReference(bare.name.value, is_required=is_required)
    assert isinstance(bare, ListTypeNode)  # noqa: S101 — there is no fourth kind
    element = bare.type.type if isinstance(bare.type, NonNullTypeNode) else bare.type
    if not isinstance(element, NamedTypeNode):
        raise refusal(place, "lists of lists are not supported")
    return TypeReference(
        element.name.value,
        is_required=is_required,
        is_list=True,
        has_required_elements=isinstance(bare.type, NonNullTypeNode),
    )
