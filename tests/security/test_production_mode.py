"""On AWS a server tells members nothing of the schema that they do not know already, unless it is set."""

from collections.abc import Iterator

import pytest

from resolvers.transport.graphiql import ASSETS_PATH
from schema.graphiql import manifest
from tests.integration.conftest import Server
from tests.security.asking import WAYS, ask
from tests.security.measuring import Target, measuring, serving

INTROSPECTIONS = {
    "schema": "{ __schema { types { name } } }",
    "type": '{ __type(name: "User") { fields { name } } }',
    "alias": "{ innocent: __schema { queryType { name } } }",
    "beside others": "{ __typename listServices { items { id } } __schema { queryType { name } } }",
    "fragment": "{ ...F } fragment F on Query { __schema { queryType { name } } }",
    "inline": "{ ... on Query { ... { __schema { queryType { name } } } } }",
    "second": "query A { __typename } query B { __schema { queryType { name } } }",
    "skipped": "query ($no: Boolean = false) { __typename __schema @include(if: $no) { queryType { name } } }",
}
GUESSES = {
    "field": ("{ listServces { items { id } } }", "listServces"),
    "inner field": ("{ listServices { items { titel } } }", "titel"),
    "argument": ("{ listServices(limt: 1) { items { id } } }", "limt"),
    "type": ("query ($f: ModelServiceFilterInptu) { listServices(filter: $f) { items { id } } }", "FilterInptu"),
    "enum": (
        '{ getUser(id: "x") { id } listTransactions(filter: {statuss: {eq: "x"}}) { items { id } } }',
        "statuss",
    ),
    "directive": ("{ __typename @skipp(if: true) }", "skipp"),
    "mutation": ("mutation { creatService(input: {}) { id } }", "creatService"),
}
VARIABLES = "query ($f: ModelServiceFilterInput) { listServices(filter: $f) { items { id } } }"


@pytest.fixture(scope="module")
def open_server(home: Server) -> Iterator[Target]:
    """Yield a server on AWS that tells everything."""
    shown = {f"HOURBANK_{name}": "true" for name in ("INTROSPECTION", "SUGGESTIONS", "GRAPHIQL")}
    with serving(home, **shown) as target:
        yield target


@pytest.mark.parametrize("way", [way for way in WAYS if way != "appsync"])
@pytest.mark.parametrize("query", INTROSPECTIONS.values(), ids=INTROSPECTIONS)
async def test_members_may_not_introspect(measured_server: Target, way: str, query: str) -> None:
    name = "B" if "query B" in query else None
    async with measuring(measured_server) as cost:
        errors = await ask(measured_server, way, {"query": query, "operationName": name})
    assert [error["errorType"] for error in errors] == ["ValidationError"]
    assert "Introspection is turned off" in errors[0]["message"]
    cost.check()


async def test_an_applications_key_may_not_introspect_either(home: Server) -> None:
    key = "da2-abcdefghijklmnopqrstuvwxyz"
    with serving(home, HOURBANK_API_KEYS=key) as target:
        async with target.client() as client:
            answer = await client.post(
                "/graphql", json={"query": INTROSPECTIONS["schema"]}, headers={"x-api-key": key}
            )
    assert "Introspection is turned off" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("query", INTROSPECTIONS.values(), ids=INTROSPECTIONS)
async def test_administrators_may_introspect(measured_server: Target, query: str) -> None:
    name = "B" if "query B" in query else None
    assert await ask(measured_server, "http", {"query": query, "operationName": name}, "admin", "admin") == []


async def test_a_types_name_is_no_introspection(measured_server: Target) -> None:
    assert await ask(measured_server, "http", {"query": "{ __typename listServices { __typename } }"}) == []


@pytest.mark.parametrize(("query", "wrong"), GUESSES.values(), ids=GUESSES)
async def test_an_error_names_what_is_wrong_and_suggests_nothing(
    measured_server: Target, query: str, wrong: str
) -> None:
    async with measuring(measured_server) as cost:
        errors = await ask(measured_server, "http", {"query": query})
    assert errors
    assert any(wrong in error["message"] for error in errors)
    assert not any("Did you mean" in error["message"] for error in errors)
    cost.check()


@pytest.mark.parametrize("filter_", [{"titel": {"eq": "x"}}, {"title": {"eqq": "x"}}, {"andd": []}, {"ide": {}}])
@pytest.mark.parametrize("way", ["http", "graphql-transport-ws"])
async def test_variables_are_not_corrected_either(
    measured_server: Target, way: str, filter_: dict[str, object]
) -> None:
    errors = await ask(measured_server, way, {"query": VARIABLES, "variables": {"f": filter_}})
    assert errors
    assert not any("Did you mean" in error["message"] for error in errors)


@pytest.mark.parametrize("way", ["graphql-transport-ws", "appsync"])
async def test_subscriptions_are_not_corrected_either(measured_server: Target, way: str) -> None:
    errors = await ask(measured_server, way, {"query": "subscription { onCreatService { id } }"})
    assert "onCreatService" in errors[0]["message"]
    assert "Did you mean" not in errors[0]["message"]
    query = "subscription ($f: ModelSubscriptionServiceFilterInput) { onCreateService(filter: $f) { id } }"
    errors = await ask(measured_server, way, {"query": query, "variables": {"f": {"titel": {"eq": "x"}}}})
    assert errors
    assert not any("Did you mean" in error["message"] for error in errors)


@pytest.mark.parametrize(
    "path",
    [
        "/graphql",
        f"{ASSETS_PATH}/{manifest()['entries']['main']}",
        "/local/token/alice",
        "/docs",
        "/console",
        "/console/assets/main.js",
    ],
)
async def test_there_is_no_graphiql(measured_server: Target, path: str) -> None:
    async with measured_server.client() as client:
        answer = await client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 404


async def test_a_setting_turns_each_on(open_server: Target) -> None:
    assert await ask(open_server, "http", {"query": INTROSPECTIONS["schema"]}) == []
    errors = await ask(open_server, "http", {"query": GUESSES["field"][0]})
    assert "Did you mean" in errors[0]["message"]
    async with open_server.client() as client:
        answer = await client.get("/graphql", headers={"accept": "text/html"})
        assert answer.status_code == 200
        assert "HourBank" in answer.text
        # Tokens for everybody are a local server's only.
        assert (await client.get("/local/token/alice")).status_code == 404


async def test_a_local_server_tells_everything(home: Server) -> None:
    assert home.process
    target = Target(home.url, home.process.pid, home.directory)
    assert await ask(target, "http", {"query": INTROSPECTIONS["schema"]}) == []
    errors = await ask(target, "http", {"query": GUESSES["field"][0]})
    assert "Did you mean" in errors[0]["message"]


async def test_metrics_are_for_this_machine_and_not_for_who_comes_through_a_balancer(
    measured_server: Target,
) -> None:
    async with measured_server.client() as client:
        mine = await client.get("/metrics")
        passed_on = await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert (mine.status_code, passed_on.status_code) == (200, 404)
    assert 'hourbank_operations_total{kind="query",outcome="ok"}' in mine.text
    assert "hourbank" not in passed_on.text
