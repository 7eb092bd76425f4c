"""What the importer declares of each app is what Amplify makes of it: its types, operations, inputs and tables."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema, build_schema, print_ast

from schema.amplify import names
from schema.amplify.catalogue import RootType
from schema.amplify.sdl.declarations import (
    SET_BY_SERVER,
    STORED,
    ModelDeclaration,
    RelationDeclaration,
    TypeReference,
)
from schema.amplify.sdl.importing import AppDeclaration, import_app

HERE = Path(__file__).parent
SCHEMAS = HERE.parents[1] / "schema" / "apps"
FEATURES = HERE / "apps" / "features"
# The folder of each app's schema, and the folder of what Amplify made of it.
APPS = {path.name: (path, HERE / "apps" / path.name) for path in SCHEMAS.iterdir()}
APPS |= {path.name: (path, path) for path in FEATURES.iterdir()}
COMPARED = {"ID", "Int", "Float", "Boolean"}
NUMBERS = {"Int", "Float", "AWSTimestamp"}


@cache
def app(name: str) -> AppDeclaration:
    return import_app(APPS[name][0])


@cache
def golden(name: str) -> GraphQLSchema:
    return build_schema((APPS[name][1] / "golden.graphql").read_text())


def signature(type_: str, arguments: dict[str, str]) -> str:
    return f"({', '.join(sorted(f'{name}: {text}' for name, text in arguments.items()))}) {type_}"


def page(model: ModelDeclaration) -> dict[str, str]:
    filter_ = names.filter_input(model.name)
    return {"filter": filter_, "limit": "Int", "nextToken": "String", "sortDirection": "ModelSortDirection"}


def key_condition(model: ModelDeclaration, index: str | None, fields: tuple[str, ...]) -> dict[str, str]:
    """Return the argument for a range of some sort fields."""
    if not fields:
        return {}
    if len(fields) == 1:
        named = model.fields[fields[0]].type.name
        scalar = "Int" if named == "AWSTimestamp" else named if named in COMPARED else "String"
        return {fields[0]: f"Model{scalar}KeyConditionInput"}
    name = names.lower_first("".join(names.upper_first(field) for field in fields))
    kind = names.upper_first(index or "Primary")
    return {name: f"Model{model.name}{kind}CompositeKeyConditionInput"}


def relation(declared: AppDeclaration, relation: RelationDeclaration) -> str:
    target = declared.models[relation.target]
    if not relation.is_many:
        return signature(relation.target + "!" * relation.is_required, {})
    ranged = key_condition(target, relation.index, relation.sort_fields)
    return signature(names.connection(target.name), page(target) | ranged)


def types(declared: AppDeclaration) -> Iterator[tuple[str, str]]:
    fields = {name: type_.fields for name, type_ in declared.models.items()}
    fields |= {name: type_.fields for name, type_ in declared.objects.items()}
    for type_name, members in fields.items():
        for field in members.values():
            yield f"{type_name}.{field.name}", signature(str(field.type), {})
    for model in declared.models.values():
        for name, related in model.relations.items():
            yield f"{model.name}.{name}", relation(declared, related)


def queries(model: ModelDeclaration) -> Iterator[tuple[str, str]]:
    connection = names.connection(model.name)
    types = {name: field.type.name for name, field in model.fields.items()}
    if name := model.operations.get:
        yield name, signature(model.name, {field: f"{types[field]}!" for field in model.key})
    if name := model.operations.list:
        arguments = page(model)
        if not model.is_key_written:
            del arguments["sortDirection"]
        else:
            arguments |= {model.key[0]: types[model.key[0]]} | key_condition(model, None, model.key[1:])
        yield name, signature(connection, arguments)
    for index in model.indexes.values():
        if index.query:
            keyed = {index.fields[0]: f"{types[index.fields[0]]}!"}
            keyed |= key_condition(model, index.name, index.fields[1:])
            yield index.query, signature(connection, page(model) | keyed)


def mutations(model: ModelDeclaration) -> Iterator[tuple[str, str]]:
    for action in ("create", "update", "delete"):
        if name := getattr(model.operations, action):
            row = f"{action.title()}{names.upper_first(model.name)}Input!"
            yield name, signature(model.name, {"input": row, "condition": names.condition_input(model.name)})


def subscriptions(model: ModelDeclaration) -> Iterator[tuple[str, str]]:
    filter_ = {"filter": names.subscription_filter_input(model.name)}
    for name in (*model.operations.on_create, *model.operations.on_update, *model.operations.on_delete):
        yield name, signature(model.name, filter_ | dict.fromkeys(model.heard_owners, "String"))


def roots(declared: AppDeclaration) -> Iterator[tuple[str, str]]:
    for root, made in (
        (RootType.QUERY, queries),
        (RootType.MUTATION, mutations),
        (RootType.SUBSCRIPTION, subscriptions),
    ):
        for model in declared.models.values():
            yield from ((f"{root}.{name}", text) for name, text in made(model))
    for own in declared.roots:
        arguments = {a.name: f"{a.type}" + (f" = {a.default}" if a.default else "") for a in own.arguments}
        yield f"{own.root}.{own.name}", signature(str(own.type), arguments)


def type_in_input(declared: AppDeclaration, type_: TypeReference) -> str:
    if type_.name not in declared.objects:
        return str(type_)
    return str(type_).replace(type_.name, f"{names.upper_first(type_.name)}Input")


def inputs(declared: AppDeclaration) -> Iterator[tuple[str, str]]:
    """Yield the members of the inputs of createX, updateX and deleteX."""
    for model in declared.models.values():
        name = names.upper_first(model.name)
        operations = model.operations
        for field in model.fields.values():
            if field.origin not in STORED - SET_BY_SERVER:
                continue
            text = type_in_input(declared, field.type)
            is_made = field.name in {"id", model.created_at, model.updated_at}
            is_made = is_made and field.type.name in {"ID", "String", "AWSDateTime"}
            is_key = field.name in model.key
            if operations.create:
                yield f"Create{name}Input.{field.name}", text.removesuffix("!" * is_made)
            if operations.update:
                yield f"Update{name}Input.{field.name}", text.removesuffix("!") + "!" * is_key
            if operations.delete and is_key:
                yield f"Delete{name}Input.{field.name}", text.removesuffix("!") + "!"


def members_of(type_: Any) -> dict[str, str]:
    """Return each member of a type that Amplify made, with its type and arguments."""
    if isinstance(type_, GraphQLInputObjectType):
        return {f"{type_.name}.{name}": str(field.type) for name, field in type_.fields.items()}
    members = {}
    for name, field in type_.fields.items():
        nodes = {argument: given.ast_node for argument, given in field.args.items()}
        arguments = {argument: print_ast(node).partition(": ")[2] for argument, node in nodes.items() if node}
        members[f"{type_.name}.{name}"] = signature(str(field.type), arguments)
    return members


def differences(made: Iterator[tuple[str, str]], wanted: list[Any]) -> dict[str, tuple[str | None, str | None]]:
    """Return the members that are not what Amplify makes, with what was made and what was wanted."""
    ours = dict(made)
    theirs = {name: text for type_ in wanted for name, text in members_of(type_).items()}
    wrong = [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]
    return {name: (ours.get(name), theirs.get(name)) for name in wrong}


@pytest.mark.parametrize("name", APPS)
def test_types_are_as_amplify_makes_them(name: str) -> None:
    wanted = [
        type_
        for type_ in golden(name).type_map.values()
        if isinstance(type_, GraphQLObjectType) and type_.name not in set(RootType)
        if not type_.name.startswith("__") and not type_.name.endswith("Connection")
    ]
    assert differences(types(app(name)), wanted) == {}


@pytest.mark.parametrize("name", APPS)
def test_operations_are_as_amplify_makes_them(name: str) -> None:
    schema = golden(name)
    wanted = [type_ for type_ in (schema.query_type, schema.mutation_type, schema.subscription_type) if type_]
    assert differences(roots(app(name)), wanted) == {}


@pytest.mark.parametrize("name", APPS)
def test_inputs_of_rows_are_as_amplify_makes_them(name: str) -> None:
    wanted = [
        type_ for type_ in golden(name).type_map.values() if type_.name.startswith(("Create", "Update", "Delete"))
    ]
    assert differences(inputs(app(name)), wanted) == {}


def attributes(model: ModelDeclaration, fields: tuple[str, ...], stored: tuple[str, ...]) -> list[str]:
    """Return the attributes of a key with the type of each; several sort fields share one, a text."""
    kinds = ["N" if model.fields[name].type.name in NUMBERS else "S" for name in fields]
    shared = kinds if len(fields) == len(stored) else [kinds[0], "S"]
    return [f"{name}: {kind}" for name, kind in zip(stored, shared, strict=True)]


@pytest.mark.parametrize("name", APPS)
def test_tables_are_as_amplify_makes_them(name: str) -> None:
    made = {
        model.name: {
            "key": attributes(model, model.key, model.key_attributes),
            "indexes": {i.name: attributes(model, i.fields, i.attributes) for i in model.indexes.values()},
        }
        for model in app(name).models.values()
    }
    assert made == json.loads((APPS[name][1] / "tables.json").read_text())
