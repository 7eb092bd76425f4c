"""The private parts of Strawberry that we use: the one file to check when Strawberry is upgraded.

Everybody else calls these functions; each says what Strawberry's public interface lacks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import MISSING
from enum import Enum
from functools import cache, partial
from inspect import isasyncgenfunction
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
from strawberry.types.arguments import InputContext, _is_leaf_type, _is_optional_leaf_type
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


def remember_inputs(schema: strawberry.Schema) -> None:
    """Let inputs be made by what is known of their types; Strawberry resolves names and types for each of them."""
    for type_ in graphql_schema(schema).type_map.values():
        found = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if isinstance(found, StrawberryObjectDefinition) and found.is_input and found.from_input is None:
            found.from_input = _by_fields(schema, found)


def _by_fields(
    schema: strawberry.Schema, definition: StrawberryObjectDefinition
) -> Callable[[type, Mapping[str, Any], InputContext], Any]:
    """Return what makes a value of an input type, as Strawberry itself does."""
    scalars, name_of = schema.schema_converter.scalar_registry, schema.config.name_converter.from_field
    left_out = {
        field.python_name: None
        for field in definition.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }
    fields: list[tuple[str, str, Any]] = []
    for field in definition.fields:
        type_ = field.resolve_type(type_definition=definition)
        is_as_sent = _is_leaf_type(type_, scalars) or _is_optional_leaf_type(type_, scalars)
        fields.append((name_of(field), field.python_name, None if is_as_sent else type_))

    def make(cls: type, sent: Mapping[str, Any], context: InputContext) -> Any:
        given = {
            own: sent[name] if type_ is None else context.convert(sent[name], type_, name)
            for name, own, type_ in fields
            if name in sent
        }
        return cls(**{**left_out, **given})

    return make


Hook = Callable[..., Any]


@cache
def _manager_of(hook: Hook) -> tuple[Hook, bool]:
    """Return what makes a hook of an extension a context manager, and whether that is an asynchronous one."""
    is_async = isasyncgenfunction(hook)
    return (asynccontextmanager if is_async else contextmanager)(hook), is_async


class _Remembered(ExtensionContextManagerBase):
    """Finds hooks that yield as they were found before."""

    def get_hook(self, extension: SchemaExtension) -> WrappedHook | None:
        hook = getattr(type(extension), self.HOOK_NAME)
        if hook is self.default_hook:
            return None
        manager, is_async = _manager_of(hook)
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
    """Runs extensions whose hooks yield; Strawberry itself inspects and wraps each hook for each operation."""

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
        # Strawberry asks a runtime-checkable protocol, which takes a hundred times as long.
        if errors := getattr(result, "errors", None):
            result.errors = self._process_errors(errors)

    def _process_errors(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        return [self._replacement(error) for error in errors]
