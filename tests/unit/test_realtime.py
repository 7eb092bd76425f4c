"""AppSync's real-time protocol, frame by frame, over real subscriptions on a stream in memory."""

import asyncio
import base64
import json
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from structlog.testing import capture_logs

from models import clock, tables
from resolvers import realtime, sockets
from resolvers.admission import Admission
from resolvers.change_feed import ChangeFeed
from resolvers.graphiql import GraphiQL
from resolvers.http import build_app
from resolvers.idempotency import Idempotency
from resolvers.identity import Caller, IssuerUnreachableError, UnauthenticatedError
from resolvers.realtime import RealtimeEndpoint
from resolvers.sockets import OPERATIONS
from resolvers.subscriptions import Subscriptions
from schema.amplify.answers import AnyInfo
from schema.amplify.build import MirrorSchema, build_schema
from tests.unit import asgi_socket
from tests.unit.asgi_socket import Socket
from tests.unit.fake_stream import FakeStream
from tests.unit.mirror import ALICE, BOB, MemoryStore, Told

if TYPE_CHECKING:
    from schema.amplify.answers import Answers

PATH = "/graphql/realtime"
API_KEY = "da2-abcdefghijklmnopqrstuvwxyz"
ACK = {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300_000}}
SERVICES = "subscription { onCreateService { id } }"
FILTERED = "subscription ($f: ModelSubscriptionServiceFilterInput) { onCreateService(filter: $f) { id } }"
REQUESTS = "subscription ($of: String) { onCreateServiceRequest(requesterId: $of) { id } }"


DEEP: dict[str, Any] = {}
for _ in range(200):
    DEEP = {"and": [DEEP]}


class Callers:
    """Knows alice, bob, and for so many seconds `alice 0.3`."""

    async def caller(self, authorization: str) -> Caller:
        name, _, seconds = authorization.partition(" ")
        known = {"alice": ALICE, "bob": BOB}.get(name)
        if known is None:
            raise UnauthenticatedError("Token expired" if name == "stale" else "Invalid token")
        expires = time.time() + float(seconds) if seconds else math.inf
        return Caller(known.sub, known.username, expires=expires)


class Town:
    """A server over a stream."""

    def __init__(self, schema: MirrorSchema) -> None:
        self.stream = FakeStream()
        self.store = MemoryStore()
        self.store.calls = self.stream
        self.feed = ChangeFeed(self.store, interval=0.01)
        self.schema = schema
        schema.answers = cast("Answers", Subscriptions(self.feed))
        self.app = build_app(
            schema=self.schema,
            store=self.store,
            admission=Admission(Callers(), [API_KEY]),
            graphiql=GraphiQL(),
            idempotency=Idempotency(self.store, clock.now),
            origins=["https://app.example"],
        )

    def write(self, name: str, **owners: str) -> None:
        """Let a row be created, in every table."""
        self.stream.write("1", name, texts=owners)

    def subscribers(self) -> int:
        """Return how many listen."""
        return sum(len(channel._subscribers) for channel in self.feed._channels.values())

    def connected(self, *subprotocols: str, **options: str) -> AbstractAsyncContextManager[Socket]:
        return asgi_socket.connected(self.app, PATH, ["graphql-ws", *subprotocols], **options)

    @asynccontextmanager
    async def client(self, token: str = "alice") -> AsyncIterator[Socket]:  # noqa: S107 — a name
        """Open a member's socket."""
        async with self.connected(header(Authorization=token)) as socket:
            assert (await socket.hear())["subprotocol"] == "graphql-ws"
            socket.say(type="connection_init")
            assert await socket.hear_json() == ACK
            assert await socket.hear_json() == {"type": "ka"}
            yield socket


def encoded(headers: object) -> str:
    """Return headers as Amplify writes them into a subprotocol."""
    return base64.urlsafe_b64encode(json.dumps(headers).encode()).decode().rstrip("=")


def header(**headers: str) -> str:
    return f"header-{encoded({'host': 'server', **headers})}"


def start(socket: Socket, id_: str, query: str = SERVICES, *, by: str = "alice", **variables: Any) -> None:
    """Say what Amplify says to subscribe."""
    authorization = {"host": "server", "Authorization": by, "x-amz-user-agent": "aws-amplify/6"}
    begin(socket, id_, {"query": query, "variables": variables}, authorization)


async def started(socket: Socket, id_: str, query: str = SERVICES, *, by: str = "alice", **variables: Any) -> None:
    """Subscribe, and wait until it listens."""
    start(socket, id_, query, by=by, **variables)
    assert await socket.hear_json() == {"id": id_, "type": "start_ack"}


def begin(socket: Socket, id_: str, operation: object, authorization: Mapping[str, str]) -> None:
    payload = {"data": json.dumps(operation), "extensions": {"authorization": authorization}}
    socket.say(id=id_, type="start", payload=payload)


def problem(frame: Mapping[str, Any]) -> str:
    """Return the error type of an error frame."""
    assert frame["type"] == "error", frame
    (error,) = frame["payload"]["errors"]
    assert error["message"]
    return str(error["errorType"])


@pytest.fixture(scope="module")
def schema() -> MirrorSchema:
    return build_schema(cast("Answers", None))


@pytest.fixture
async def town(schema: MirrorSchema) -> AsyncIterator[Town]:
    town = Town(schema)
    yield town
    await town.feed.aclose()


async def test_a_subscription_is_acknowledged_then_told(town: Town) -> None:
    async with town.client() as socket:
        start(socket, "1")
        assert await socket.hear_json() == {"id": "1", "type": "start_ack"}
        town.write("s")
        event = {"data": {"onCreateService": {"id": "s"}}}
        assert await socket.hear_json() == {"id": "1", "type": "data", "payload": event}


async def test_an_id_is_free_when_its_subscription_has_ended(town: Town) -> None:
    async with town.client() as socket:
        for _ in range(2):
            start(socket, "1")
            assert (await socket.hear_json())["type"] == "start_ack"
            socket.say(id="unknown", type="stop")
            socket.say(id="1", type="stop")
            assert await socket.hear_json() == {"id": "1", "type": "complete"}
        assert not town.subscribers()


async def test_an_id_that_is_taken_is_refused_and_its_subscription_goes_on(town: Town) -> None:
    async with town.client() as socket:
        await started(socket, "1")
        start(socket, "1", REQUESTS)
        assert problem(await socket.hear_json()) == "DuplicatedOperationError"
        town.write("s")
        assert (await socket.hear_json())["payload"] == {"data": {"onCreateService": {"id": "s"}}}


async def test_what_comes_at_once_comes_after_the_acknowledgement(town: Town) -> None:
    town.store.add(tables.Service, id="s", userId="sub-bob")
    town.schema.answers = cast("Answers", Told(town.store))
    async with town.client() as socket:
        start(socket, "1")
        assert await socket.hear_json() == {"id": "1", "type": "start_ack"}
        assert (await socket.hear_json())["payload"] == {"data": {"onCreateService": {"id": "s"}}}
        assert await socket.hear_json() == {"id": "1", "type": "complete"}
        start(socket, "1")
        assert await socket.hear_json() == {"id": "1", "type": "start_ack"}


async def test_a_stopped_subscription_is_over_when_that_is_told(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def endless(_: object, __: object, ___: object, info: AnyInfo, ____: object) -> AsyncIterator[Any]:
        try:
            info.context.listening.set()
            await asyncio.Event().wait()
            yield
        finally:
            await asyncio.sleep(0.01)
            ended.set()

    monkeypatch.setattr(Subscriptions, "subscribe", endless)
    async with town.client() as socket:
        await started(socket, "1")
        socket.say(id="1", type="stop")
        assert await socket.hear_json() == {"id": "1", "type": "complete"}
        assert ended.is_set()


async def test_every_subscription_is_its_own_callers(town: Town) -> None:
    async with town.client("alice") as socket:
        await started(socket, "a", REQUESTS, by="alice")
        await started(socket, "b", REQUESTS, by="bob", of="sub-bob")
        town.write("nobody's")
        town.write("alice's", requesterId="sub-alice")
        town.write("bob's", requesterId="sub-bob")
        told = [await socket.hear_json() for _ in range(2)]
        assert {frame["id"]: frame["payload"]["data"]["onCreateServiceRequest"]["id"] for frame in told} == {
            "a": "alice's",
            "b": "bob's",
        }


@pytest.mark.parametrize(
    ("operation", "error_type"),
    [
        ({"query": REQUESTS, "variables": {"of": "sub-bob"}}, "NotAuthorizedForField"),
        ({"query": "subscription { nothing }"}, "ValidationError"),
        ({"query": "subscription {"}, "ValidationError"),
        ({"query": ""}, "ValidationError"),
        ({"query": "subscription A { onCreateService { id } }", "operationName": "B"}, "ValidationError"),
        ({"query": "{ __typename }"}, "UnsupportedOperation"),
        ({"query": 'mutation { deleteService(input: {id: "s"}) { id } }'}, "UnsupportedOperation"),
        ({"query": "# " + "x" * 40_000 + "\n" + SERVICES}, "ValidationError"),
        ({"query": FILTERED, "variables": {"f": {"title": {"between": ["A"]}}}}, "BadRequest"),
        ({"query": FILTERED, "variables": {"f": {"or": [{}] * 20_000}}}, "ValidationError"),
        ({"query": FILTERED, "variables": {"f": DEEP}}, "ValidationError"),
        ({"query": SERVICES, "variables": []}, "ValidationError"),
        ({"query": 5}, "ValidationError"),
        ({}, "ValidationError"),
        ([], "BadRequestException"),
        ("x", "BadRequestException"),
    ],
)
async def test_a_refusal_says_why_and_leaves_the_others_alone(
    town: Town, operation: object, error_type: str
) -> None:
    async with town.client() as socket:
        await started(socket, "1")
        begin(socket, "2", operation, {"Authorization": "alice"})
        refused = await socket.hear_json()
        assert (refused["id"], problem(refused)) == ("2", error_type)
        await started(socket, "2", REQUESTS)
        town.write("s")
        assert (await socket.hear_json())["id"] == "1"


@pytest.mark.parametrize(
    ("authorization", "message"),
    [({"Authorization": "stale"}, "Token expired"), ({"Authorization": "x"}, "Invalid token"), ({}, "Missing")],
)
async def test_a_start_without_a_good_token_is_told_to_come_back_with_one(
    town: Town, authorization: dict[str, str], message: str
) -> None:
    async with town.client() as socket:
        await started(socket, "1")
        begin(socket, "2", {"query": SERVICES}, authorization)
        refused = await socket.hear_json()
        assert problem(refused) == "UnauthorizedException"
        assert message in refused["payload"]["errors"][0]["message"]
        town.write("s")
        assert (await socket.hear_json())["id"] == "1"


NO_HEADERS: dict[str, Any] = {"extensions": {"authorization": {}}}


@pytest.mark.parametrize(
    "payload", [None, "x", {}, {"data": "{}"}, {"data": {}} | NO_HEADERS, {"data": "{"} | NO_HEADERS]
)
async def test_a_start_that_lacks_something_is_refused(town: Town, payload: object) -> None:
    async with town.client() as socket:
        socket.say(id="1", type="start", payload=payload)
        assert problem(await socket.hear_json()) == "BadRequestException"


async def test_what_nobody_foresaw_ends_one_subscription_and_is_masked(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town.client() as socket:
        await started(socket, "1")
        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr(FakeStream, "describe_table", None)
            start(socket, "2", REQUESTS)
            refused = await socket.hear_json()
        assert problem(refused) == "InternalFailure"
        assert logs[0]["correlation_id"] in refused["payload"]["errors"][0]["message"]
        town.write("s")
        assert (await socket.hear_json())["id"] == "1"


async def test_an_event_with_a_field_that_failed_keeps_its_data(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryStore, "batch_get", None)
    async with town.client() as socket:
        await started(socket, "1", "subscription { onCreateService { id user { id } } }")
        with capture_logs():
            town.write("s", userId="sub-bob")
            payload = (await socket.hear_json())["payload"]
        assert payload["data"] == {"onCreateService": {"id": "s", "user": None}}
        assert [error["path"] for error in payload["errors"]] == [["onCreateService", "user"]]


async def test_a_socket_has_so_many_subscriptions_and_no_more(town: Town) -> None:
    async with town.client() as socket:
        for number in range(OPERATIONS):
            await started(socket, str(number))
        start(socket, "one more")
        assert problem(await socket.hear_json()) == "MaxSubscriptionsReachedError"
        socket.say(id="0", type="stop")
        assert (await socket.hear_json())["type"] == "complete"
        await started(socket, "one more")


async def test_a_subscriber_that_lags_is_told_so_and_may_start_again(town: Town) -> None:
    town.feed._queue = 2
    async with town.client() as socket:
        await started(socket, "1")
        for number in range(4):
            town.write(f"s{number}")
        assert problem(await socket.hear_json()) == "SubscriptionClosed"
        await started(socket, "1")


@pytest.mark.parametrize(
    "message",
    [
        [],
        None,
        5,
        {},
        {"type": 5},
        {"type": "x" * 500},
        {"type": "ping"},
        {"type": "start"},
        {"type": "start", "id": 5},
        {"type": "start", "id": ""},
        {"type": "start", "id": "x" * 129},
        {"type": "stop"},
        {"type": "stop", "id": {}},
        {"type": "connection_init"},
    ],
)
async def test_a_message_that_is_none_is_told_so_and_nothing_else_happens(town: Town, message: object) -> None:
    async with town.client() as socket:
        socket.say_json(message)
        told = await socket.hear_json()
        assert problem(told) in {"UnsupportedOperation", "BadRequestException"}
        assert "id" not in told
        await started(socket, "1")


@pytest.mark.parametrize("text", ["{", "", "[" * 100_000])
async def test_what_is_no_json_closes_the_socket(town: Town, text: str) -> None:
    async with town.client() as socket:
        socket.say_text(text)
        assert problem(await socket.hear_json()) == "BadRequestException"
        assert (await socket.hear())["code"] == 4400


async def test_a_binary_message_closes_the_socket(town: Town) -> None:
    async with town.client() as socket:
        socket.say_bytes(b"{}")
        assert problem(await socket.hear_json()) == "BadRequestException"
        assert (await socket.hear())["code"] == 4400


async def test_a_start_comes_after_the_init(town: Town) -> None:
    async with town.connected(header(Authorization="alice")) as socket:
        await socket.hear()
        start(socket, "1")
        assert problem(await socket.hear_json()) == "BadRequestException"
        socket.say(type="connection_init")
        assert await socket.hear_json() == ACK


async def test_the_init_is_not_waited_for_long(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime, "INIT_SECONDS", 0.02)
    async with town.connected(header(Authorization="alice")) as socket:
        await socket.hear()
        closed = await socket.hear()
        assert (closed["type"], closed["code"]) == ("websocket.close", 4408)


async def test_the_init_is_not_waited_for_twice(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime, "INIT_SECONDS", 0.1)
    async with town.client() as socket:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.received.get(), 0.2)
        await started(socket, "1")


TOLD = {"host": "server", "Authorization": "alice", "of": "~~~???>>>."}  # its base64 has all of + / =
PADDED = base64.b64encode(json.dumps(TOLD).encode()).decode()
URL_SAFE = PADDED.replace("+", "-").replace("/", "_")


@pytest.mark.parametrize("text", [PADDED, URL_SAFE, PADDED.rstrip("="), URL_SAFE.rstrip("=")])
async def test_headers_are_read_however_they_are_written(town: Town, text: str) -> None:
    assert {"+", "/", "="} <= set(PADDED)
    for place in (
        town.connected(f"header-{text}"),
        town.connected(query=f"header={text}&payload=e30="),
        town.connected(query=urlencode({"header": text, "payload": "e30="})),
    ):
        async with place as socket:
            assert (await socket.hear())["subprotocol"] == "graphql-ws"
            socket.say(type="connection_init", payload={})
            assert await socket.hear_json() == ACK


async def test_the_upgrade_request_may_carry_the_token(town: Town) -> None:
    async with town.connected(authorization="alice") as socket:
        await socket.hear()
        socket.say(type="connection_init")
        assert await socket.hear_json() == ACK
        await socket.hear_json()
        begin(socket, "1", {"query": SERVICES}, {})
        assert problem(await socket.hear_json()) == "UnauthorizedException"


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
    town: Town, subprotocol: str, error_type: str, code: int
) -> None:
    async with town.connected(subprotocol) as socket:
        await socket.hear()
        socket.say(type="connection_init")
        refused = await socket.hear_json()
        assert refused["type"] == "connection_error"
        (error,) = refused["payload"]["errors"]
        assert (error["errorType"], error["errorCode"]) == (error_type, code)
        assert error["message"]
        assert (await socket.hear())["type"] == "websocket.close"


async def test_a_connection_that_nobody_can_judge_now_is_not_refused_for_good(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> None:
        raise IssuerUnreachableError

    monkeypatch.setattr(Callers, "caller", unreachable)
    async with town.connected(header(Authorization="alice")) as socket:
        await socket.hear()
        socket.say(type="connection_init")
        closed = await socket.hear()
        assert (closed["type"], closed["code"]) == ("websocket.close", 1013)


async def test_an_application_connects_and_may_listen_to_nothing(town: Town) -> None:
    async with town.connected(header(**{"x-api-key": API_KEY, "x-amz-date": "20261121T000000Z"})) as socket:
        await socket.hear()
        socket.say(type="connection_init")
        assert await socket.hear_json() == ACK
        await socket.hear_json()
        begin(socket, "1", {"query": SERVICES}, {"x-api-key": API_KEY})
        refused = await socket.hear_json()
        assert problem(refused) == "NotAuthorizedForField"
        assert refused["payload"]["errors"][0]["message"] == (
            "Not Authorized to access onCreateService on type Subscription"
        )
        await started(socket, "2", by="alice")


async def test_a_client_hears_that_the_server_lives(town: Town) -> None:
    endpoint = RealtimeEndpoint(town.schema, town.store, Admission(Callers()), (), keep_alive=0.01)
    app = Starlette(routes=[WebSocketRoute(PATH, endpoint)])
    before = asyncio.all_tasks()
    async with asgi_socket.connected(app, PATH, ["graphql-ws", header(Authorization="alice")]) as socket:
        await socket.hear()
        socket.say(type="connection_init")
        assert await socket.hear_json() == ACK
        for _ in range(3):
            assert await socket.hear_json() == {"type": "ka"}
    assert asyncio.all_tasks() == before


async def test_a_socket_ends_with_its_token(town: Town) -> None:
    async with town.client("alice 0.1") as socket:
        assert (await socket.hear())["code"] == 4403


@pytest.mark.parametrize(("connected_by", "started_by"), [("alice 0.2", "alice"), ("alice", "alice 0.2")])
async def test_a_socket_ends_with_the_first_token_that_something_rests_on(
    town: Town, connected_by: str, started_by: str
) -> None:
    async with town.client(connected_by) as socket:
        began = time.monotonic()
        await started(socket, "1", by=started_by)
        closed = await socket.hear()
        assert (closed["code"], closed["reason"]) == (4403, "Token expired")
        assert time.monotonic() - began < 1
        await socket.ended.wait()
        assert not town.subscribers()


async def test_a_subscription_that_ended_does_not_end_the_socket_with_its_token(town: Town) -> None:
    async with town.client() as socket:
        await started(socket, "1")
        await started(socket, "2", by="alice 0.2")
        socket.say(id="2", type="stop")
        await socket.hear_json()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.received.get(), 0.4)


async def test_nothing_is_told_after_a_token_expired_while_the_clock_jumped(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    async with town.client() as socket:
        await started(socket, "1", by="alice 60")
        monkeypatch.setattr(time, "time", lambda: now + 61)
        town.write("s")
        assert (await socket.hear())["type"] == "websocket.close"


async def test_a_client_that_does_not_read_is_cut_off(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.05)
    async with town.client() as socket:
        await started(socket, "1")
        socket.received = asyncio.Queue(1)
        socket.received.put_nowait({"type": "the last that fits"})
        town.write("s")
        async with asyncio.timeout(3):
            await socket.ended.wait()
        assert not town.subscribers()


async def test_a_client_that_leaves_leaves_nothing_behind(town: Town) -> None:
    before = asyncio.all_tasks()
    async with town.client() as socket:
        await started(socket, "1")
        start(socket, "2", REQUESTS, of="sub-bob")
        assert problem(await socket.hear_json()) == "NotAuthorizedForField"
        start(socket, "3", REQUESTS)
    assert asyncio.all_tasks() == before
    assert not town.subscribers()


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        ("https://evil.example", "websocket.close"),
        ("https://app.example", "websocket.accept"),
        ("http://server", "websocket.accept"),
    ],
)
async def test_another_pages_socket_is_refused_unless_it_is_listed(town: Town, origin: str, answer: str) -> None:
    async with town.connected(header(Authorization="alice"), origin=origin) as socket:
        assert (await socket.hear())["type"] == answer


async def test_another_protocol_is_refused(town: Town) -> None:
    async with asgi_socket.connected(town.app, PATH, ["graphql-transport-ws"]) as socket:
        await socket.hear()
        assert (await socket.hear())["code"] == 4406
