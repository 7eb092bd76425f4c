"""Whatever is selected and whatever the rows hold, a plan answers as graphql-core does, or not at all."""

from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schema.types  # noqa: F401 — declares the models
from resolvers.context import RequestContext
from resolvers.identity.callers import GUEST, Caller, Standing
from resolvers.mirror import paging
from resolvers.plans.planner import Planner
from resolvers.transport.payloads import response_of
from schema.amplify.declaration import Model
from schema.amplify.stored_fields import Field
from schema.enums import ENUMS
from schema.strawberry_internals import graphql_schema
from schema.types import CATALOGUE
from tests.property.plan_documents import RowQueries
from tests.unit.mirror import ADMIN, ALICE, BOB, MemoryStore, build_mirror, schema_over

# Admins may read everything, so that most of what they ask for has no errors.
CALLERS = [ALICE, BOB, ADMIN, ADMIN, ADMIN, Caller("sub-eve", "eve", standing=Standing.NEWCOMER), GUEST, None]
IDS = ["sub-alice", "sub-bob", "alice", "sub-alice::alice", "garden", "a", "é"]
MOMENTS = [f"2026-01-0{day}T00:00:00.000Z" for day in range(1, 6)]
TYPES = {name: [str(member.value) for member in enum] for name, enum in ENUMS.items()}


def attribute(random: Random, field: Field) -> Any:
    """Return a stored value of a field, which seldom is one that it should not have."""
    chance = random.random()
    if chance < 0.005:
        return random.choice([{"NULL": True}, {"N": "1.5"}, {"S": "odd"}, {"BOOL": True}, {"L": [{"NULL": True}]}])
    if field.is_list:
        return {"L": [scalar(random, field) for _ in range(random.randint(0, 3))]}
    return scalar(random, field)


def scalar(random: Random, field: Field) -> dict[str, Any]:
    match field.type:
        case "Int" | "AWSTimestamp":
            return {"N": str(random.choice([0, 1, -7, 2**31 - 1, 2**31 if random.random() < 0.02 else 5]))}
        case "Float":
            return {"N": random.choice(["0", "1", "2.5", "-0.01", "100000"])}
        case "Boolean":
            return {"BOOL": random.random() < 0.5}
        case "AWSDateTime":
            return {"S": random.choice(MOMENTS)}
        case name if name in TYPES:
            return {"S": random.choice(TYPES[name])}
    return {"S": random.choice(IDS)}


def row(random: Random, model: Model, key: str) -> dict[str, Any]:
    found = {"createdAt": {"S": random.choice(MOMENTS)}, model.keys.hash: {"S": key}}
    for field in model.fields.values():
        absent = 0.005 if field.required else 0.3
        if field.name not in found and random.random() > absent:
            found[field.name] = attribute(random, field)
    return found


def filled(random: Random) -> MemoryStore:
    store = MemoryStore()
    for model in CATALOGUE.models.values():
        for key in random.sample(IDS, 4):
            store.rows[model.table, key] = row(random, model, key)
    return store


@pytest.fixture(autouse=True)
def same_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the token of a position be the same each time."""
    monkeypatch.setattr(paging, "token_bytes", bytes)


async def answered(seed: int) -> tuple[str, Any, Any]:
    """Return a query, and its answer by a plan and by graphql-core."""
    random = Random(seed)  # noqa: S311 — no secret
    store = filled(random)
    built = schema_over(store)
    operation = RowQueries(random, graphql_schema(build_mirror())).any()
    caller = random.choice(CALLERS)
    contexts = [RequestContext(store, caller, {}) for _ in range(2)]
    plan = Planner(built).planned(operation.query, None, operation.variables)
    planned = None if plan is None else plan.constant or await plan.answer(contexts[0])
    result = await built.execute(operation.query, variable_values=operation.variables, context_value=contexts[1])
    return operation.query, planned, response_of(result)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**48))
async def test_a_plan_answers_as_graphql_core_does(seed: int) -> None:
    query, planned, executed = await answered(seed)
    if planned is not None:
        assert planned == orjson.dumps(executed), query


async def test_what_has_neither_errors_nor_directives_is_planned() -> None:
    found = [await answered(seed) for seed in range(300)]
    right = [(query, planned) for query, planned, executed in found if "errors" not in executed]
    assert len(right) > 40
    assert [query for query, planned in right if planned is None and "@" not in query] == []
