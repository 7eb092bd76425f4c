"""Variables and arguments of planned operations, as graphql-core coerces them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    is_leaf_type,
    type_from_ast,
)
from graphql.execution import get_argument_values, get_variable_values
from graphql.execution.values import VariableValues

from resolvers.plans.selection import Fragments, UnplannedError
from schema.amplify.fields import Arguments
from schema.amplify.resolver import AnyInfo

_Coerce = Callable[[Any], Any]
_NOTHING = VariableValues({}, {})


class Variables:
    """The variables that an operation declares.

    Args:
        schema: the schema.
        operation: the operation.
    """

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._declared = operation.variable_definitions or ()
        self._leaves = _leaves(schema, operation)

    def coerced(self, given: Mapping[str, Any]) -> VariableValues:
        """Return a request's values; where all are leaves, without their sources, which only other values need.

        Raises:
            UnplannedError: a value is invalid.
        """
        if not self._declared:
            return _NOTHING
        leaves = self._leaves
        if leaves is not None:
            values: dict[str, Any] = {}
            for name, coerce in leaves.items():
                if name in given:
                    values[name] = coerce(given[name])
            if len(values) == len(leaves):
                return VariableValues({}, values)
        found = get_variable_values(self._schema, self._declared, dict(given))
        if isinstance(found, list):
            raise UnplannedError
        return found


def _leaves(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Mapping[str, _Coerce] | None:
    """Return how each variable is coerced, if all of them are leaves."""
    leaves: dict[str, _Coerce] = {}
    for declared in operation.variable_definitions or ():
        type_ = type_from_ast(schema, declared.type)
        named = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if not is_leaf_type(named):
            return None
        coerce = cast("Any", named).coerce_input_value
        leaves[declared.variable.name.value] = coerce if named is not type_ else _optional(coerce)
    return leaves


def _optional(coerce: _Coerce) -> _Coerce:
    return lambda value: None if value is None else coerce(value)


@dataclass(frozen=True, slots=True)
class _PlannedInfo:
    """What resolvers look at of `strawberry.Info`."""

    context: Any
    schema: Any
    _raw_info: Any


class FieldCall:
    """How one field of a document is called.

    Args:
        schema: Strawberry's schema, which resolvers look at.
        parent: the type that has the field.
        field: the field.
        nodes: where the document selects it.
        fragments: the document's.
    """

    def __init__(
        self,
        schema: Any,
        parent: GraphQLObjectType,
        field: GraphQLField,
        nodes: Sequence[FieldNode],
        fragments: Fragments,
    ) -> None:
        self._schema = schema
        self._field = field
        self._node = nodes[0]
        self._raw = SimpleNamespace(
            parent_type=parent, field_name=self._node.name.value, field_nodes=nodes, fragments=fragments
        )
        given = {one.name.value: one.value for one in self._node.arguments or ()}
        self._by_variable = _by_variable(field, given)
        self._fixed = None if _has_variables(given.values()) else get_argument_values(field, self._node)

    def info(self, context: Any) -> AnyInfo:
        """Return what the field's resolver gets as `info`."""
        return cast("AnyInfo", _PlannedInfo(context, self._schema, self._raw))

    def arguments(self, variables: VariableValues) -> Arguments:
        """Return the field's arguments.

        Raises:
            GraphQLError: a value is invalid.
            UnplannedError: the same.
        """
        if self._fixed is not None:
            return self._fixed
        if self._by_variable is None:
            return get_argument_values(self._field, self._node, variables)
        values = variables.coerced
        found = {}
        for argument, (name, is_required) in self._by_variable.items():
            if name in values:
                if is_required and values[name] is None:
                    raise UnplannedError
                found[argument] = values[name]
            elif is_required:
                raise UnplannedError
        return found


def _by_variable(field: GraphQLField, given: Mapping[str, ValueNode]) -> Mapping[str, tuple[str, bool]] | None:
    """Return the variable of each argument and whether it must not be null, if all arguments are variables."""
    if len(given) != sum(isinstance(node, VariableNode) for node in given.values()):
        return None
    return {
        name: (cast("VariableNode", node).name.value, isinstance(field.args[name].type, GraphQLNonNull))
        for name, node in given.items()
    }


def _has_variables(nodes: Any) -> bool:
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, VariableNode):
            return True
        for key in node.keys:
            inner = getattr(node, key, None)
            if isinstance(inner, tuple | list):
                pending += inner
            elif hasattr(inner, "keys"):
                pending.append(inner)
    return False
