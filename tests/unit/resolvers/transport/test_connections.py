"""How a real-time socket begins, who is let in, and when it ends."""

import asyncio
import base64
import json
import time
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from resolvers.hosting.settings import LOCAL_ORIGINS
from resolvers.identity.authentication import Authentication
from resolvers.identity.keys import IssuerUnreachableError
from resolvers.rates.meter import Meter
from resolvers.transport.over_sockets import appsync_realtime, sockets
from resolvers.transport.over_sockets.appsync_realtime import RealtimeEndpoint
from schema.strawberry_internals import graphql_schema
from tests.unit import asgi_socket
from tests.unit.leaps import leap
from tests.unit.rates import without_limits
from tests.unit.realtime import (
    ACK,
    API_KEY,
    PATH,
    REQUESTS,
    SERVICES,
    Callers,
    MemoryServer,
    begin,
    header,
    problem,
    start,
    started,
)


async def test_a_start_comes_after_the_init(memory_server: MemoryServer) -> None:
    async with memory_server.connected(header(Authorization="alice")) as socket:
        await socket.receive()
        start(socket, "1")
        assert problem(await socket.receive_json()) == "BadRequestException"
        socket.send(type="connection_init")
        assert await socket.receive_json() == ACK


async def test_the_init_is_not_waited_for_long(
    memory_server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appsync_realtime, "INIT_SECONDS", 0.02)
    async with memory_server.connected(header(Authorization="alice")) as socket:
        await socket.receive()
        closed = await socket.receive()
        assert (closed["type"], closed["code"]) == ("websocket.close", 4408)


async def test_the_init_is_not_waited_for_twice(memory_server: MemoryServer) -> None:
    async with memory_server.client() as socket:
        leap(sockets.INIT_SECONDS)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.received.get(), 0.1)
        await started(socket, "1")


SIGNED_HEADERS = {"host": "server", "Authorization": "alice", "of": "~~~???>>>."}  # its base64 has all of + / =
PADDED = base64.b64encode(json.dumps(SIGNED_HEADERS).encode()).decode()
URL_SAFE = PADDED.replace("+", "-").replace("/", "_")


@pytest.mark.parametrize("text", [PADDED, URL_SAFE, PADDED.rstrip("="), URL_SAFE.rstrip("=")])
async def test_headers_are_read_however_they_are_written(memory_server: MemoryServer, text: str) -> None:
    assert {"+", "/", "="} <= set(PADDED)
    for place in (
        memory_server.connected(f"header-{text}"),
        memory_server.connected(query=f"header={text}&payload=e30="),
        memory_server.connected(query=urlencode({"header": text, "payload": "e30="})),
    ):
        async with place as socket:
            assert (await socket.receive())["subprotocol"] == "graphql-ws"
            socket.send(type="connection_init", payload={})
            assert await socket.receive_json() == ACK


async def test_the_upgrade_request_may_carry_the_token(memory_server: MemoryServer) -> None:
    async with memory_server.connected(authorization="alice") as socket:
        await socket.receive()
        socket.send(type="connection_init")
        assert await socket.receive_json() == ACK
        await socket.receive_json()
        begin(socket, "1", {"query": SERVICES}, {})
        assert problem(await socket.receive_json()) == "UnauthorizedException"


@pytest.mark.parametrize(
    ("subprotocol", "error_type", "code"),
    [
        (header(Authorization="stale"), "UnauthorizedException", 401),
        (header(Authorization="x"), "UnauthorizedException", 401),
        (header(), "UnauthorizedException", 401),
        (header(**{"x-api-key": API_KEY + "x"}), "UnauthorizedException", 401),
        ("header-e30", "UnauthorizedException", 401),
        ("header-W10", "BadRequestException", 400),
        ("header-", "BadRequestException", 400),
        ("header-e3", "BadRequestException", 400),
        ("header-{}", "BadRequestException", 400),
        ("header-ä", "BadRequestException", 400),
        (header(Authorization="alice").replace("-", "-!!!!"), "BadRequestException", 400),
        ("another", "UnauthorizedException", 401),
    ],
)
async def test_a_connection_that_proves_nothing_is_refused_for_good(
    memory_server: MemoryServer, subprotocol: str, error_type: str, code: int
) -> None:
    async with memory_server.connected(subprotocol) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        refused = await socket.receive_json()
        assert refused["type"] == "connection_error"
        (error,) = refused["payload"]["errors"]
        assert (error["errorType"], error["errorCode"]) == (error_type, code)
        assert error["message"]
        assert (await socket.receive())["type"] == "websocket.close"


async def test_a_connection_that_nobody_can_judge_now_is_not_refused_for_good(
    memory_server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> None:
        raise IssuerUnreachableError(2)

    monkeypatch.setattr(Callers, "caller", unreachable)
    async with memory_server.connected(header(Authorization="alice")) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        closed = await socket.receive()
        assert (closed["type"], closed["code"]) == ("websocket.close", 1013)


async def test_an_application_connects_and_may_listen_to_nothing(memory_server: MemoryServer) -> None:
    async with memory_server.connected(
        header(**{"x-api-key": API_KEY, "x-amz-date": "20261121T000000Z"})
    ) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        assert await socket.receive_json() == ACK
        await socket.receive_json()
        begin(socket, "1", {"query": SERVICES}, {"x-api-key": API_KEY})
        refused = await socket.receive_json()
        assert problem(refused) == "NotAuthorizedForField"
        assert refused["payload"]["errors"][0]["message"] == (
            "Not Authorized to access onCreateService on type Subscription"
        )
        await started(socket, "2", by="alice")


async def test_a_client_hears_that_the_server_lives(memory_server: MemoryServer) -> None:
    schema = memory_server.schema
    meter = Meter(without_limits(), schema.documents, graphql_schema(schema))
    store = memory_server.store
    endpoint = RealtimeEndpoint(schema, store, Authentication(Callers()), (), meter, keep_alive=0.01)
    app = Starlette(routes=[WebSocketRoute(PATH, endpoint)])
    before = asyncio.all_tasks()
    async with asgi_socket.connected(app, PATH, ["graphql-ws", header(Authorization="alice")]) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        assert await socket.receive_json() == ACK
        for _ in range(3):
            assert await socket.receive_json() == {"type": "ka"}
    assert asyncio.all_tasks() == before


async def test_a_socket_ends_with_its_token(memory_server: MemoryServer) -> None:
    async with memory_server.client("alice 20") as socket:
        leap(20)
        assert (await socket.receive())["code"] == 4403


@pytest.mark.parametrize(("connected_by", "started_by"), [("alice 20", "alice"), ("alice", "alice 20")])
async def test_a_socket_ends_with_the_first_token_that_something_rests_on(
    memory_server: MemoryServer, connected_by: str, started_by: str
) -> None:
    async with memory_server.client(connected_by) as socket:
        await started(socket, "1", by=started_by)
        leap(20)
        closed = await socket.receive()
        assert (closed["code"], closed["reason"]) == (4403, "Token expired")
        await socket.ended.wait()
        assert not memory_server.subscribers()


async def test_a_subscription_that_ended_does_not_end_the_socket_with_its_token(
    memory_server: MemoryServer,
) -> None:
    async with memory_server.client() as socket:
        await started(socket, "1")
        await started(socket, "2", by="alice 20")
        socket.send(id="2", type="stop")
        await socket.receive_json()
        leap(20)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.received.get(), 0.1)


async def test_nothing_is_told_after_a_token_expired_while_the_clock_jumped(
    memory_server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    async with memory_server.client() as socket:
        await started(socket, "1", by="alice 60")
        monkeypatch.setattr(time, "time", lambda: now + 61)
        memory_server.write("s")
        assert (await socket.receive())["type"] == "websocket.close"


async def test_a_client_that_does_not_read_is_cut_off(
    memory_server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.05)
    async with memory_server.client() as socket:
        await started(socket, "1")
        socket.received = asyncio.Queue(1)
        socket.received.put_nowait({"type": "the last that fits"})
        memory_server.write("s")
        async with asyncio.timeout(3):
            await socket.ended.wait()
        assert not memory_server.subscribers()


async def test_a_client_that_leaves_leaves_nothing_behind(memory_server: MemoryServer) -> None:
    before = asyncio.all_tasks()
    async with memory_server.client() as socket:
        await started(socket, "1")
        start(socket, "2", REQUESTS, of="sub-bob")
        assert problem(await socket.receive_json()) == "NotAuthorizedForField"
        start(socket, "3", REQUESTS)
    assert asyncio.all_tasks() == before
    assert not memory_server.subscribers()


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        ("https://evil.example", "websocket.close"),
        ("https://app.example", "websocket.accept"),
        ("http://server", "websocket.accept"),
        *((origin, "websocket.accept") for origin in LOCAL_ORIGINS),
    ],
)
async def test_another_pages_socket_is_refused_unless_it_is_listed(
    memory_server: MemoryServer, origin: str, answer: str
) -> None:
    async with memory_server.connected(header(Authorization="alice"), origin=origin) as socket:
        assert (await socket.receive())["type"] == answer


async def test_another_protocol_is_refused(memory_server: MemoryServer) -> None:
    async with asgi_socket.connected(memory_server.app, PATH, ["graphql-transport-ws"]) as socket:
        await socket.receive()
        assert (await socket.receive())["code"] == 4406
