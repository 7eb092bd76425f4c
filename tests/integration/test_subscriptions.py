"""Subscriptions, from a row that any writer writes to a real client's socket."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from models import tables
from resolvers.feed.limits import SubscriptionLimits
from resolvers.mirror.subscriptions import changes_of
from resolvers.transport.over_sockets import sockets
from tests.integration.conftest import Server
from tests.integration.in_process_server import Client, InProcessServer
from tests.integration.polling import SOON, until
from tests.unit.leaps import leap

ON_UPDATE = "subscription($requesterId: String, $filter: ModelSubscriptionServiceRequestFilterInput)"
WATCH = ON_UPDATE + "{onUpdateServiceRequest(requesterId: $requesterId, filter: $filter){id status}}"
NOTIFIED = "subscription{onCreateNotification{id title}}"
# Delays by other processes are transient; our own are not.
TRIES = 3


async def test_a_written_status_reaches_the_parties_within_half_a_second(in_process: InProcessServer) -> None:
    request_id = str(uuid.uuid4())
    await in_process.request(id=request_id)
    late: list[float] = []
    async with in_process.client("alice") as alice:
        await alice.subscribe(WATCH)
        while not late or (late[-1] >= 0.5 and len(late) < TRIES):
            delays = []
            for number in range(40):
                status = ("VALIDATING", "ESCROWED")[number % 2]
                written = time.perf_counter()
                await in_process.request(id=request_id, status=status)
                event = await alice.event()
                delays.append(time.perf_counter() - written)
                assert event == {"onUpdateServiceRequest": {"id": request_id, "status": status}}
            late.append(sorted(delays)[int(len(delays) * 0.95)])
    assert min(late) < 0.5


async def test_events_are_for_those_who_may_read_the_row(in_process: InProcessServer) -> None:
    request_id = str(uuid.uuid4())
    await in_process.request(id=request_id)
    async with (
        in_process.client("alice") as alice,
        in_process.client("bob") as bob,
        in_process.client("carol") as carol,
        in_process.client("ada", "admin") as admin,
    ):
        for client in (alice, bob, carol, admin):
            await client.subscribe(WATCH, filter={"id": {"eq": request_id}})  # other tests change rows, too
        await in_process.request(id=request_id, status="VALIDATING")
        for client in (alice, bob, admin):
            assert (await client.event())["onUpdateServiceRequest"]["id"] == request_id
        await carol.silence()


async def test_arguments_and_filter_narrow(in_process: InProcessServer) -> None:
    request_id = str(uuid.uuid4())
    await in_process.request(id=request_id)
    async with in_process.client("bob") as bob:
        narrowed = await bob.subscribe(WATCH, filter={"status": {"in": ["ESCROWED"]}, "estimatedHours": {"ge": 2}})
        await in_process.request(id=request_id, status="VALIDATING")
        await in_process.request(id=request_id, status="ESCROWED")
        message = await bob.next()
        assert message["id"] == narrowed
        assert message["payload"]["data"]["onUpdateServiceRequest"]["status"] == "ESCROWED"


async def test_whoever_asks_for_others_rows_is_refused(in_process: InProcessServer) -> None:
    async with in_process.client("carol") as carol, in_process.client("ada", "admin") as admin:
        await carol.ask(WATCH, requesterId="alice")
        message = await carol.next()
        (error,) = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert error["errorType"] == "Unauthorized"
        await admin.subscribe(WATCH, requesterId="alice")
        await admin.silence()


async def test_a_bad_filter_is_told_at_once(in_process: InProcessServer) -> None:
    async with in_process.client("alice") as alice:
        await alice.ask(WATCH, filter={"status": {"between": ["A"]}})
        message = await alice.next()
        (error,) = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": "filter"})


async def test_each_kind_of_change_has_its_own_subscription(in_process: InProcessServer) -> None:
    row = {"id": {"S": str(uuid.uuid4())}, "userId": {"S": "bob"}, "title": {"S": "Garden help"}}
    async with in_process.client("carol") as carol:
        for kind in ("Create", "Update", "Delete"):
            await carol.subscribe(f"subscription{{on{kind}Service{{id title}}}}")
        await in_process.put(tables.Service, **row)
        assert list(await carol.event()) == ["onCreateService"]
        await in_process.put(tables.Service, **row | {"title": {"S": "Hedges"}})
        assert await carol.event() == {"onUpdateService": {"id": row["id"]["S"], "title": "Hedges"}}
        key, table = {"id": row["id"]}, in_process.store.names.table(tables.Service)
        await in_process.store.calls.call("dynamodb", "delete_item", TableName=table, Key=key)
        assert await carol.event() == {"onDeleteService": {"id": row["id"]["S"], "title": "Hedges"}}


async def test_a_subscription_that_ended_is_told_nothing(in_process: InProcessServer) -> None:
    async with in_process.client("alice") as alice:
        operation = await alice.subscribe(NOTIFIED)
        await alice.socket.send(json.dumps({"id": operation, "type": "complete"}))
        await until(lambda: not in_process.listeners())
        await in_process.notify("x")
        await alice.silence()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, "Missing authorization"),
        ({"Authorization": "x"}, "Invalid token"),
        ({"Authorization": None}, "Missing"),
    ],
)
async def test_a_socket_without_a_good_token_is_closed(
    in_process: InProcessServer, payload: dict[str, Any], reason: str
) -> None:
    async with in_process.socket() as opened:
        await opened.send(json.dumps({"type": "connection_init", "payload": payload}))
        with pytest.raises(ConnectionClosed) as closed:
            await opened.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    assert reason in closed.value.rcvd.reason


async def test_an_expired_token_is_called_so(in_process: InProcessServer) -> None:
    token = in_process.issuer.mint("alice", "alice", lifetime=timedelta(seconds=-1))
    async with in_process.socket() as opened:
        await opened.send(json.dumps({"type": "connection_init", "payload": {"Authorization": token}}))
        with pytest.raises(ConnectionClosed, match="Token expired"):
            await opened.recv()


async def test_the_upgrade_request_may_carry_the_token(in_process: InProcessServer) -> None:
    headers = {"Authorization": f"Bearer {in_process.issuer.mint('alice', 'alice')}"}
    async with in_process.socket(additional_headers=headers) as opened:
        await opened.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await opened.recv()) == {"type": "connection_ack"}


async def test_a_socket_ends_with_its_token(in_process: InProcessServer) -> None:
    token = in_process.issuer.mint("alice", "alice", lifetime=timedelta(seconds=20))
    async with in_process.socket() as opened:
        await opened.send(json.dumps({"type": "connection_init", "payload": {"Authorization": token}}))
        await opened.recv()
        await Client(opened, in_process).subscribe(NOTIFIED)
        leap(20)
        with pytest.raises(ConnectionClosed, match="Token expired") as closed:
            await asyncio.wait_for(opened.recv(), SOON)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    await until(lambda: not in_process.listeners())


async def test_a_message_has_a_limit(server: Server, token_for: Callable[..., str]) -> None:
    url = server.url.replace("http", "ws") + "/graphql"
    filter_ = {"or": [{"id": {"eq": "x"}}] * 250_000}
    payload = {"query": "{ __typename }", "variables": {"f": filter_}}
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as opened:
        token = token_for("alice")
        await opened.send(json.dumps({"type": "connection_init", "payload": {"Authorization": token}}))
        await opened.recv()
        with suppress(ConnectionClosed):  # which may come before all of it is sent
            await opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(opened.recv(), SOON)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_client_that_never_reads_is_cut_off(
    in_process: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.5)
    async with in_process.client("alice", **in_process.narrow()) as sleeper:
        await sleeper.subscribe(NOTIFIED)
        assert len(in_process.listeners()) == 1
        for _ in range(60):
            await in_process.notify("x" * 100_000)
        await until(lambda: not in_process.listeners())


async def test_a_client_that_does_not_read_is_told_so_and_slows_nobody(in_process: InProcessServer) -> None:
    in_process.feed._limits = SubscriptionLimits(queue=5)
    async with in_process.client("alice") as reader, in_process.client("alice", **in_process.narrow()) as sleeper:
        await sleeper.subscribe(NOTIFIED)
        await reader.subscribe(NOTIFIED)
        for _ in range(60):
            row = await in_process.notify("x" * 100_000)
            assert (await reader.event())["onCreateNotification"]["id"] == row["id"]["S"]
        while "errors" not in (message := await sleeper.next())["payload"]:
            pass
        assert message["payload"]["errors"][0]["errorType"] == "SubscriptionClosed"
        assert (await sleeper.next())["type"] == "complete"


async def test_a_row_is_followed_from_what_it_is_now(in_process: InProcessServer) -> None:
    request_id = str(uuid.uuid4())
    await in_process.request(id=request_id, status="INITIATED")
    rows = changes_of(in_process.feed, tables.ServiceRequest, request_id, asyncio.Event())
    assert (await anext(rows))["status"] == {"S": "INITIATED"}
    await in_process.request(id=str(uuid.uuid4()))
    row = await in_process.request(id=request_id, status="VALIDATING")
    await in_process.put(tables.ServiceRequest, **row | {"version": {"N": "2"}, "status": {"S": "ESCROWED"}})
    assert (await asyncio.wait_for(anext(rows), SOON))["status"] == {"S": "ESCROWED"}
