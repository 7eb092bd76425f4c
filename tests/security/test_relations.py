"""Relations: the related row is shown as its own rules allow, and never with an error."""

from typing import Any

import pytest
from graphql import get_named_type, is_leaf_type

from models.changes import ChangeKind
from resolvers.context import RequestContext
from tests.security.backends import Backend, CloudBackend, MemoryBackend
from tests.security.cases import item_of
from tests.security.relations import ROLES, LinkedRows, Relation, key_of, relations
from tests.security.samples import SAMPLES
from tests.unit.mirror import execute

# Roles who can change a row, so that a mutation returns it; nobody changes other types, or only admins do.
CHANGED_BY = {"ServiceRequest": "requesterId", "Service": "userId", "User": "id", "Conversation": "user1Id"}


def each(*roles: str) -> pytest.MarkDecorator:
    pairs = [pytest.param(relation, role, id=f"{relation}-{role}") for relation in relations() for role in roles]
    return pytest.mark.parametrize(("relation", "role"), pairs)


async def seen(backend: Backend, linked: LinkedRows, query: str, **variables: Any) -> str:
    """Return what a caller is shown of a related row, and assert that there is no error."""
    data, errors = await execute(backend.schema, backend.store, linked.caller, query, **variables)
    assert errors == []
    return linked.word(next(iter(data.values()))[linked.relation.name])


async def got(backend: Backend, relation: Relation, role: str) -> str:
    linked = LinkedRows.of(relation, role)
    await linked.put(backend)
    key = key_of(relation.of)
    query = f"query ($key: ID!) {{ get{relation.of}({key}: $key) {{ {linked.selection()} }} }}"
    return await seen(backend, linked, query, key=linked.first[key])


@each(*ROLES)
async def test_a_query_shows_what_the_table_says(backend: MemoryBackend, relation: Relation, role: str) -> None:
    assert await got(backend, relation, role) == relation.expected[role]


@pytest.mark.asyncio(loop_scope="package")
@each(*ROLES)
async def test_a_query_of_the_cloud_does_likewise(
    cloud_backend: CloudBackend, relation: Relation, role: str
) -> None:
    assert await got(cloud_backend, relation, role) == relation.expected[role]


@each(*ROLES)
async def test_an_event_shows_what_the_table_says(backend: MemoryBackend, relation: Relation, role: str) -> None:
    linked = LinkedRows.of(relation, role)
    await linked.put(backend)
    backend.announce(ChangeKind.UPDATE, item_of(linked.first))
    query = f"subscription {{ onUpdate{relation.of} {{ {linked.selection()} }} }}"
    results: Any = await backend.schema.stream(
        query, context_value=RequestContext(backend.store, linked.caller, {})
    )
    (result,) = [result async for result in results]
    assert result.errors is None
    assert linked.word(result.data[f"onUpdate{relation.of}"][relation.name]) == relation.expected[role]


CHANGED = [
    (relation, role)
    for relation in relations()
    for role in ROLES
    if (owner := CHANGED_BY.get(relation.of)) is not None
    if (linked := LinkedRows.of(relation, role)).first[owner] == linked.caller.sub
]


@pytest.mark.parametrize(("relation", "role"), CHANGED, ids=str)
async def test_a_mutation_shows_what_the_table_says(backend: MemoryBackend, relation: Relation, role: str) -> None:
    linked = LinkedRows.of(relation, role)
    await linked.put(backend)
    given = {"id": linked.first["id"], **SAMPLES[relation.of].change}
    query = f"""mutation ($input: Update{relation.of}Input!) {{
        update{relation.of}(input: $input) {{ {linked.selection()} }} }}"""
    assert await seen(backend, linked, query, input=given) == relation.expected[role]


def test_every_relation_is_in_the_table(backend: MemoryBackend) -> None:
    types = {name: backend.schema._schema.type_map[name] for name in SAMPLES}
    wanted = {
        f"{of}.{name}"
        for of, type_ in types.items()
        for name, field in type_.fields.items()  # type: ignore[attr-defined]  # an object type
        if not is_leaf_type(get_named_type(field.type))
    }
    assert wanted == {str(relation) for relation in relations()}


def test_mutations_are_tried_as_strangers_too() -> None:
    assert {(relation.of, role) for relation, role in CHANGED} == {
        (of, role) for of in CHANGED_BY for role in ROLES if of != "User" or role == "party"
    }
