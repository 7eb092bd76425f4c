"""The schema holds what Amplify's own transformer makes of the mirrored types, and runs its generated operations."""

from pathlib import Path
from typing import Any, cast

import pytest
from graphql import (
    REMOVE,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    get_named_type,
    parse,
    print_ast,
    validate,
    visit,
)

from schema.amplify.answers import Answers
from schema.amplify.build import build_schema as build_ours
from schema.amplify.declaration import MODELS

HERE = Path(__file__).parent
ROOTS = ("Query", "Mutation", "Subscription")

golden = build_schema((HERE / "golden.graphql").read_text())


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    schema: GraphQLSchema = build_ours(cast("Answers", None))._schema
    return schema


def operations() -> dict[str, OperationDefinitionNode]:
    documents = [parse(path.read_text()) for path in sorted((HERE / "operations").glob("*.graphql"))]
    found = [node for document in documents for node in document.definitions]
    return {node.name.value: node for node in found if isinstance(node, OperationDefinitionNode) and node.name}


def is_ours(type_name: str) -> bool:
    """Tell whether a golden type belongs to no type that we do not mirror yet."""
    missing = {name for name in golden.type_map if f"Model{name}Connection" in golden.type_map} - set(MODELS)
    enums = {name for name, type_ in golden.type_map.items() if isinstance(type_, GraphQLEnumType)}
    used = {field.type for model in MODELS.values() for field in model.fields.values() if field.is_enum}
    unused = enums - used - {"ModelAttributeTypes", "ModelSortDirection"}
    affixes = ("Model{}Connection", "Model{}FilterInput", "Model{}ConditionInput", "Model{}Input")
    affixes += ("ModelSubscription{}FilterInput", "Create{}Input", "Update{}Input", "Delete{}Input", "{}")
    foreign = {affix.format(name) for name in missing | unused for affix in affixes}
    return type_name not in foreign and not type_name.startswith("__")


def members(type_: Any) -> dict[str, str]:
    """Return every member of a type as a line of text that says all there is to compare."""
    if isinstance(type_, GraphQLEnumType):
        return {f"{type_.name}.{value}": "" for value in type_.values}
    if isinstance(type_, GraphQLInputObjectType):
        return {
            f"{type_.name}.{name}": f"{field.type} = {field.default_value}" for name, field in type_.fields.items()
        }
    if not isinstance(type_, GraphQLObjectType):
        return {type_.name: type(type_).__mro__[-3].__name__}
    lines: dict[str, str] = {}
    for name, field in type_.fields.items():
        if not is_ours(get_named_type(field.type).name):
            continue
        lines[f"{type_.name}.{name}"] = str(field.type)
        for argument, given in field.args.items():
            lines[f"{type_.name}.{name}({argument}:)"] = f"{given.type} = {given.default_value}"
    return lines


def test_every_member_is_as_amplify_makes_it(ours: GraphQLSchema) -> None:
    wanted = {
        line: text
        for name, type_ in golden.type_map.items()
        if is_ours(name)
        for line, text in members(type_).items()
    }
    got = {line: text for type_ in ours.type_map.values() for line, text in members(type_).items()}
    differences = [
        f"{line}: {got.get(line, 'missing')}, not {text}" for line, text in wanted.items() if got.get(line) != text
    ]
    assert differences == []
    assert len(wanted) > 700


class Prune(Visitor):
    """Takes the fields out that lead to types which are not mirrored yet."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types

    def enter_field(self, *_: object) -> Any:
        type_ = self._types.get_type()
        assert type_ is not None
        return None if is_ours(get_named_type(type_).name) else REMOVE


def pruned(operation: OperationDefinitionNode) -> OperationDefinitionNode:
    types = TypeInfo(golden)
    kept: OperationDefinitionNode = visit(operation, TypeInfoVisitor(types, Prune(types)))
    return kept


@pytest.mark.parametrize("name", list(operations()))
def test_generated_operation_validates(ours: GraphQLSchema, name: str) -> None:
    operation = pruned(operations()[name])
    if not operation.selection_set.selections:
        pytest.skip("its type is not mirrored yet")
    assert validate(ours, parse(print_ast(operation))) == []
