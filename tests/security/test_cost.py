"""No operation costs more than it may, whatever its variables say and whatever its lists hold."""

import asyncio
import gc
from typing import Any

import pytest
from graphql import parse

from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from resolvers.api import Api
from resolvers.apps.hourbank import HOURBANK
from resolvers.context import RequestContext
from resolvers.hosting.settings import ServerSettings
from schema.build import MirrorSchema, build_schema
from schema.documents import turns
from schema.documents.limits import Limits, LimitsCheck
from schema.types import CATALOGUE
from tests.security.many_rows import answer, filled, only
from tests.security.stretches import ANSWER_SECONDS, MOST_SECONDS, least_stretches
from tests.unit.mirror import ALICE, MemoryStore, schema_over
from tests.unit.processor_time import least_seconds
from workflows.executions.services import Services

REFUSED_SECONDS = 0.05
SPREAD = """query A($l: Int) { ...F }
    fragment F on Query { a: listServices(limit: $l) { ...P } b: listServices(limit: $l) { ...P } ...G }
    fragment G on Query { c: listServices(limit: $l) { ...P } }
    fragment P on ModelServiceConnection { items { id } }"""
NESTED = """query ($a: Int, $b: Int) {
    servicesByUserId(userId: 1, limit: $a) { items { bookings(limit: $b) { items { id } } } } }"""
PROVIDER = "getProviderSchedule(providerId: 1, startDate: $d, endDate: $d)"
ALIASED = " ".join(f"a{n}: id" for n in range(30))


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    return filled()


@pytest.fixture
def schema(store: MemoryStore) -> MirrorSchema:
    return schema_over(store)


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query ($l: Int) { listServices(limit: $l) { items { user { balance { userId } } } } }", {"l": 1_000}),
        ("query ($l: Int = 1000) { listServices(limit: $l) { items { user { balance { userId } } } } }", {}),
        (
            "query ($l: Int!) { listUsers(limit: $l) { items { services(limit: $l) { items { id } } } } }",
            {"l": 100},
        ),
        (SPREAD, {"l": 700}),
        (NESTED, {"a": 40, "b": 60}),
        (f"query ($l: Int) {{ listServices(limit: $l) {{ items {{ {ALIASED} }} }} }}", {"l": 900}),
        ("query ($l: Int) { listServices(limit: $l) { items { user { balance { userId } } } } }", {"l": 1e9}),
    ],
)  # fmt: skip
async def test_a_limit_in_a_variable_counts_what_it_says(
    schema: MirrorSchema, store: MemoryStore, query: str, variables: dict[str, Any]
) -> None:
    before = list(store.reads)
    await answer(schema, store, query, **variables)
    (data, errors), taken = await least_stretches(lambda: answer(schema, store, query, **variables))
    assert data is None
    only(errors, "ValidationError", "The operation asks for too much", "with every page full")
    assert store.reads == before
    assert taken.total < REFUSED_SECONDS


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query ($l: Int) { listServices(limit: $l) { items { user { id } } } }", {"l": 1_000}),
        ("query ($l: Int) { listServices(limit: $l) { items { user { id } } } }", {}),
        (
            "query ($l: Int = 1000) { listServices(limit: $l) { items { user { balance { userId } } } } }",
            {"l": None},
        ),
        ("query ($l: Int = 1000) { listServices(limit: $l) { items { user { balance { userId } } } } }", {"l": 3}),
        ("query A($l: Int) { listServices(limit: $l) { nextToken } }", {"l": 1_000}),
    ],
)
async def test_what_is_within_the_limits_is_answered(
    schema: MirrorSchema, store: MemoryStore, query: str, variables: dict[str, Any]
) -> None:
    data, errors = await answer(schema, store, query, **variables)
    assert errors == []
    assert data["listServices"]


async def test_an_invalid_limit_is_refused_as_ever(schema: MirrorSchema, store: MemoryStore) -> None:
    query = "query ($l: Int) { listServices(limit: $l) { items { id } } }"
    for limit, problem in ((0, "1 to 1000"), (1_001, "1 to 1000"), ("many", "Int"), ([1], "Int")):
        _, errors = await answer(schema, store, query, l=limit)
        assert problem in errors[0]["message"]


def test_each_request_costs_little_more_when_variables_are_put_in(schema: MirrorSchema) -> None:
    inner = "items { id bookings(limit: $b) { items { id } } user { services(limit: $c) { items { id } } } }"
    query = "query ($a: Int, $b: Int, $c: Int) {" + f" listServices(limit: $a) {{ {inner} }}" * 10 + "}"
    check = LimitsCheck(schema._schema, Limits(rows=10**9, values=10**9, repetitions=100))
    verdict = check.look_at(parse(query))
    assert verdict.refusal is None
    sent = {"a": 3, "b": 4, "c": 5}
    assert check.refusal_with(verdict, None, sent) is None
    assert least_seconds(lambda: [check.refusal_with(verdict, None, sent) for _ in range(100)]) < 0.05


def test_a_document_without_variable_pages_is_looked_at_once(schema: MirrorSchema) -> None:
    check = LimitsCheck(schema._schema, Limits())
    assert not check.look_at(
        parse("query ($id: ID!) { getUser(id: $id) { services { nextToken } } }")
    ).by_variables


def test_fragments_with_variable_pages_that_double_cost_no_time(schema: MirrorSchema) -> None:
    body = "user { services(limit: $l) { items { ...F%d ...F%d } } }"
    parts = [f"fragment F{n} on Service {{ {body % (n + 1, n + 1)} }}" for n in range(40)]
    query = (
        "query ($l: Int) { getService(id: 1) { ...F0 } } " + " ".join(parts) + " fragment F40 on Service { id }"
    )
    check = LimitsCheck(schema._schema, Limits(spreads=1_000, tokens=10_000, characters=10**6))
    document = parse(query)
    assert check.look_at(document).refusal is not None
    assert least_seconds(lambda: check.look_at(document)) < REFUSED_SECONDS


@pytest.mark.parametrize(
    ("field", "least"),
    [
        (f"{PROVIDER} {{ bookings {{ service {{ id }} }} }}", 31 * 15),
        (f"{PROVIDER} {{ schedules {{ id }} }}", 31 * 30),
        ("getBookingsByDateRange(userId: 1, startDate: $d, endDate: $d, role: CONSUMER) { id }", 300),
        ("getAvailableTimeSlots(serviceId: 1, date: $d, duration: 1) { startTime }", 48),
        ("getReconciliationReport { discrepancies { message } }", 200),
        ('getWorkflowStatus(executionArn: "a") { steps { name } }', 100),
    ],
)  # fmt: skip
def test_a_list_that_is_no_page_counts_as_long_as_it_may_be(field: str, least: int) -> None:
    api = Api.over(HOURBANK, Services.over(AsyncCalls(()), Settings()), ServerSettings(), b"secret")
    document = parse(f"query ($d: AWSDate!) {{ {field} }}")
    refusal = LimitsCheck(api.schema._schema, Limits(rows=least - 1)).look_at(document).refusal
    assert f"at most {least - 1} rows" in str(refusal)
    assert LimitsCheck(api.schema._schema, Limits(rows=4 * least)).look_at(document).refusal is None


@pytest.mark.parametrize(
    "fields",
    [
        " ".join(f"a{n}: tags" for n in range(24)),
        "id tags",
        "user { skills } a: tags b: tags",
        "... on Service { ... on Service { tags } b: tags }",
    ],
)
async def test_elements_of_lists_count_while_they_are_answered(
    schema: MirrorSchema, store: MemoryStore, fields: str
) -> None:
    query = f"query ($l: Int) {{ listServices(limit: $l) {{ items {{ {fields} }} }} }}"
    rows = 1_000 if fields != "id tags" else 800
    (data, errors), taken = await least_stretches(lambda: answer(schema, store, query, l=rows))
    assert data is None
    only(errors, "LimitExceeded", "at most 25000 values, elements of lists included")
    assert taken.longest < MOST_SECONDS
    assert taken.total < ANSWER_SECONDS


async def test_ten_such_lists_cost_no_more_than_one(schema: MirrorSchema, store: MemoryStore) -> None:
    lists = " ".join(f"l{n}: listServices(limit: 100) {{ items {{ user {{ id }} tags }} }}" for n in range(10))
    data, errors = await answer(schema, store, f"{{ {lists} }}")
    assert data is None
    only(errors, "LimitExceeded", "25000 values")


async def test_an_event_of_a_subscription_has_the_same_budget() -> None:
    store = filled(3, tags=["t"] * 2_000)
    served = schema_over(store)
    tags = " ".join(f"a{n}: tags" for n in range(20))
    query = f"subscription {{ onCreateService {{ {tags} }} }}"
    results = [result async for result in await served.subscribe(query, context_value=context(store))]
    assert [result.data for result in results] == [None] * 3
    for result in results:
        only([error.formatted for error in result.errors or ()], "LimitExceeded", "25000 values")
    few = [
        r
        async for r in await served.subscribe(
            "subscription { onCreateService { tags } }", context_value=context(store)
        )
    ]
    assert [len((result.data or {})["onCreateService"]["tags"]) for result in few] == [2_000] * 3


CREATE = """mutation ($tags: [String!]!) {{
    createService(input: {{title: "a", description: "b", category: "c", isActive: true, tags: $tags}}) {{ {} }}
}}"""


async def test_a_mutation_has_the_same_budget() -> None:
    store = MemoryStore()
    strict = build_schema(CATALOGUE, schema_over(store).resolver, limits=Limits(values=100))
    few, many = (CREATE.format(" ".join(f"a{n}: tags" for n in range(times))) for times in (2, 3))
    data, errors = await answer(strict, store, few, tags=["x"] * 50)
    assert (errors, len(data["createService"]["a1"])) == ([], 50)
    data, errors = await answer(strict, store, many, tags=["x"] * 50)
    only(errors, "LimitExceeded", "100 values")
    assert len(store.rows) == 2  # what it did remains


@pytest.mark.parametrize("turn", [turns.SLICE, 0.001])
async def test_what_ends_an_operation_ends_all_of_its_work(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, turn: float
) -> None:
    monkeypatch.setattr(turns, "SLICE", turn)  # at its end a list may be half made
    running = asyncio.all_tasks()
    services = "listServices(limit: 900) { items { user { username } tags } }"
    query = f"{{ a: {services} b: listUsers(limit: 50) {{ items {{ bankHours }} }} }}"
    data, errors = await answer(schema_over(store), store, query)
    assert data is None
    only(errors, "LimitExceeded", "25000 values")
    store.reads.clear()
    for _ in range(20):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == running
    assert store.reads == []
    gc.collect()  # what was made and not awaited is an error then


def context(store: MemoryStore) -> RequestContext:
    return RequestContext(store, ALICE, {})
