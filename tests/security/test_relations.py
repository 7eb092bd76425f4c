"""Where rows lead: what stands there is shown as its own rules say, and never with an error."""

from typing import Any

import pytest
from graphql import get_named_type, is_leaf_type

from resolvers.context import RequestContext
from resolvers.feed.streams import ChangeKind
from tests.security.cases import item_of
from tests.security.relations import ROLES, Pair, Relation, key_of, relations
from tests.security.samples import SAMPLES
from tests.security.worlds import CloudWorld, MemoryWorld, World
from tests.unit.mirror import execute

# By whom a row can be changed, so that a mutation gives it; nobody changes the others, or admins only.
CHANGED_BY = {"ServiceRequest": "requesterId", "Service": "userId", "User": "id", "Conversation": "user1Id"}


def each(*roles: str) -> pytest.MarkDecorator:
    pairs = [pytest.param(relation, role, id=f"{relation}-{role}") for relation in relations() for role in roles]
    return pytest.mark.parametrize(("relation", "role"), pairs)


async def seen(world: World, pair: Pair, query: str, **variables: Any) -> str:
    """Return what a caller is shown where one row leads, and see that no error is."""
    data, errors = await execute(world.schema, world.store, pair.caller, query, **variables)
    assert errors == []
    return pair.word(next(iter(data.values()))[pair.relation.name])


async def got(world: World, relation: Relation, role: str) -> str:
    pair = Pair.of(relation, role)
    await pair.put(world)
    key = key_of(relation.of)
    query = f"query ($key: ID!) {{ get{relation.of}({key}: $key) {{ {pair.selection()} }} }}"
    return await seen(world, pair, query, key=pair.first[key])


@each(*ROLES)
async def test_a_query_shows_what_the_table_says(world: MemoryWorld, relation: Relation, role: str) -> None:
    assert await got(world, relation, role) == relation.expected[role]


@pytest.mark.asyncio(loop_scope="package")
@each(*ROLES)
async def test_a_query_of_the_cloud_does_likewise(cloud_world: CloudWorld, relation: Relation, role: str) -> None:
    assert await got(cloud_world, relation, role) == relation.expected[role]


@each(*ROLES)
async def test_an_event_shows_what_the_table_says(world: MemoryWorld, relation: Relation, role: str) -> None:
    pair = Pair.of(relation, role)
    await pair.put(world)
    world.announce(ChangeKind.UPDATE, item_of(pair.first))
    query = f"subscription {{ onUpdate{relation.of} {{ {pair.selection()} }} }}"
    results: Any = await world.schema.stream(query, context_value=RequestContext(world.store, pair.caller, {}))
    (result,) = [result async for result in results]
    assert result.errors is None
    assert pair.word(result.data[f"onUpdate{relation.of}"][relation.name]) == relation.expected[role]


CHANGED = [
    (relation, role)
    for relation in relations()
    for role in ROLES
    if (owner := CHANGED_BY.get(relation.of)) is not None
    if (pair := Pair.of(relation, role)).first[owner] == pair.caller.sub
]


@pytest.mark.parametrize(("relation", "role"), CHANGED, ids=str)
async def test_a_mutation_shows_what_the_table_says(world: MemoryWorld, relation: Relation, role: str) -> None:
    pair = Pair.of(relation, role)
    await pair.put(world)
    given = {"id": pair.first["id"], **SAMPLES[relation.of].change}
    query = f"""mutation ($input: Update{relation.of}Input!) {{
        update{relation.of}(input: $input) {{ {pair.selection()} }} }}"""
    assert await seen(world, pair, query, input=given) == relation.expected[role]


def test_every_relation_is_in_the_table(world: MemoryWorld) -> None:
    types = {name: world.schema._schema.type_map[name] for name in SAMPLES}
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
