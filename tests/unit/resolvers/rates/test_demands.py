"""What operations are charged."""

import pytest
from graphql import OperationType

from resolvers.identity.keys import IssuerUnreachableError, UnauthenticatedError
from resolvers.rates.demands import INVALID, Demands
from resolvers.rates.limits import Kind, RateLimits
from resolvers.rates.meter import Meter
from resolvers.rates.rates import RateLimitedError, Rates
from schema.build import MirrorSchema
from schema.strawberry_internals import graphql_schema
from tests.unit.mirror import MemoryStore, schema_over
from tests.unit.resolvers.rates.test_counters import Time

CREATE = "mutation($i: CreateServiceRequestInput!) { createServiceRequest(input: $i) { id } }"
SEVERAL = "query A { getUser(id: 1) { id } } query B { listServices(limit: 50) { items { id } } }"


@pytest.fixture(scope="module")
def schema() -> MirrorSchema:
    return schema_over(MemoryStore())


@pytest.fixture
def demands(schema: MirrorSchema) -> Demands:
    return Demands(schema.documents, graphql_schema(schema))


def metering(schema: MirrorSchema, **limits: int) -> tuple[Meter, Time]:
    rates = Rates(RateLimits(**limits), now=(time := Time()))
    return Meter(rates, schema.documents, graphql_schema(schema)), time


@pytest.mark.parametrize(
    ("text", "name", "costs"),
    [
        ("{ __typename }", None, {Kind.UNITS: 1}),
        ("{ listServices(limit: 50) { items { id } } }", None, {Kind.UNITS: 50}),
        ("{ listServices { items { id } } }", None, {Kind.UNITS: 100}),
        (SEVERAL, "A", {Kind.UNITS: 1}),
        (SEVERAL, "B", {Kind.UNITS: 50}),
        (SEVERAL, None, {Kind.UNITS: 1}),
        ("{ nothing }", None, {Kind.UNITS: 1}),
        ("{ __schema { types { name } } }", None, {Kind.UNITS: 1, Kind.INTROSPECTIONS: 1}),
        ("subscription { onCreateService { id } }", None, {Kind.UNITS: 1, Kind.SUBSCRIPTIONS: 1}),
    ],
)
def test_what_reads_is_counted_by_its_rows(
    demands: Demands, text: str, name: str | None, costs: dict[Kind, int]
) -> None:
    assert demands.read(text, name).costs(text, 0) == costs


@pytest.mark.parametrize(
    ("fields", "starts", "creations"),
    [
        ("createServiceRequest(input: $i) { id }", 1, 1),
        ("a: createServiceRequest(input: $i) { id }", 1, 1),
        ("...F", 1, 1),
        ("createServiceRequest(input: $i) { id } createServiceRequest(input: $i) { status }", 1, 1),
        ("a: createMessage(input: $i) { id } b: createMessage(input: $i) { id }", 0, 2),
        ("createDispute(input: $i) { id }", 1, 1),
        ("createTransaction(input: $i) { id }", 1, 1),
        ("updateService(input: $i) { id }", 0, 0),
        ("deleteMessage(input: $i) { id }", 0, 0),
    ],
)
def test_what_writes_is_counted_by_what_it_starts_and_creates(
    demands: Demands, fields: str, starts: int, creations: int
) -> None:
    name = fields.partition("(")[0].rpartition(" ")[2] if "(" in fields else "createServiceRequest"
    of = f"{name[:1].upper()}{name[1:]}Input"
    fragment = " fragment F on Mutation { createServiceRequest(input: $i) { id } }" if "..." in fields else ""
    text = f"mutation($i: {of}!) {{ {fields} }}{fragment}"
    demand = demands.read(text, None)
    assert demand.operation is OperationType.MUTATION
    costs = demand.costs(text, 640)
    assert costs[Kind.MUTATIONS] == 1
    assert costs.get(Kind.STARTS, 0) == starts
    assert costs.get(Kind.CREATIONS, 0) == creations
    assert costs[Kind.STORED_BYTES] >= len(text) + 640
    assert costs[Kind.UNITS] >= 11


def test_only_what_can_run_is_remembered(demands: Demands) -> None:
    for text, name in [
        ("{ nothing }", None),
        ("{", None),
        (SEVERAL, None),
        (SEVERAL, "C"),
        ("{ a }" * 9_000, None),
    ]:
        assert demands.read(text, name) is INVALID
        assert demands.known(text, name) is None
    demand = demands.read(CREATE, None)
    assert demands.known(CREATE, None) is demand


def test_memory_is_bounded(demands: Demands) -> None:
    for number in range(60):
        demands.read(f"# {'x' * 10_000} {number}\n{{ __typename }}", None)
    assert sum(len(text) for text, _ in demands._kept) == demands._characters <= 400_000


def test_a_document_costs_more_the_first_time(schema: MirrorSchema) -> None:
    meter, _ = metering(schema, units=1_000)
    text = f"# {'x' * 4_000}\n{{ __typename }}"
    for _ in range(400):
        meter.charge("a", text, None, 0)
    meter.charge("b", text, None, 0)
    meter.charge("c", f"{text} # 1", None, 0)
    with pytest.raises(RateLimitedError, match="units of work"):
        meter.charge("c", f"{text} # 2", None, 0)


def test_an_invalid_document_costs_its_reading_each_time(schema: MirrorSchema) -> None:
    meter, time = metering(schema, units=1_000)
    for _ in range(3):
        for _ in range(3):
            meter.charge("a", "{ " + "nothing " * 300 + "}", None, 0)
        with pytest.raises(RateLimitedError):
            meter.charge("a", "{ " + "nothing " * 300 + "}", None, 0)
        time.now += 60


def test_answers_are_bounded_each_and_together(schema: MirrorSchema) -> None:
    meter, time = metering(schema, answer=1_000, answer_bytes=2_500)
    assert not meter.try_charge_answer("a", 1_001)
    assert [meter.try_charge_answer("a", 1_000) for _ in range(3)] == [True, True, False]
    assert meter.try_charge_answer("a", 500)
    time.now += 24 * 60 * 60
    assert meter.try_charge_answer("a", 1_000)


def test_refused_tokens_count_for_their_address_and_unreachable_issuers_for_nobody(schema: MirrorSchema) -> None:
    meter, _ = metering(schema, refusals=2)
    for _ in range(10):
        meter.refused("h", IssuerUnreachableError(2))
    meter.refused("h", UnauthenticatedError("x"))
    meter.refused("h", UnauthenticatedError("x"))
    with pytest.raises(RateLimitedError, match="without a valid token or key"):
        meter.refused("h", UnauthenticatedError("x"))
    meter.refused("other", UnauthenticatedError("x"))
