"""What callers over a limit are told, over HTTP and on sockets of both protocols, and that nobody else is."""

import json
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from models import tables
from resolvers.rates.limits import RateLimits
from resolvers.rates.rates import Rates
from schema.build import MirrorSchema
from tests.unit import asgi_socket
from tests.unit.asgi_socket import Socket
from tests.unit.rates import NO_LIMITS
from tests.unit.realtime import PATH, header, listening, problem, start, started
from tests.unit.resolvers.transport.app_in_memory import (
    API_KEY,
    BALANCE,
    SIGNED,
    app_in_memory,
    connected,
    signed_in,
)
from tests.unit.resolvers.transport.keyed_posts import CREATE, Rows

INTROSPECTION = {"query": "{ __schema { queryType { name } } }"}


def rates(**limits: Any) -> Rates:
    return Rates(RateLimits(**{**NO_LIMITS, **limits}))


def client_of(app: Starlette, address: str = "192.0.2.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://server")


async def statuses(client: httpx.AsyncClient, times: int, body: Any, **headers: str) -> list[int]:
    return [(await client.post("/graphql", json=body, headers=headers)).status_code for _ in range(times)]


@pytest.mark.parametrize(
    ("limits", "body"),
    [
        ({"requests": 3}, BALANCE),
        ({"requests": 3}, {"query": "{ nothing }"}),
        ({"requests": 3}, {"query": "{"}),
        ({"introspections": 3}, INTROSPECTION),
        ({"mutations": 3}, {"query": 'mutation { deleteMessage(input: { id: "m" }) { id } }'}),
        ({"units": 350}, {"query": "{ listServices { items { id } } }"}),
        ({"units": 350}, {"query": "query($f: String) { __typename }", "variables": {"f": "x" * 7_000}}),
        ({"stored_bytes": 30_000}, {**CREATE, "variables": {"unused": "x" * 9_000}}),
        ({"creations": 3}, CREATE),
    ],
)
async def test_whoever_asks_too_often_is_429(limits: dict[str, int], body: dict[str, Any]) -> None:
    async with client_of(app_in_memory(rates(**limits))) as client:
        assert await statuses(client, 3, body, **SIGNED) == [200, 200, 200]
        response = await client.post("/graphql", json=body, headers=SIGNED)
        assert response.status_code == 429
        assert 1 <= int(response.headers["retry-after"]) <= 24 * 60 * 60
        assert response.headers["x-amzn-errortype"] == "RATE_LIMITED"
        (error,) = response.json()["errors"]
        assert error["errorType"] == "RATE_LIMITED"
        assert error["errorInfo"]["limit"] == next(iter(limits))
        assert error["errorInfo"]["retryAfter"] == int(response.headers["retry-after"])
        assert "are allowed; try again in" in error["message"]


async def test_a_refused_mutation_has_done_nothing_and_its_key_is_free() -> None:
    limits = rates(mutations=1)
    app = app_in_memory(limits)
    async with client_of(app) as client:
        headers = {**SIGNED, "idempotency-key": "k"}
        assert await statuses(client, 2, CREATE, **SIGNED) == [200, 429]
        assert (await client.post("/graphql", json=CREATE, headers=headers)).status_code == 429
        limits._rates["mutations"]._counters._windows.clear()  # type: ignore[index]  # a StrEnum's value
        first = await client.post("/graphql", json=CREATE, headers=headers)
        assert first.status_code == 200


async def test_guests_and_applications_count_by_address() -> None:
    app = app_in_memory(rates(requests=2))
    async with client_of(app) as one, client_of(app, "192.0.2.2") as other:
        key = {"x-api-key": API_KEY}
        assert await statuses(one, 3, INTROSPECTION, **key) == [200, 200, 429]
        assert await statuses(other, 1, INTROSPECTION, **key) == [200]
        assert await statuses(one, 1, BALANCE, **SIGNED) == [200]


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "stale"}, {"x-api-key": API_KEY[:-1]}, {"x-api-key": ""}]
)
async def test_an_address_that_guesses_is_429_and_good_tokens_from_it_are_not(headers: dict[str, str]) -> None:
    app = app_in_memory(rates(refusals=3))
    async with client_of(app) as one, client_of(app, "192.0.2.2") as other:
        assert await statuses(one, 5, BALANCE, **headers) == [401, 401, 401, 429, 429]
        assert await statuses(other, 1, BALANCE, **headers) == [401]
        assert await statuses(one, 1, BALANCE, **SIGNED) == [200]


async def test_an_answer_that_may_not_be_stored_runs_again_with_the_same_effect() -> None:
    store = Rows()
    app = app_in_memory(rates(answer=10), store)
    async with client_of(app) as client:
        headers = {**SIGNED, "idempotency-key": "k"}
        answers = [await client.post("/graphql", json=CREATE, headers=headers) for _ in range(2)]
        assert answers[0].content == answers[1].content
        assert "idempotent-replayed" not in answers[1].headers
    assert sum(table is tables.Service for table, _ in store.rows) == 1


async def subscribed(socket: Socket, query: str, id_: str = "1") -> Any:
    socket.send(id=id_, type="subscribe", payload={"query": query})
    return await socket.receive_json()


@pytest.mark.parametrize(
    ("limits", "query"),
    [
        ({"requests": 1}, "{ __typename }"),
        ({"subscriptions": 1}, "subscription { onCreateUserBalance { userId } }"),
        ({"mutations": 1}, 'mutation { deleteMessage(input: { id: "m" }) { id } }'),
        ({"requests": 1}, "{ nothing }"),
    ],
)
async def test_an_operation_on_a_socket_is_refused_by_itself(limits: dict[str, int], query: str) -> None:
    async with signed_in(app_in_memory(rates(**limits))) as socket:
        first = await subscribed(socket, query)
        while first["type"] == "next":
            first = await socket.receive_json()
        refused = await subscribed(socket, query, "2")
        assert (refused["id"], refused["type"]) == ("2", "error")
        assert refused["payload"][0]["errorType"] == "RATE_LIMITED"
        socket.send(type="ping")
        assert await socket.receive_json() == {"type": "pong"}


@pytest.mark.parametrize("limits", [{"sockets": 2}, {"open_sockets": 2}])
async def test_too_many_sockets_are_told_to_come_back(limits: dict[str, int]) -> None:
    app = app_in_memory(rates(**limits))
    async with signed_in(app), signed_in(app), connected(app, **SIGNED) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        closed = await socket.receive()
        assert (closed["type"], closed["code"]) == ("websocket.close", 1013)
        assert closed["reason"].startswith("RATE_LIMITED: Too many ")


async def test_a_socket_that_was_closed_is_no_longer_counted() -> None:
    limits = rates(open_sockets=1)
    app = app_in_memory(limits)
    for _ in range(3):
        async with signed_in(app):
            pass
    assert not limits.open_sockets._held


async def test_bad_tokens_on_sockets_count_for_their_address() -> None:
    app = app_in_memory(rates(refusals=2))
    codes = []
    for _ in range(4):
        async with connected(app, authorization="bad") as socket:
            await socket.receive()
            socket.send(type="connection_init")
            codes.append((await socket.receive())["code"])
    assert codes == [4403, 4403, 1013, 1013]


async def test_amplify_hears_of_too_many_sockets_and_may_come_back(realtime_schema: MirrorSchema) -> None:
    async with listening(realtime_schema, rates(open_sockets=1)) as server, server.client():
        async with server.connected(header(Authorization="alice")) as socket:
            await socket.receive()
            socket.send(type="connection_init")
            refused = await socket.receive_json()
            (error,) = refused["payload"]["errors"]
            assert (refused["type"], error["errorType"], error["errorCode"]) == (
                "connection_error",
                "RATE_LIMITED",
                429,
            )
            assert (await socket.receive())["code"] == 1013
        async with server.client("bob"):
            pass


@pytest.mark.parametrize(
    "limits", [{"subscriptions": 2}, {"open_subscriptions": 2}, {"requests": 2}, {"units": 500}]
)
async def test_a_subscription_of_amplify_is_refused_by_itself(
    realtime_schema: MirrorSchema, limits: dict[str, int]
) -> None:
    query = "subscription { onCreateService { id } }" + "#" * (1_900 if "units" in limits else 0)
    async with listening(realtime_schema, rates(**limits)) as server, AsyncExitStack() as stack:
        first = await stack.enter_async_context(server.client())
        second = await stack.enter_async_context(server.client())
        await started(first, "1", query)
        await started(second, "2", f"{query} ")
        start(second, "3", f"{query}  ")
        assert problem(await second.receive_json()) == "RATE_LIMITED"
        server.write("s")
        assert (await second.receive_json())["id"] == "2"
        other = await stack.enter_async_context(server.client("bob"))
        await started(other, "1", query, by="bob")


async def test_a_subscription_that_ended_is_no_longer_counted(realtime_schema: MirrorSchema) -> None:
    limits = rates(open_subscriptions=1)
    async with listening(realtime_schema, limits) as server, server.client() as socket:
        for number in range(3):
            await started(socket, str(number))
            socket.send(id=str(number), type="stop")
            assert await socket.receive_json() == {"id": str(number), "type": "complete"}
    assert not limits.open_operations._held


async def test_a_token_that_amplify_guesses_counts_for_its_address(realtime_schema: MirrorSchema) -> None:
    async with listening(realtime_schema, rates(refusals=1)) as server, server.client() as socket:
        for number, expected in enumerate(["UnauthorizedException", "RATE_LIMITED"]):
            start(socket, str(number), by="guess")
            assert problem(await socket.receive_json()) == expected
        async with asgi_socket.connected(
            server.app, PATH, ["graphql-ws", header(Authorization="guess")]
        ) as guessing:
            await guessing.receive()
            guessing.send(type="connection_init")
            assert json.loads((await guessing.receive())["text"])["payload"]["errors"][0]["errorCode"] == 429
