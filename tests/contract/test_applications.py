"""A caller with an API key is an application, not a member: no field answers it, neither Amplify's nor ours."""

from typing import Any

import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument

from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from resolvers.api import Api
from resolvers.apps.hourbank import HOURBANK
from resolvers.context import RequestContext
from resolvers.hosting.settings import ServerSettings
from schema.build import MirrorSchema
from tests.contract.test_golden import value
from workflows.executions.services import Services

API = Api.over(HOURBANK, Services.over(AsyncCalls(()), Settings()), ServerSettings(), b"secret")
SCHEMA: MirrorSchema = API.schema
FIELDS = [
    (root, name)
    for root in ("Query", "Mutation", "Subscription")
    for name in SCHEMA._schema.type_map[root].fields  # type: ignore[attr-defined]  # they are object types
]


def operation(root: GraphQLObjectType, name: str, field: GraphQLField) -> tuple[str, dict[str, Any]]:
    """Return a document that asks for one field with as few arguments as possible, and its variables."""
    required = {key: given.type for key, given in field.args.items() if is_required_argument(given)}
    declared = f"({', '.join(f'${key}: {type_}' for key, type_ in required.items())})" if required else ""
    passed = f"({', '.join(f'{key}: ${key}' for key in required)})" if required else ""
    selection = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
    text = f"{root.name.lower()}{declared} {{ {name}{passed}{selection} }}"
    return text, {key: value(type_) for key, type_ in required.items()}


@pytest.mark.parametrize(("root", "name"), FIELDS)
async def test_a_field_does_not_answer_an_application(root: str, name: str) -> None:
    type_: Any = SCHEMA._schema.type_map[root]
    text, variables = operation(type_, name, type_.fields[name])
    context = RequestContext(API.services.store, None, {})
    results: Any = await SCHEMA.stream(text, variable_values=variables, context_value=context)
    (result,) = [result async for result in results]
    (error,) = result.errors
    assert error.formatted["errorType"] == "Unauthorized", error.formatted
    assert error.formatted["message"] == f"Not Authorized to access {name} on type {root}"
