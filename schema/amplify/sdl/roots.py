"""Takes down what a schema has beside models: other types, inputs, and root fields of the app's own."""

from collections.abc import Mapping

from graphql import (
    FieldDefinitionNode,
    InputValueDefinitionNode,
    ObjectValueNode,
    print_ast,
    value_from_ast,
)
from graphql.type import assert_input_type

from schema.amplify.catalogue import FunctionCall, RootType
from schema.amplify.sdl.auth import appsyncs_rules, rule_of, rules_of
from schema.amplify.sdl.declarations import (
    ArgumentDeclaration,
    FieldDeclaration,
    ObjectDeclaration,
    Origin,
    RootField,
    RuleDeclaration,
)
from schema.amplify.sdl.errors import refusal
from schema.amplify.sdl.models import UNSERVED_FIELDS, collected
from schema.amplify.sdl.project import Flags
from schema.amplify.sdl.reading import (
    Document,
    WrittenType,
    amplifys_directives,
    every,
    has,
    reference,
    single,
)

# Where a project's rule for all types stands: `input AMPLIFY { globalAuthRule: AuthRule = { allow: public } }`.
SETTINGS = "AMPLIFY"
_GLOBAL_RULE = "globalAuthRule"


def read_objects(document: Document, flags: Flags) -> dict[str, ObjectDeclaration]:
    """Return the types that are neither models nor root types, by name.

    Raises:
        SchemaFileError: a field has a type that it cannot have.
    """
    others = (type_ for type_ in document.types.values() if not type_.is_model and type_.name not in set(RootType))
    found = collected(others, lambda type_: _object(type_, flags))
    return {declared.name: declared for declared in found}


def _object(type_: WrittenType, flags: Flags) -> ObjectDeclaration:
    for node in type_.fields:
        if has(node.directives or (), "default"):
            raise refusal(node, f"{type_.name}.{node.name.value}: @default is for types with @model")
    fields = {
        node.name.value: FieldDeclaration(
            name=node.name.value,
            type=reference(node.type, node),
            origin=_origin(node),
            rules=rules_of(node, flags),
        )
        for node in type_.fields
    }
    return ObjectDeclaration(type_.name, type_.description, fields)


def _origin(node: FieldDefinitionNode) -> Origin:
    is_unserved = any(has(node.directives or (), name) for name in UNSERVED_FIELDS)
    return Origin.NOT_SERVED if is_unserved else Origin.WRITTEN


def read_inputs(document: Document) -> dict[str, tuple[ArgumentDeclaration, ...]]:
    """Return the fields of each input type of the app's own, by its name."""
    return {
        name: tuple(_argument(value) for node in nodes for value in node.fields or ())
        for name, nodes in document.inputs.items()
        if name != SETTINGS
    }


def _argument(node: InputValueDefinitionNode) -> ArgumentDeclaration:
    default = None if node.default_value is None else print_ast(node.default_value)
    return ArgumentDeclaration(node.name.value, reference(node.type, node), default)


def global_rules(document: Document, flags: Flags) -> tuple[RuleDeclaration, ...]:
    """Return the rules of the types that have none; empty if the project sets none.

    Raises:
        SchemaFileError: the setting is no rule.
    """
    values = (value for node in document.inputs.get(SETTINGS, ()) for value in node.fields or ())
    setting = next((value for value in values if value.name.value == _GLOBAL_RULE), None)
    if setting is None:
        return ()
    rule_type = assert_input_type(amplifys_directives().get_type("AuthRule"))
    default = setting.default_value
    rule = value_from_ast(default, rule_type) if isinstance(default, ObjectValueNode) else None
    if not isinstance(rule, Mapping):
        raise refusal(setting, f"{_GLOBAL_RULE} must be a rule such as {{ allow: public }}")
    return (rule_of(rule, flags),)


def read_roots(document: Document, flags: Flags) -> tuple[RootField, ...]:
    """Return the root fields of the app's own.

    Raises:
        SchemaFileError: an argument of a directive has another type than it should.
    """
    nodes = [(root, node) for root in RootType if root in document.types for node in document.types[root].fields]
    return tuple(collected(nodes, lambda pair: _root(*pair, flags)))


def _root(root: RootType, node: FieldDefinitionNode, flags: Flags) -> RootField:
    subscribed = single(node, "aws_subscribe") or {}
    rules = rules_of(node, flags)
    return RootField(
        root=root,
        name=node.name.value,
        arguments=tuple(_argument(argument) for argument in node.arguments or ()),
        type=reference(node.type, node),
        functions=tuple(
            FunctionCall(call["name"], is_event=call.get("invocationType") == "Event")
            for call in every(node, "function")
        ),
        mutations=tuple(subscribed.get("mutations") or ()),
        rules=rules if rules is not None else appsyncs_rules(node) or None,
    )
