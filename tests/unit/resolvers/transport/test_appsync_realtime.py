"""AppSync's real-time protocol, frame by frame, over real subscriptions on a stream in memory."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from structlog.testing import capture_logs

from models import tables
from resolvers.feed.limits import SubscriptionLimits
from resolvers.transport.over_sockets.sockets import OPERATIONS
from schema.amplify.resolver import AnyInfo
from tests.unit.fake_stream import FakeStream
from tests.unit.mirror import MemoryStore, StoredRowEvents
from tests.unit.realtime import FILTERED, REQUESTS, SERVICES, MemoryServer, begin, problem, start, started

if TYPE_CHECKING:
    from schema.amplify.resolver import MirrorResolver

# A directive lets graphql-core run a subscription, as it does where nothing is answered together.
BY_ITSELF = "subscription { onCreateService { id @include(if: true) } }"
DEEP: dict[str, Any] = {}
for _ in range(200):
    DEEP = {"and": [DEEP]}


async def test_a_subscription_is_acknowledged_then_told(memory_server: MemoryServer) -> None:
    async with memory_server.client() as socket:
        start(socket, "1")
        assert await socket.receive_json() == {"id": "1", "type": "start_ack"}
        memory_server.write("s")
        event = {"data": {"onCreateService": {"id": "s"}}}
        assert await socket.receive_json() == {"id": "1", "type": "data", "payload": event}


async def test_an_id_is_free_when_its_subscription_has_ended(memory_server: MemoryServer) -> None:
    async with memory_server.client() as socket:
        for _ in range(2):
            start(socket, "1")
            assert (await socket.receive_json())["type"] == "start_ack"
            socket.send(id="unknown", type="stop")
            socket.send(id="1", type="stop")
            assert await socket.receive_json() == {"id": "1", "type": "complete"}
        assert not memory_server.subscribers()


async def test_an_id_that_is_taken_is_refused_and_its_subscription_goes_on(memory_server: MemoryServer) -> None:
    async with memory_server.client() as socket:
        await started(socket, "1")
        start(socket, "1", REQUESTS)
        assert problem(await socket.receive_json()) == "DuplicatedOperationError"
        memory_server.write("s")
        assert (await socket.receive_json())["payload"] == {"data": {"onCreateService": {"id": "s"}}}


async def test_a_second_start_is_refused_after_the_first_is_acknowledged(memory_server: MemoryServer) -> None:
    async with memory_server.client() as socket:
        for _ in range(3):
            start(socket, "1")
        assert await socket.receive_json() == {"id": "1", "type": "start_ack"}
        for _ in range(2):
            refused = await socket.receive_json()
            assert (refused["id"], problem(refused)) == ("1", "DuplicatedOperationError")
        memory_server.write("s")
        assert (await socket.receive_json())["payload"] == {"data": {"onCreateService": {"id": "s"}}}


async def test_a_second_start_is_refused_after_the_first_was(memory_server: MemoryServer) -> None:
    async with memory_server.client() as socket:
        start(socket, "1", by="stale")
        start(socket, "1")
        frames = [await socket.receive_json() for _ in range(2)]
        assert [problem(frame) for frame in frames] == ["UnauthorizedException", "DuplicatedOperationError"]
        await started(socket, "1")


async def test_a_second_start_is_refused_before_the_first_is_complete(
    memory_server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield

    monkeypatch.setattr(memory_server.schema.resolver, "subscribe", silent)
    async with memory_server.client() as socket:
        for _ in range(2):
            start(socket, "1", BY_ITSELF)
        socket.send(id="1", type="stop")
        assert problem(await socket.receive_json()) == "DuplicatedOperationError"
        assert await socket.receive_json() == {"id": "1", "type": "complete"}


async def test_half_a_character_is_called_so_and_closes_no_socket(memory_server: MemoryServer) -> None:
    filter_ = {"title": {"eq": "\ud800"}}
    authorization = {"Authorization": "alice"}
    async with memory_server.client() as socket:
        begin(socket, "1", {"query": FILTERED, "variables": {"f": filter_}}, authorization)
        refused = await socket.receive_json()
        assert (refused["id"], problem(refused)) == ("1", "ValidationError")
        assert "a lone surrogate at variables.f.title.eq" in refused["payload"]["errors"][0]["message"]
        begin(socket, "1", {"query": SERVICES}, {"Authorization": "\ud800"})
        refused = await socket.receive_json()
        assert "a lone surrogate at Authorization" in refused["payload"]["errors"][0]["message"]
        socket.send(id="\ud800", type="start", payload=None)
        assert (await socket.receive_json())["id"] == "\ud800"
        await started(socket, "1")


@pytest.mark.parametrize(
    "filter_",
    [
        {"hourlyRate": {"eq": 1e200}},
        {"hourlyRate": {"in": [-1e-200]}},
        {"title": {"between": ["b", "a"]}},
        {"or": [{"advanceBookingDays": {"eq": n}} for n in range(300)]},
    ],
)
async def test_what_a_list_refuses_a_subscription_refuses(
    memory_server: MemoryServer, filter_: dict[str, Any]
) -> None:
    async with memory_server.client() as socket:
        start(socket, "1", FILTERED, f=filter_)
        assert problem(await socket.receive_json()) == "BadRequest"


async def test_a_subscription_compares_moments_in_any_spelling_and_no_computed_field(
    memory_server: MemoryServer,
) -> None:
    async with memory_server.client() as socket:
        query = "subscription ($f: ModelSubscriptionUserFilterInput) { onCreateUser(filter: $f) { id } }"
        start(socket, "1", query, f={"or": [{"bankHours": {"ge": 10}}]})
        refused = await socket.receive_json()
        assert problem(refused) == "BadRequest"
        assert "listUserBalances" in refused["payload"]["errors"][0]["message"]
        await started(socket, "1", FILTERED, f={"updatedAt": {"eq": "2026-12-01T11:00+01:00"}})
        memory_server.write("other", updatedAt="2026-12-01T11:00:00.000Z")
        memory_server.write("same", updatedAt="2026-12-01T10:00:00.000Z")
        assert (await socket.receive_json())["payload"] == {"data": {"onCreateService": {"id": "same"}}}


async def test_what_comes_at_once_comes_after_the_acknowledgement(memory_server: MemoryServer) -> None:
    memory_server.store.add(tables.Service, id="s", userId="sub-bob")
    memory_server.schema.resolver = cast("MirrorResolver", StoredRowEvents(memory_server.store))
    async with memory_server.client() as socket:
        start(socket, "1")
        assert await socket.receive_json() == {"id": "1", "type": "start_ack"}
        assert (await socket.receive_json())["payload"] == {"data": {"onCreateService": {"id": "s"}}}
        assert await socket.receive_json() == {"id": "1", "type": "complete"}
        start(socket, "1")
        assert await socket.receive_json() == {"id": "1", "type": "start_ack"}


async def test_a_stopped_subscription_is_over_when_that_is_told(
    memory_server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def endless(_: object, __: object, info: AnyInfo, ___: object) -> AsyncIterator[Any]:
        try:
            info.context.listening.set()
            await asyncio.Event().wait()
            yield
        finally:
            await asyncio.sleep(0.01)
            ended.set()

    monkeypatch.setattr(memory_server.schema.resolver, "subscribe", endless)
    async with memory_server.client() as socket:
        await started(socket, "1", BY_ITSELF)
        socket.send(id="1", type="stop")
        assert await socket.receive_json() == {"id": "1", "type": "complete"}
        assert ended.is_set()


async def test_every_subscription_is_its_own_callers(memory_server: MemoryServer) -> None:
    async with memory_server.client("alice") as socket:
        await started(socket, "a", REQUESTS, by="alice")
        await started(socket, "b", REQUESTS, by="bob", of="sub-bob")
        memory_server.write("nobody's")
        memory_server.write("alice's", requesterId="sub-alice")
        memory_server.write("bob's", requesterId="sub-bob")
        frames = [await socket.receive_json() for _ in range(2)]
        assert {frame["id"]: frame["payload"]["data"]["onCreateServiceRequest"]["id"] for frame in frames} == {
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
        ({"query": "subscription A { onCreateService { id } } query B { __typename }"}, "ValidationError"),
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
    memory_server: MemoryServer, operation: object, error_type: str
) -> None:
    async with memory_server.client() as socket:
        await started(socket, "1")
        begin(socket, "2", operation, {"Authorization": "alice"})
        refused = await socket.receive_json()
        assert (refused["id"], problem(refused)) == ("2", error_type)
        await started(socket, "2", REQUESTS)
        memory_server.write("s")
        assert (await socket.receive_json())["id"] == "1"


@pytest.mark.parametrize(
    ("authorization", "message"),
    [({"Authorization": "stale"}, "Token expired"), ({"Authorization": "x"}, "Invalid token"), ({}, "Missing")],
)
async def test_a_start_without_a_good_token_is_told_to_come_back_with_one(
    memory_server: MemoryServer, authorization: dict[str, str], message: str
) -> None:
    async with memory_server.client() as socket:
        await started(socket, "1")
        begin(socket, "2", {"query": SERVICES}, authorization)
        refused = await socket.receive_json()
        assert problem(refused) == "UnauthorizedException"
        assert message in refused["payload"]["errors"][0]["message"]
        memory_server.write("s")
        assert (await socket.receive_json())["id"] == "1"


NO_HEADERS: dict[str, Any] = {"extensions": {"authorization": {}}}


@pytest.mark.parametrize(
    "payload", [None, "x", {}, {"data": "{}"}, {"data": {}} | NO_HEADERS, {"data": "{"} | NO_HEADERS]
)
async def test_a_start_that_lacks_something_is_refused(memory_server: MemoryServer, payload: object) -> None:
    async with memory_server.client() as socket:
        socket.send(id="1", type="start", payload=payload)
        assert problem(await socket.receive_json()) == "BadRequestException"


async def test_what_nobody_foresaw_ends_one_subscription_and_is_masked(
    memory_server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_server.client() as socket:
        await started(socket, "1")
        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr(FakeStream, "describe_table", None)
            start(socket, "2", REQUESTS)
            refused = await socket.receive_json()
        assert problem(refused) == "InternalFailure"
        assert logs[0]["correlation_id"] in refused["payload"]["errors"][0]["message"]
        memory_server.write("s")
        assert (await socket.receive_json())["id"] == "1"


async def test_an_event_with_a_field_that_failed_keeps_its_data(
    memory_server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryStore, "batch_get", None)
    async with memory_server.client() as socket:
        await started(socket, "1", "subscription { onCreateService { id user { id } } }")
        with capture_logs():
            memory_server.write("s", userId="sub-bob")
            payload = (await socket.receive_json())["payload"]
        assert payload["data"] == {"onCreateService": {"id": "s", "user": None}}
        assert [error["path"] for error in payload["errors"]] == [["onCreateService", "user"]]


async def test_a_socket_has_so_many_subscriptions_and_no_more(memory_server: MemoryServer) -> None:
    async with memory_server.client() as socket:
        for number in range(OPERATIONS):
            await started(socket, str(number))
        start(socket, "one more")
        assert problem(await socket.receive_json()) == "MaxSubscriptionsReachedError"
        socket.send(id="0", type="stop")
        assert (await socket.receive_json())["type"] == "complete"
        await started(socket, "one more")


async def test_a_subscriber_that_lags_is_told_so_and_may_start_again(memory_server: MemoryServer) -> None:
    memory_server.feed._limits = SubscriptionLimits(queue=2)
    async with memory_server.client() as socket:
        await started(socket, "1")
        for number in range(4):
            memory_server.write(f"s{number}")
        assert problem(await socket.receive_json()) == "SubscriptionClosed"
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
async def test_a_message_that_is_none_is_told_so_and_nothing_else_happens(
    memory_server: MemoryServer, message: object
) -> None:
    async with memory_server.client() as socket:
        socket.send_json(message)
        frame = await socket.receive_json()
        assert problem(frame) in {"UnsupportedOperation", "BadRequestException"}
        assert "id" not in frame
        await started(socket, "1")


@pytest.mark.parametrize("text", ["{", "", "[" * 100_000])
async def test_what_is_no_json_closes_the_socket(memory_server: MemoryServer, text: str) -> None:
    async with memory_server.client() as socket:
        socket.send_text(text)
        assert problem(await socket.receive_json()) == "BadRequestException"
        assert (await socket.receive())["code"] == 4400


async def test_a_binary_message_closes_the_socket(memory_server: MemoryServer) -> None:
    async with memory_server.client() as socket:
        socket.send_bytes(b"{}")
        assert problem(await socket.receive_json()) == "BadRequestException"
        assert (await socket.receive())["code"] == 4400
