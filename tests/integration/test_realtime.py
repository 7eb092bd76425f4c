"""AppSync's real-time protocol on a real socket, for rows that any writer writes."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from models import tables
from resolvers.transport.over_http.bodies import BODY_BYTES
from resolvers.transport.over_sockets import sockets
from tests.integration.conftest import Cloud, GraphQL, Server
from tests.integration.in_process_server import InProcessServer, running_in_process
from tests.integration.polling import SOON, until
from tests.integration.request_client import Joining, new_client
from tests.unit.leaps import leap

PATH = "/graphql/realtime"
NOTIFIED = "subscription ($userId: String) { onCreateNotification(userId: $userId) { id title } }"
PROGRESS = "subscription ($of: ID!) { onServiceRequestProgress(requestId: $of) { status percentComplete } }"


class Client:
    """A client that speaks as aws-amplify does."""

    def __init__(self, opened: ClientConnection, token: str) -> None:
        self.socket = opened
        self._token = token

    async def say(self, **message: Any) -> None:
        """Send a message."""
        await self.socket.send(json.dumps(message))

    async def hear(self, *, within: float = SOON) -> Any:
        """Return the next message."""
        return json.loads(await asyncio.wait_for(self.socket.recv(), within))

    async def connect(self) -> None:
        """Initialize the connection."""
        await self.say(type="connection_init")
        assert await self.hear() == {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300_000}}
        assert await self.hear() == {"type": "ka"}

    async def start(self, query: str, *, token: str | None = None, **variables: Any) -> str:
        """Send a subscription."""
        id_ = str(uuid.uuid4())
        data = json.dumps({"query": query, "variables": variables})
        authorization = {"Authorization": token or self._token, "host": "localhost", "x-amz-user-agent": "x"}
        payload = {"data": data, "extensions": {"authorization": authorization}}
        await self.say(id=id_, type="start", payload=payload)
        return id_

    async def subscribe(self, query: str, *, token: str | None = None, **variables: Any) -> str:
        """Send a subscription, and wait until it is acknowledged."""
        id_ = await self.start(query, token=token, **variables)
        assert await self.hear() == {"id": id_, "type": "start_ack"}
        return id_

    async def event(self, id_: str) -> Any:
        """Return a subscription's next event, which is also the socket's next message."""
        message = await self.hear()
        assert (message["id"], message["type"]) == (id_, "data"), message
        return message["payload"]["data"]

    async def stop(self, id_: str) -> None:
        """End a subscription."""
        await self.say(id=id_, type="stop")
        assert await self.hear() == {"id": id_, "type": "complete"}


def header(token: str) -> bytes:
    return json.dumps({"Authorization": token, "host": "localhost"}).encode()


def in_subprotocol(token: str) -> str:
    return "header-" + base64.urlsafe_b64encode(header(token)).decode().rstrip("=")


@asynccontextmanager
async def client(in_process: InProcessServer, name: str, *groups: str, **options: Any) -> AsyncIterator[Client]:
    """Open a signed-in member's socket."""
    token = in_process.issuer.mint(name, name, groups)
    async with in_process.socket(PATH, "graphql-ws", in_subprotocol(token), **options) as opened:
        assert opened.subprotocol == "graphql-ws"
        speaking = Client(opened, token)
        await speaking.connect()
        yield speaking


async def test_a_written_row_reaches_its_owner(in_process: InProcessServer) -> None:
    async with client(in_process, "alice") as alice:
        id_ = await alice.subscribe(NOTIFIED, userId="alice")
        row = await in_process.notify("told")
        assert await alice.event(id_) == {"onCreateNotification": {"id": row["id"]["S"], "title": "told"}}


async def test_what_is_written_right_after_the_acknowledgement_arrives(in_process: InProcessServer) -> None:
    async with client(in_process, "alice") as alice:
        for _ in range(20):
            id_ = await alice.subscribe(NOTIFIED)
            row = await in_process.notify("at once")
            assert (await alice.event(id_))["onCreateNotification"]["id"] == row["id"]["S"]
            await alice.stop(id_)
            assert not in_process.listeners()


async def test_an_older_client_writes_its_headers_into_the_address(in_process: InProcessServer) -> None:
    token = in_process.issuer.mint("alice", "alice")
    in_query = base64.b64encode(header(token)).decode()
    async with in_process.socket(f"{PATH}?header={in_query}&payload=e30=", "graphql-ws") as opened:
        alice = Client(opened, token)
        await alice.connect()
        id_ = await alice.subscribe(NOTIFIED)
        await in_process.notify("told")
        await alice.event(id_)


async def test_each_subscription_is_told_what_its_own_caller_may_read(in_process: InProcessServer) -> None:
    async with client(in_process, "alice") as alice:
        as_alice = await alice.subscribe(NOTIFIED)
        as_carol = await alice.subscribe(NOTIFIED, token=in_process.issuer.mint("carol", "carol"))
        await in_process.notify("alice's")
        key = str(uuid.uuid4())
        await in_process.put(tables.Notification, id={"S": key}, userId={"S": "carol"}, title={"S": "carol's"})
        frames = [await alice.hear() for _ in range(2)]
        assert {frame["id"]: frame["payload"]["data"]["onCreateNotification"]["title"] for frame in frames} == {
            as_alice: "alice's",
            as_carol: "carol's",
        }


async def test_a_refusal_leaves_the_other_subscriptions_alone(in_process: InProcessServer) -> None:
    async with client(in_process, "alice") as alice:
        id_ = await alice.subscribe(NOTIFIED)
        refused = await alice.start(NOTIFIED, userId="carol")
        frame = await alice.hear()
        assert (frame["id"], frame["type"]) == (refused, "error")
        assert frame["payload"]["errors"][0]["errorType"] == "NotAuthorizedForField"
        await in_process.notify("told")
        assert (await alice.event(id_))["onCreateNotification"]["title"] == "told"


async def test_a_socket_ends_with_its_token(in_process: InProcessServer) -> None:
    token = in_process.issuer.mint("alice", "alice", lifetime=timedelta(seconds=20))
    async with client(in_process, "alice") as alice:
        await alice.subscribe(NOTIFIED, token=token)
        leap(20)
        with pytest.raises(ConnectionClosed, match="Token expired") as closed:
            await asyncio.wait_for(alice.socket.recv(), SOON)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
    await until(lambda: not in_process.listeners())


async def test_a_message_has_a_limit(server: Server, token_for: Callable[..., str]) -> None:
    url = server.url.replace("http", "ws") + PATH
    subprotocols = [Subprotocol("graphql-ws"), Subprotocol(in_subprotocol(token_for("alice")))]
    async with connect(url, subprotocols=subprotocols, proxy=None) as opened:
        alice = Client(opened, token_for("alice"))
        await alice.connect()
        with suppress(ConnectionClosed):  # which may come before all of it is sent
            await alice.start(NOTIFIED, filter="x" * BODY_BYTES)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(opened.recv(), SOON)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_client_that_does_not_read_slows_nobody_and_is_cut_off(
    in_process: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.5)
    async with (
        client(in_process, "alice") as reader,
        client(in_process, "alice", **in_process.narrow()) as sleeper,
    ):
        await sleeper.subscribe(NOTIFIED)
        id_ = await reader.subscribe(NOTIFIED)
        for _ in range(60):
            row = await in_process.notify("x" * 100_000)
            assert (await reader.event(id_))["onCreateNotification"]["id"] == row["id"]["S"]
        await until(lambda: len(in_process.listeners()) == 1)


async def test_a_server_that_stops_closes_its_sockets_and_the_next_one_takes_them(
    aws: Cloud, tmp_path: Path
) -> None:
    async with AsyncExitStack() as opened:
        async with running_in_process(aws.names, tmp_path) as first:
            alice = await opened.enter_async_context(client(first, "alice"))
            await alice.subscribe(NOTIFIED)
        with pytest.raises(ConnectionClosed) as closed:
            await alice.hear()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    async with running_in_process(aws.names, tmp_path) as second, client(second, "alice") as again:
        id_ = await again.subscribe(NOTIFIED)
        await second.notify("again")
        await again.event(id_)


async def test_progress_is_followed_by_a_party_only(server: Server, graphql: GraphQL, members: Joining) -> None:
    client, stranger = await new_client(graphql, members), await members("carol")
    await client.ask(1)
    await client.reach("AWAITING_RESPONSE")
    url = server.url.replace("http", "ws") + PATH
    subprotocols = [Subprotocol("graphql-ws"), Subprotocol(in_subprotocol(client.alice.token))]
    async with connect(url, subprotocols=subprotocols, proxy=None) as opened:
        alice = Client(opened, client.alice.token)
        await alice.connect()
        refused = await alice.start(PROGRESS, token=stranger.token, of=client.id)
        frame = await alice.hear()
        assert (frame["id"], frame["type"]) == (refused, "error")
        assert frame["payload"]["errors"][0]["errorType"] == "NotAuthorizedForField"
        id_ = await alice.subscribe(PROGRESS, of=client.id)
        assert (await alice.event(id_))["onServiceRequestProgress"]["status"] == "AWAITING_RESPONSE"
        unborn = await alice.subscribe(PROGRESS, of=str(uuid.uuid4()))
        await alice.stop(unborn)
