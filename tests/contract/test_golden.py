"""The schema holds what Amplify makes of the mirrored types; its generated operations are valid in it."""

from pathlib import Path
from typing import Any, cast

import pytest
from graphql import (
    REMOVE,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    parse,
    print_ast,
    type_from_ast,
    validate,
    visit,
)

from models import tables
from resolvers.context import Context
from schema.amplify.build import MirrorSchema
from schema.amplify.declaration import MODELS
from schema.errors import report
from tests.unit.mirror import ALICE, MemoryStore, schema_over

HERE = Path(__file__).parent
AFFIXES = (
    "{}",
    "Model{}Connection",
    "Model{}FilterInput",
    "Model{}ConditionInput",
    "Model{}Input",
    "ModelSubscription{}FilterInput",
    "Create{}Input",
    "Update{}Input",
    "Delete{}Input",
)

golden = build_schema((HERE / "golden.graphql").read_text())


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    texts = dict.fromkeys(("id", "email", "username", "firstName", "lastName", "createdAt", "updatedAt"), "x")
    store.add(tables.User, **texts, skills=[], rating=0, totalTransactions=0)
    return store


@pytest.fixture
def ours(store: MemoryStore) -> MirrorSchema:
    return schema_over(store)


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
    foreign = {affix.format(name) for name in missing | unused for affix in AFFIXES}
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


def test_every_member_is_as_amplify_makes_it(ours: MirrorSchema) -> None:
    wanted = {
        line: text
        for name, type_ in golden.type_map.items()
        if is_ours(name)
        for line, text in members(type_).items()
    }
    got = {line: text for type_ in ours._schema.type_map.values() for line, text in members(type_).items()}
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


def value(type_: GraphQLInputType) -> Any:
    """Return a value of a type, as small as it may be."""
    named = get_named_type(type_)
    if is_list_type(get_nullable_type(type_)):
        return []
    if isinstance(named, GraphQLInputObjectType):
        return {name: value(field.type) for name, field in named.fields.items() if is_required_input_field(field)}
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    samples: dict[str, Any] = {"Float": 0, "Int": 0, "Boolean": True, "AWSDateTime": "2026-01-01T00:00:00.000Z"}
    return samples.get(named.name, "x")


def of_mirrored_types() -> list[str]:
    """Return the operations of which something is left when what is not mirrored yet is pruned."""
    return [name for name, operation in operations().items() if pruned(operation).selection_set.selections]


@pytest.mark.parametrize("name", of_mirrored_types())
async def test_generated_operation_runs(ours: MirrorSchema, store: MemoryStore, name: str) -> None:
    operation = pruned(operations()[name])
    text = print_ast(operation)
    assert validate(ours._schema, parse(text)) == []
    types = {
        node.variable.name.value: type_from_ast(ours._schema, node.type)
        for node in operation.variable_definitions or ()
    }
    variables = {
        key: value(cast("GraphQLInputType", type_)) for key, type_ in types.items() if is_non_null_type(type_)
    }
    context = Context(store, ALICE, {})
    results: Any = await ours.stream(text, variable_values=variables, context_value=context)
    errors = [report(error).error_type async for result in results for error in result.errors or ()]
    assert set(errors) <= {"Unauthorized", "DynamoDB:ConditionalCheckFailedException"}
