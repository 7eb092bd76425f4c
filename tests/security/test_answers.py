"""An answer's size and time are bounded: bytes are counted before they are multiplied in memory."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette

from models import clock
from resolvers.identity.authentication import Authentication
from resolvers.rates.limits import RateLimits
from resolvers.rates.rates import Rates
from resolvers.transport.app import build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.departures import WATCHED_AFTER
from resolvers.transport.over_http.idempotency import Idempotency
from schema.build import build_schema
from schema.documents.metering import AnswerLimits
from schema.types import CATALOGUE
from tests.security.many_rows import LONGEST, answer, filled, only
from tests.security.stretches import ANSWER_SECONDS, least_stretches
from tests.unit.asgi_socket import Socket, connected
from tests.unit.mirror import MemoryStore, schema_over
from tests.unit.rates import without_limits
from tests.unit.realtime import Callers, header, problem, start

MEGABYTE = 1_000_000
TEXT = "x" * LONGEST
MANY = " ".join(f"a{n}: description" for n in range(30))
LONG_ALIAS = "y" * 20_000


@pytest.mark.parametrize(
    ("description", "query"),
    [
        (TEXT, f"{{ listServices {{ items {{ {MANY} }} }} }}"),
        ("ü" * LONGEST, "{ listServices(limit: 100) { items { description b: description } } }"),
        ("\x01" * LONGEST, "{ listServices(limit: 30) { items { description } } }"),
        ('"' * LONGEST, "{ listServices(limit: 80) { items { description } } }"),
        ("short", f"{{ listServices(limit: 400) {{ items {{ {LONG_ALIAS}: id }} }} }}"),
        (TEXT, "{ listServices(limit: 200) { items { id user { username } description } } }"),
    ],
)
async def test_a_long_answer_ends_at_five_megabytes(description: str, query: str) -> None:
    store = filled(400, description=description, tags=["a"])
    schema = schema_over(store)
    _, taken = await least_stretches(lambda: answer(schema, store, query))
    assert taken.total < ANSWER_SECONDS
    tracemalloc.start()
    try:
        data, errors = await answer(schema, store, query)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert data is None
    only(errors, "LimitExceeded", "at most 5000000 bytes")
    assert most < 8 * MEGABYTE


async def test_an_answer_within_the_limit_is_whole() -> None:
    store = filled(100, description=TEXT, tags=[])
    data, errors = await answer(schema_over(store), store, "{ listServices { items { description } } }")
    assert errors == []
    assert len(orjson.dumps(data)) > 4 * MEGABYTE


@pytest.mark.parametrize("alias", ["a", "b" * 30_000])
async def test_errors_are_bounded_too(alias: str) -> None:
    store = filled(900)
    schema = schema_over(store)
    query = "{{ listServices(limit: {}) {{ items {{ {}: bookings(limit: 0) {{ nextToken }} }} }} }}"
    data, errors = await answer(schema, store, query.format(900, alias))
    assert data is None
    only(errors, "LimitExceeded", "at most 500 errors" if alias == "a" else "at most 5000000 bytes")
    data, errors = await answer(schema, store, query.format(400, "b"))
    assert [error["errorType"] for error in errors] == ["BadRequest"] * 400
    assert data == {"listServices": {"items": [{"b": None}] * 400}}


class SlowStore(MemoryStore):
    """Tables whose rows come late."""

    def __init__(self) -> None:
        super().__init__()
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cancelled = 0

    async def _wait(self) -> None:
        self.began.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def get(self, *args: Any, **options: Any) -> Any:
        await self._wait()
        return await super().get(*args, **options)

    async def put(self, *args: Any, **options: Any) -> None:
        await self._wait()
        await super().put(*args, **options)


@pytest.fixture
def slow() -> SlowStore:
    return SlowStore()


async def test_a_query_that_takes_too_long_ends_with_an_error(slow: SlowStore) -> None:
    hurried = build_schema(CATALOGUE, schema_over(slow).resolver, answers=AnswerLimits(seconds=0.05))
    queries = [
        '{ getUser(id: "a") { id } }',
        '{ a: getUser(id: "a") { id } b: getService(id: "b") { id } __typename }',
        '{ getUserBalance(userId: "sub-alice") { userId } }',
        "query ($id: ID!) { getService(id: $id) { user { id } } }",
    ]
    for query in queries:
        data, errors = await answer(hurried, slow, query, id="a")
        assert data is None
        only(errors, "ExecutionTimeout", "took longer than 0.05 seconds")
    assert slow.cancelled == 5


async def test_a_mutation_has_its_own_patience(slow: SlowStore) -> None:
    hurried = build_schema(CATALOGUE, schema_over(slow).resolver, answers=AnswerLimits(seconds=0.05))
    running = asyncio.create_task(answer(hurried, slow, CREATE))
    await asyncio.sleep(0.15)
    slow.go_on.set()
    data, errors = await running
    assert (data["createService"], errors) == ({"title": "a"}, [])


CREATE = """mutation {
    createService(input: {title: "a", description: "b", category: "c", isActive: true, tags: []}) { title }
}"""


class Client:
    """An HTTP client that may go away, over ASGI."""

    def __init__(self, app: Starlette, query: str) -> None:
        self.sent: list[Any] = []
        self.left = asyncio.Event()
        self._messages: list[Any] = [{"type": "http.request", "body": orjson.dumps({"query": query})}]
        headers = [(b"content-type", b"application/json"), (b"authorization", b"alice"), (b"host", b"server")]
        scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
        self.answered = asyncio.create_task(app({**scope, "scheme": "http"}, self._receive, self._send))

    async def _receive(self) -> Any:
        if self._messages:
            return self._messages.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    async def until_answered(self) -> None:
        """Wait until the server is done with the request."""
        async with asyncio.timeout(1):
            await self.answered


def served(store: MemoryStore, rates: Rates | None = None, /, **answers: int) -> Starlette:
    """Return the app over a store."""
    return build_app(
        schema=build_schema(CATALOGUE, schema_over(store).resolver, answers=AnswerLimits(**answers)),
        store=store,
        authentication=Authentication(Callers(), []),
        graphiql=GraphiQL("HourBank"),
        idempotency=Idempotency(store, clock.now),
        rates=rates or without_limits(),
    )


@pytest.mark.parametrize(
    "query",
    [
        '{ getUser(id: "a") { id } }',
        '{ getService(id: "a") { id } b: getUser(id: "a") { id } }',
        'query A { ...F } fragment F on Query { getUserBalance(userId: "sub-alice") { userId } }',
        '{ getServiceRequest(id: "a") { id } }',
    ],
)
async def test_the_query_of_a_client_who_left_is_cancelled(slow: SlowStore, query: str) -> None:
    client = Client(served(slow), query)
    await slow.began.wait()
    await asyncio.sleep(2 * WATCHED_AFTER)
    assert slow.cancelled == 0
    client.left.set()
    await client.until_answered()
    assert slow.cancelled == query.count("get")


async def test_the_mutation_of_a_client_who_left_goes_on(slow: SlowStore) -> None:
    client = Client(served(slow), CREATE)
    await slow.began.wait()
    client.left.set()
    await asyncio.sleep(2 * WATCHED_AFTER)
    slow.go_on.set()
    await client.until_answered()
    assert [row["title"] for row in slow.rows.values()] == [{"S": "a"}]
    assert slow.cancelled == 0


START = """mutation { createServiceRequest(input: {serviceId: "a", requesterId: "sub-alice", providerId: "b",
    status: INITIATED, estimatedHours: 1, negotiationRound: 0}) { id } }"""


async def test_the_start_of_a_client_who_left_while_it_waited_is_dropped(slow: SlowStore) -> None:
    rates = Rates(RateLimits(starts_at_once=1, start_interval=0))
    async with rates.starting("sub-alice"):
        client = Client(served(slow, rates), START)
        await asyncio.sleep(2 * WATCHED_AFTER)
        assert not client.answered.done()
        client.left.set()
        await client.until_answered()
    assert not slow.began.is_set()
    async with asyncio.timeout(1), rates.starting("sub-alice"):
        pass


async def test_a_client_who_waits_is_answered(slow: SlowStore) -> None:
    client = Client(served(slow), '{ getService(id: "a") { id } }')
    await slow.began.wait()
    await asyncio.sleep(2 * WATCHED_AFTER)
    slow.go_on.set()
    await client.until_answered()
    assert orjson.loads(client.sent[-1]["body"]) == {"data": {"getService": None}}


@asynccontextmanager
async def socket_of(store: MemoryStore, path: str, **answers: int) -> AsyncIterator[Socket]:
    """Open a socket of one of the protocols, and initialize the connection."""
    protocol = header(Authorization="alice")
    protocols = ["graphql-transport-ws"] if path == "/graphql" else ["graphql-ws", protocol]
    async with connected(served(store, **answers), path, protocols, authorization="alice") as socket:
        await socket.receive()
        socket.send(type="connection_init")
        assert (await socket.receive_json())["type"] == "connection_ack"
        yield socket


async def test_a_subscriptions_event_is_bounded_on_graphql_transport_ws() -> None:
    store = filled(3, description=TEXT)
    for query, limit in (
        (f"subscription {{ onCreateService {{ {MANY} }} }}", "at most 1000000 bytes"),
        ("subscription { onCreateService { user { username } tags } }", None),
    ):
        async with socket_of(store, "/graphql", bytes=MEGABYTE) as socket:
            socket.send(type="subscribe", id="1", payload={"query": query})
            event = await socket.receive_json()
            assert event["type"] == "next"
            if limit is None:
                assert len(event["payload"]["data"]["onCreateService"]["tags"]) == 50
            else:
                assert event["payload"]["data"] is None
                only(event["payload"]["errors"], "LimitExceeded", limit)


async def test_a_subscriptions_event_is_bounded_on_appsyncs_protocol() -> None:
    store = filled(3, description=TEXT)
    async with socket_of(store, "/graphql/realtime", bytes=MEGABYTE) as socket:
        assert await socket.receive_json() == {"type": "ka"}
        start(socket, "1", f"subscription {{ onCreateService {{ {MANY} }} }}")
        assert problem(await socket.receive_json()) == "LimitExceeded"


async def test_a_query_on_a_socket_is_bounded_and_ends_with_it(slow: SlowStore) -> None:
    slow.rows = filled(10, description=TEXT).rows
    async with socket_of(slow, "/graphql", bytes=MEGABYTE) as socket:
        socket.send(type="subscribe", id="1", payload={"query": f"{{ listServices {{ items {{ {MANY} }} }} }}"})
        only((await socket.receive_json())["payload"]["errors"], "LimitExceeded", "1000000 bytes")
        assert (await socket.receive_json())["type"] == "complete"
        for number in range(2, 6):
            slow.began.clear()
            socket.send(type="subscribe", id=str(number), payload={"query": '{ getService(id: "a") { id } }'})
            await slow.began.wait()
        socket.send(type="complete", id="2")
        await asyncio.sleep(0.01)
        assert slow.cancelled == 1
    await asyncio.sleep(0.01)
    assert slow.cancelled == 4


async def test_a_mutation_on_a_socket_goes_on(slow: SlowStore) -> None:
    async with socket_of(slow, "/graphql") as socket:
        socket.send(type="subscribe", id="1", payload={"query": CREATE})
        await slow.began.wait()
    await asyncio.sleep(0.01)
    assert slow.cancelled == 0
    slow.go_on.set()
    await asyncio.sleep(0.01)
    assert [row["title"] for row in slow.rows.values()] == [{"S": "a"}]
