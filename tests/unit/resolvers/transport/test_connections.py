"""How a real-time socket is opened, authenticated and closed."""

import asyncio
import base64
import json
import time
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import IssuerUnreachableError
from resolvers.transport import appsync_realtime, sockets
from resolvers.transport.appsync_realtime import RealtimeEndpoint
from tests.unit import asgi_socket
from tests.unit.realtime import (
    ACK,
    API_KEY,
    PATH,
    REQUESTS,
    SERVICES,
    FakeVerifier,
    StreamServer,
    begin,
    header,
    problem,
    start,
    started,
)


async def test_a_start_comes_after_the_init(server: StreamServer) -> None:
    async with server.connected(header(Authorization="alice")) as socket:
        await socket.receive()
        start(socket, "1")
        assert problem(await socket.receive_json()) == "BadRequestException"
        socket.send(type="connection_init")
        assert await socket.receive_json() == ACK


async def test_the_init_is_not_waited_for_long(server: StreamServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appsync_realtime, "INIT_SECONDS", 0.02)
    async with server.connected(header(Authorization="alice")) as socket:
        await socket.receive()
        closed = await socket.receive()
        assert (closed["type"], closed["code"]) == ("websocket.close", 4408)


async def test_the_init_is_not_waited_for_twice(server: StreamServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appsync_realtime, "INIT_SECONDS", 0.1)
    async with server.client() as socket:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.received.get(), 0.2)
        await started(socket, "1")


HEADERS = {"host": "server", "Authorization": "alice", "of": "~~~???>>>."}  # its base64 has all of + / =
PADDED = base64.b64encode(json.dumps(HEADERS).encode()).decode()
URL_SAFE = PADDED.replace("+", "-").replace("/", "_")


@pytest.mark.parametrize("text", [PADDED, URL_SAFE, PADDED.rstrip("="), URL_SAFE.rstrip("=")])
async def test_headers_are_read_however_they_are_written(server: StreamServer, text: str) -> None:
    assert {"+", "/", "="} <= set(PADDED)
    for place in (
        server.connected(f"header-{text}"),
        server.connected(query=f"header={text}&payload=e30="),
        server.connected(query=urlencode({"header": text, "payload": "e30="})),
    ):
        async with place as socket:
            assert (await socket.receive())["subprotocol"] == "graphql-ws"
            socket.send(type="connection_init", payload={})
            assert await socket.receive_json() == ACK


async def test_the_upgrade_request_may_carry_the_token(server: StreamServer) -> None:
    async with server.connected(authorization="alice") as socket:
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
async def test_an_unauthenticated_connection_is_refused_for_good(
    server: StreamServer, subprotocol: str, error_type: str, code: int
) -> None:
    async with server.connected(subprotocol) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        refused = await socket.receive_json()
        assert refused["type"] == "connection_error"
        (error,) = refused["payload"]["errors"]
        assert (error["errorType"], error["errorCode"]) == (error_type, code)
        assert error["message"]
        assert (await socket.receive())["type"] == "websocket.close"


async def test_no_connection_is_refused_for_good_while_the_issuer_is_unreachable(
    server: StreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> None:
        raise IssuerUnreachableError

    monkeypatch.setattr(FakeVerifier, "caller", unreachable)
    async with server.connected(header(Authorization="alice")) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        closed = await socket.receive()
        assert (closed["type"], closed["code"]) == ("websocket.close", 1013)


async def test_an_application_connects_and_may_listen_to_nothing(server: StreamServer) -> None:
    async with server.connected(header(**{"x-api-key": API_KEY, "x-amz-date": "20261121T000000Z"})) as socket:
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


async def test_a_client_gets_keep_alive_messages(server: StreamServer) -> None:
    endpoint = RealtimeEndpoint(server.schema, server.store, Authentication(FakeVerifier()), (), keep_alive=0.01)
    app = Starlette(routes=[WebSocketRoute(PATH, endpoint)])
    before = asyncio.all_tasks()
    async with asgi_socket.connected(app, PATH, ["graphql-ws", header(Authorization="alice")]) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        assert await socket.receive_json() == ACK
        for _ in range(3):
            assert await socket.receive_json() == {"type": "ka"}
    assert asyncio.all_tasks() == before


async def test_a_socket_ends_with_its_token(server: StreamServer) -> None:
    async with server.client("alice 0.1") as socket:
        assert (await socket.receive())["code"] == 4403


@pytest.mark.parametrize(("connected_by", "started_by"), [("alice 0.2", "alice"), ("alice", "alice 0.2")])
async def test_a_socket_ends_with_the_first_of_its_tokens(
    server: StreamServer, connected_by: str, started_by: str
) -> None:
    async with server.client(connected_by) as socket:
        began = time.monotonic()
        await started(socket, "1", by=started_by)
        closed = await socket.receive()
        assert (closed["code"], closed["reason"]) == (4403, "Token expired")
        assert time.monotonic() - began < 1
        await socket.ended.wait()
        assert not server.subscribers()


async def test_a_subscription_that_ended_does_not_end_the_socket_with_its_token(server: StreamServer) -> None:
    async with server.client() as socket:
        await started(socket, "1")
        await started(socket, "2", by="alice 0.2")
        socket.send(id="2", type="stop")
        await socket.receive_json()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.received.get(), 0.4)


async def test_no_event_is_sent_after_a_token_expired_while_the_clock_jumped(
    server: StreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    async with server.client() as socket:
        await started(socket, "1", by="alice 60")
        monkeypatch.setattr(time, "time", lambda: now + 61)
        server.write("s")
        assert (await socket.receive())["type"] == "websocket.close"


async def test_a_client_that_does_not_read_is_cut_off(
    server: StreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.05)
    async with server.client() as socket:
        await started(socket, "1")
        socket.received = asyncio.Queue(1)
        socket.received.put_nowait({"type": "the last that fits"})
        server.write("s")
        async with asyncio.timeout(3):
            await socket.ended.wait()
        assert not server.subscribers()


async def test_nothing_runs_on_after_a_client_has_left(server: StreamServer) -> None:
    before = asyncio.all_tasks()
    async with server.client() as socket:
        await started(socket, "1")
        start(socket, "2", REQUESTS, of="sub-bob")
        assert problem(await socket.receive_json()) == "NotAuthorizedForField"
        start(socket, "3", REQUESTS)
    assert asyncio.all_tasks() == before
    assert not server.subscribers()


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        ("https://evil.example", "websocket.close"),
        ("https://app.example", "websocket.accept"),
        ("http://server", "websocket.accept"),
    ],
)
async def test_another_pages_socket_is_refused_unless_it_is_listed(
    server: StreamServer, origin: str, answer: str
) -> None:
    async with server.connected(header(Authorization="alice"), origin=origin) as socket:
        assert (await socket.receive())["type"] == answer


async def test_another_protocol_is_refused(server: StreamServer) -> None:
    async with asgi_socket.connected(server.app, PATH, ["graphql-transport-ws"]) as socket:
        await socket.receive()
        assert (await socket.receive())["code"] == 4406
