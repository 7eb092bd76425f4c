"""The input types that Amplify generates: comparisons; and the filters, conditions and rows of each type."""

from enum import StrEnum
from typing import Any

from graphql import parse_value, value_from_ast_untyped
from strawberry.types.field import StrawberryField

from schema.amplify import names
from schema.amplify.catalogue import Argument, Inputs
from schema.amplify.declaration import Model
from schema.amplify.fields import Types
from schema.amplify.rules import Operation
from schema.amplify.stored_fields import Field

_EQUALITY = ("ne", "eq")
_ORDER = ("le", "lt", "ge", "gt")
_COMPARED = ("String", "ID", "Int", "Float", "Boolean")
# AWS's scalars that are no texts.
_COMPARED_AS = {"AWSTimestamp": "Int"}
_TEXTS = frozenset({"String", "ID"})
_ADDED = "AmplifyAIConversationTurnErrorInput"
# Amplify adds them to every schema, used or not.
SHARED = (
    _ADDED,
    "ModelSizeInput",
    *(f"Model{scalar}Input" for scalar in _COMPARED),
    *(f"ModelSubscription{scalar}Input" for scalar in _COMPARED),
)


def define_shared_inputs(types: Types) -> None:
    """Define the inputs that compare one value, such as ModelStringInput, and the one that Amplify always adds."""
    for scalar in _COMPARED:
        shared = dict.fromkeys(_EQUALITY if scalar == "Boolean" else _EQUALITY + _ORDER, scalar)
        if scalar in _TEXTS:
            shared |= dict.fromkeys(("contains", "notContains", "beginsWith"), scalar)
        if scalar != "Boolean":
            shared |= {"between": f"[{scalar}]"}
        stored = {"attributeExists": "Boolean", "attributeType": "ModelAttributeTypes"}
        size = {"size": "ModelSizeInput"} if scalar in _TEXTS else {}
        types.define_input(f"Model{scalar}Input", shared | stored | size)
        membership = {} if scalar == "Boolean" else dict.fromkeys(("in", "notIn"), f"[{scalar}]")
        types.define_input(f"ModelSubscription{scalar}Input", shared | membership)
    types.define_input("ModelSizeInput", dict.fromkeys(_EQUALITY + _ORDER, "Int") | {"between": "[Int]"})
    types.define_input(_ADDED, {"errorType": "String!", "message": "String!"})


def define_inputs(types: Types, model: Model) -> None:
    """Define the inputs of a mirrored type."""
    compared = [field for field in model.fields.values() if field.nested is None]
    filters = {field.name: _comparison(types, field) for field in compared}
    owners = dict.fromkeys(model.owner_fields(Operation.READ), "ModelStringInput")
    # Amplify compares an id that the type does not have, too; one that it has is compared as its type is.
    named_id = {} if "id" in model.fields else {"id": "ModelIDInput"}
    name = names.filter_input(model.name)
    types.define_input(name, filters | named_id | _connectives(name))

    name = names.condition_input(model.name)
    # Amplify leaves the key out; where the key is also an owner, it is there as a String.
    owned_key = {key: type_ for key, type_ in owners.items() if key in model.keys.fields}
    conditions = {field: type_ for field, type_ in filters.items() if field not in model.keys.fields}
    types.define_input(name, conditions | owned_key | _connectives(name))

    name = names.subscription_filter_input(model.name)
    events = {field.name: _event_comparison(field) for field in compared}
    heard = dict.fromkeys(model.owners, "ModelStringInput") if model.follows_amplify else {}
    heard |= dict.fromkeys(model.heard_owners, "ModelStringInput")
    event_id = {} if "id" in {*heard, *model.fields} else {"id": "ModelSubscriptionIDInput"}
    connectives = {key: type_ for key, type_ in _connectives(name).items() if key != "not"}
    types.define_input(name, events | event_id | heard | connectives)
    _define_rows(types, model)


def _define_rows(types: Types, model: Model) -> None:
    """Define the inputs of createX, updateX and deleteX."""
    written = [field for field in model.fields.values() if field.name not in model.unwritable]
    # Optional on create: the server generates an absent id, sets both timestamps, knows the defaults, writes what
    # follows from other fields and rows, and fills in the caller as the owner, unless there are two of those.
    owners = model.owner_fields(Operation.CREATE)
    generated = {"id", *model.timestamps, *(field.name for field in written if field.default is not None)}
    generated |= set(owners) if len(owners) == 1 else set()
    generated |= model.ignored
    created = {f.name: f.optional_input_type if f.name in generated else f.input_type for f in written}
    updated = {field.name: field.optional_input_type for field in written}
    key = {name: f"{model.fields[name].type}!" for name in model.keys.fields}
    types.define_input(names.row_input(Operation.CREATE, model.name), created)
    types.define_input(names.row_input(Operation.UPDATE, model.name), updated | key)
    types.define_input(names.row_input(Operation.DELETE, model.name), key)


def _connectives(name: str) -> dict[str, str]:
    return {"and": f"[{name}]", "or": f"[{name}]", "not": name}


def _comparison(types: Types, field: Field) -> str:
    """Return the input that compares a field; most of AWS's scalars are compared as text."""
    if field.is_enum:
        name = f"Model{field.type}{'List' * field.is_list}Input"
        if name not in types:
            whole, parts = f"[{field.type}]" if field.is_list else field.type, {}
            if field.is_list:
                parts = {"contains": field.type, "notContains": field.type}
            types.define_input(name, {"eq": whole, "ne": whole, **parts})
        return name
    return f"Model{compared_type(field)}Input"


def _event_comparison(field: Field) -> str:
    return f"ModelSubscription{compared_type(field)}Input"


def compared_type(field: Field) -> str:
    """Return the scalar as which a field's values, or its elements, are compared."""
    return field.type if field.type in _COMPARED else _COMPARED_AS.get(field.type, "String")


def define_own_inputs(types: Types, inputs: Inputs) -> None:
    """Define the input types of an app's own, by their names."""
    for name, fields in inputs.items():
        made = [
            StrawberryField(
                python_name=field_name,
                graphql_name=field_name,
                type_annotation=types.annotation(one.type),
                **default_of(types, one),
            )
            for field_name, one in fields.items()
        ]
        types.define(type(name, (), {}), made, is_input=True)


def default_of(types: Types, argument: Argument) -> dict[str, Any]:
    """Return the keyword by which Strawberry is told of a default, none if there is none."""
    if argument.default is None:
        return {}
    value = value_from_ast_untyped(parse_value(argument.default))
    name = argument.type.strip("[]!")
    enum = types[name] if name in types else None  # noqa: SIM401 — it is no mapping
    if isinstance(enum, type) and issubclass(enum, StrEnum):
        value = [enum(one) for one in value] if isinstance(value, list) else enum(value)
    return {"default": value}
