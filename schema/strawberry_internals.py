"""The private parts of Strawberry that we use: the one file to check when Strawberry is upgraded.

Everybody else calls these functions; each says what Strawberry's public interface lacks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from enum import Enum
from functools import cache, partial
from inspect import isasyncgenfunction, isgeneratorfunction
from typing import Any

import strawberry
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationType,
)
from strawberry import Info
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.extensions.context import (
    ExecutingContextManager,
    ExtensionContextManagerBase,
    OperationContextManager,
    ParsingContextManager,
    ValidationContextManager,
    WrappedHook,
)
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.field import StrawberryField

# What executes an operation: graphql-core's executor, with what `strawberry.Info` needs. Executions of one's own
# derive from it, and Strawberry exports it under no public name.
CoreExecution = StrawberryGraphQLCoreExecutionContext


def resolved_field(info: Info[Any, Any]) -> tuple[str, str]:
    """Return the GraphQL names of the parent type and of the field that is resolved; `Info` lacks the type's."""
    raw = info._raw_info  # noqa: SLF001 — see above
    return raw.parent_type.name, raw.field_name


def is_event(info: Info[Any, Any]) -> bool:
    """Return whether what is resolved is an event of a subscription."""
    return info._raw_info.operation.operation is OperationType.SUBSCRIPTION  # noqa: SLF001 — see above


def selected_nodes(info: Info[Any, Any]) -> tuple[Sequence[FieldNode], Mapping[str, FragmentDefinitionNode]]:
    """Return the parsed nodes of the field that is resolved, and the document's fragments by their names.

    `Info.selected_fields` is public, but converts the whole tree below the field each time.
    """
    raw = info._raw_info  # noqa: SLF001 — see above
    return raw.field_nodes, raw.fragments


def graphql_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return the graphql-core schema that a Strawberry schema wraps, which it does not show."""
    return schema._schema  # noqa: SLF001 — see above


# The parameters of Strawberry's resolvers, which take the arguments of a field by name beside them.
_TAKEN = frozenset({"_source", "info"})


def free_argument_names(schema: strawberry.Schema) -> None:
    """Let derived fields have arguments that are called as parameters of Strawberry's own resolvers: `info`."""
    for type_ in graphql_schema(schema).type_map.values():
        for field in type_.fields.values() if isinstance(type_, GraphQLObjectType) else ():
            declared = definition_of(field)
            if declared is None or declared.base_resolver is not None or _TAKEN.isdisjoint(field.args):
                continue
            if declared.is_subscription:
                field.subscribe = _by_position(declared)
            else:
                field.resolve = _by_position(declared)


def _by_position(declared: StrawberryField) -> Callable[..., Any]:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], /, **arguments: Any) -> Any:
        return declared.get_result(source, Info(_raw_info=info, _field=declared), [], arguments)

    return resolve


def enum_name(enum: type[Enum]) -> str:
    """Return the GraphQL name of an enum that was registered by `strawberry.enum`; there is no public look-up."""
    name: str = enum.__strawberry_definition__.name  # type: ignore[attr-defined]  # set by `strawberry.enum`
    return name


def fields_of(cls: type) -> list[StrawberryField]:
    """Return the fields of a class that is a Strawberry type."""
    return get_object_definition(cls, strict=True).fields


def metadata_of(field: GraphQLField) -> Mapping[Any, Any]:
    """Return what was given as `metadata` to `strawberry.field`; graphql-core's field only leads to that one."""
    declared = definition_of(field)
    return {} if declared is None else declared.metadata


def definition_of(field: GraphQLField) -> StrawberryField | None:
    """Return Strawberry's declaration of a field, to which graphql-core's field leads by a private key."""
    declared = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return declared if isinstance(declared, StrawberryField) else None


def make_object_type(
    cls: type, fields: Iterable[StrawberryField], *, description: str | None, is_input: bool
) -> None:
    """Make a class a GraphQL type with these fields, under its own name; the public way takes annotations only.

    The values of an input type reach resolvers as mappings that lack what the client left out.
    """
    definition = StrawberryObjectDefinition(
        name=cls.__name__,
        is_input=is_input,
        is_interface=False,
        origin=cls,
        description=description,
        interfaces=[],
        extend=False,
        directives=(),
        is_type_of=None,
        resolve_type=None,
        fields=list(fields),
        from_input=_unconverted if is_input else None,
    )
    cls.__strawberry_definition__ = definition  # type: ignore[attr-defined]  # how Strawberry knows its types


def _unconverted(_: type, value: Mapping[str, Any], __: InputContext) -> Mapping[str, Any]:
    return value


_Hook = Callable[..., Any]


@cache
def _manager_of(hook: _Hook) -> tuple[_Hook, bool] | None:
    """Return what makes an extension's hook a context manager, and whether that is asynchronous.

    Args:
        hook: as the extension's class has it; one that does not yield gives None.
    """
    if isasyncgenfunction(hook):
        return asynccontextmanager(hook), True
    return (contextmanager(hook), False) if isgeneratorfunction(hook) else None


class _Remembered(ExtensionContextManagerBase):
    """Finds out only once how each hook is to be called."""

    def get_hook(self, extension: SchemaExtension) -> WrappedHook | None:
        hook = getattr(type(extension), self.HOOK_NAME)
        if hook is self.default_hook or (found := _manager_of(hook)) is None:
            return super().get_hook(extension)
        manager, is_async = found
        return WrappedHook(extension, partial(manager, extension), is_async)


class _Operation(_Remembered, OperationContextManager):
    pass


class _Parsing(_Remembered, ParsingContextManager):
    pass


class _Validation(_Remembered, ValidationContextManager):
    pass


class _Executing(_Remembered, ExecutingContextManager):
    pass


class RememberedHooks(SchemaExtensionsRunner):
    """Runs extensions; Strawberry itself inspects and wraps each of their hooks for each operation."""

    def operation(self) -> OperationContextManager:
        """Return the context of a whole operation."""
        return _Operation(self.extensions)

    def parsing(self) -> ParsingContextManager:
        """Return the context in which the document is parsed."""
        return _Parsing(self.extensions)

    def validation(self) -> ValidationContextManager:
        """Return the context in which the document is validated."""
        return _Validation(self.extensions)

    def executing(self) -> ExecutingContextManager:
        """Return the context in which the operation is executed."""
        return _Executing(self.extensions)


class ErrorReplacement(MaskErrors):
    """An extension that replaces every error of a result; `MaskErrors` itself can only anonymise them.

    Args:
        replacement: returns what is sent instead of an error.
    """

    def __init__(self, replacement: Callable[[GraphQLError], GraphQLError]) -> None:
        super().__init__()
        self._replacement = replacement

    def _process_result(self, result: Any) -> None:
        # Strawberry checks the result against a protocol at run time, which takes a hundred times as long.
        if errors := getattr(result, "errors", None):
            result.errors = self._process_errors(errors)

    def _process_errors(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        return [self._replacement(error) for error in errors]
