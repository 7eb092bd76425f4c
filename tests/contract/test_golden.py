"""The schema contains what Amplify generates for the mirrored types; its generated operations are valid in it."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    OperationDefinitionNode,
    OperationType,
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
)

from models import tables
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from resolvers.api import Api
from resolvers.apps.hourbank import HOURBANK
from resolvers.context import RequestContext
from resolvers.hosting.settings import ServerSettings
from schema.build import MirrorSchema
from schema.errors import report
from tests.unit.mirror import ALICE, MemoryStore, build_mirror, schema_over
from workflows.executions.services import Services

HERE = Path(__file__).parent
SNAPSHOT = HERE / "schema.graphql"

golden = build_schema((HERE / "golden.graphql").read_text())
served = Api.over(HOURBANK, Services.over(AsyncCalls(()), Settings()), ServerSettings(), b"secret").schema._schema
# Fields that a client may leave out of ours, though Amplify requires them.
OPTIONAL = {f"CreateServiceInput.{name}": "Float = Undefined" for name in ("hourlyRate", "hourlyDuration")}
# An owner who is not named is the caller, where there is only one.
OWNERS = {
    **dict.fromkeys(("Service", "ServiceSchedule", "ScheduleException"), "userId"),
    "ServiceRequest": "requesterId",
    "Dispute": "raisedBy",
    "Rating": "raterId",
    "Report": "reporterId",
    "Message": "senderId",
    "Transaction": "consumerId",
}
OPTIONAL |= {f"Create{type_name}Input.{owner}": "ID = Undefined" for type_name, owner in OWNERS.items()}


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    texts = dict.fromkeys(("id", "email", "username", "firstName", "lastName", "createdAt", "updatedAt"), "x")
    store.add(tables.User, **texts, skills=[], rating=0, totalTransactions=0)
    return store


@pytest.fixture
def ours(store: MemoryStore) -> MirrorSchema:
    return schema_over(store)


@cache
def operations() -> dict[str, OperationDefinitionNode]:
    documents = [parse(path.read_text()) for path in sorted((HERE / "operations").glob("*.graphql"))]
    found = [node for document in documents for node in document.definitions]
    return {node.name.value: node for node in found if isinstance(node, OperationDefinitionNode) and node.name}


def members(type_: Any) -> dict[str, str]:
    """Return every member of a type as a line of text with all that is to be compared."""
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
        lines[f"{type_.name}.{name}"] = str(field.type)
        for argument, given in field.args.items():
            lines[f"{type_.name}.{name}({argument}:)"] = f"{given.type} = {given.default_value}"
    return lines


def test_every_member_is_as_amplify_makes_it() -> None:
    types = [type_ for name, type_ in golden.type_map.items() if not name.startswith("__")]
    wanted = {line: text for type_ in types for line, text in members(type_).items()} | OPTIONAL
    got = {line: text for type_ in served.type_map.values() for line, text in members(type_).items()}
    differences = [
        f"{line}: {got.get(line, 'missing')}, not {text}" for line, text in wanted.items() if got.get(line) != text
    ]
    assert differences == []
    assert len(wanted) > 2_600


@pytest.mark.parametrize(("root", "fields"), [("Query", 99), ("Mutation", 57), ("Subscription", 62)])
def test_every_operation_of_amplify_is_there(root: str, fields: int) -> None:
    wanted = {line for line in members(golden.type_map[root]) if "(" not in line}
    assert len(wanted) == fields
    assert wanted <= members(served.type_map[root]).keys()


def test_a_change_of_the_schema_is_seen_in_review() -> None:
    printed = subprocess.run(
        [sys.executable, "server.py", "schema"], capture_output=True, text=True, check=True, cwd=HERE.parents[1]
    )
    assert printed.stdout == SNAPSHOT.read_text(), f"run: python server.py schema > {SNAPSHOT.name}, and review it"


def value(type_: GraphQLInputType) -> Any:
    """Return a minimal value of an input type."""
    named = get_named_type(type_)
    if is_list_type(get_nullable_type(type_)):
        return []
    if isinstance(named, GraphQLInputObjectType):
        return {name: value(field.type) for name, field in named.fields.items() if is_required_input_field(field)}
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    dates = {"AWSDate": "2026-01-01", "AWSDateTime": "2026-01-01T00:00:00.000Z"}
    samples: dict[str, Any] = {"Float": 0, "Int": 0, "Boolean": True, **dates}
    return samples.get(named.name, "x")


@pytest.mark.parametrize("name", operations())
def test_generated_operation_is_valid(name: str) -> None:
    assert validate(served, parse(print_ast(operations()[name]))) == []


def derived() -> list[str]:
    """Return the operations whose fields are derived from a type; the app's own need a cloud."""
    roots = [build_mirror()._schema.get_root_type(kind) for kind in OperationType]
    fields = {name for root in roots if root for name in root.fields}
    return [name for name, node in operations().items() if root_field(node) in fields]


def root_field(operation: OperationDefinitionNode) -> str:
    (field,) = operation.selection_set.selections
    return cast("FieldNode", field).name.value


@pytest.mark.parametrize("name", derived())
async def test_derived_operation_runs(ours: MirrorSchema, store: MemoryStore, name: str) -> None:
    operation = operations()[name]
    text = print_ast(operation)
    types = {
        node.variable.name.value: type_from_ast(ours._schema, node.type)
        for node in operation.variable_definitions or ()
    }
    variables = {
        key: value(cast("GraphQLInputType", type_)) for key, type_ in types.items() if is_non_null_type(type_)
    }
    context = RequestContext(store, ALICE, {})
    results: Any = await ours.stream(text, variable_values=variables, context_value=context)
    errors = [report(error).error_type async for result in results for error in result.errors or ()]
    # An owner who may be left out is the caller, whose minimal values are then looked at.
    assert set(errors) <= {"Unauthorized", "DynamoDB:ConditionalCheckFailedException", "BadRequest"}
