"""A server in this process over the session's cloud, its clients, and writes past its API."""

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from models import clock, tables
from models.storage.async_calls import AsyncCalls
from models.storage.names import Names
from models.storage.store import Item, Store
from resolvers.feed.change_feed import ChangeFeed, Subscriber
from resolvers.feed.stream_source import StreamSource
from resolvers.identity.authentication import Authentication
from resolvers.identity.issuer import LocalIssuer
from resolvers.mirror.subscriptions import Subscriptions
from resolvers.operations import updates
from resolvers.transport.app import build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.idempotency import Idempotency
from schema.build import build_schema
from schema.types import CATALOGUE
from tests.integration.polling import SOON, until
from tests.unit.mirror import mirror_over
from tests.unit.rates import without_limits

STAMP = {"S": "2026-01-01T00:00:00.000Z"}


class InProcessServer:
    """A server that answers subscriptions only, whose queues a test can fill, and writes past its API."""

    def __init__(self, store: Store, feed: ChangeFeed, issuer: LocalIssuer) -> None:
        self.store = store
        self.feed = feed
        self.issuer = issuer
        self.address = ("", 0)

    def listeners(self) -> set[Subscriber]:
        """Return the subscriptions of the change feed."""
        return {one for channel in self.feed._channels.values() for one in channel._subscribers}

    async def put(self, table: type[tables.Table], **row: dict[str, Any]) -> Item:
        """Write a row as any other writer would."""
        await self.store.calls.call("dynamodb", "put_item", TableName=self.store.names.table(table), Item=row)
        return row

    async def request(self, **changes: str) -> Item:
        """Write a service request."""
        texts = {"id": "r", "requesterId": "alice", "providerId": "bob", "serviceId": "s", "status": "INITIATED"}
        row = {name: {"S": value} for name, value in (texts | changes).items()}
        numbers = {"estimatedHours": {"N": "2"}, "negotiationRound": {"N": "0"}, "version": {"N": "1"}}
        return await self.put(tables.ServiceRequest, **row, **numbers, createdAt=STAMP, updatedAt=STAMP)

    async def notify(self, title: str) -> Item:
        """Write a notification of alice's."""
        return await self.put(
            tables.Notification, id={"S": str(uuid.uuid4())}, userId={"S": "alice"}, title={"S": title}
        )

    @asynccontextmanager
    async def client(self, name: str, *groups: str, **options: Any) -> AsyncIterator["Client"]:
        """Open a signed-in member's socket."""
        async with self.socket(**options) as opened:
            token = self.issuer.mint(name, name, groups)
            await opened.send(json.dumps({"type": "connection_init", "payload": {"Authorization": token}}))
            assert json.loads(await opened.recv()) == {"type": "connection_ack"}
            yield Client(opened, self)

    def socket(self, path: str = "/graphql", *subprotocols: str, **options: Any) -> connect:
        """Open a socket without sending anything, by default for graphql-transport-ws."""
        host, port = self.address
        offered = [Subprotocol(name) for name in subprotocols or ("graphql-transport-ws",)]
        return connect(f"ws://{host}:{port}{path}", subprotocols=offered, proxy=None, **options)

    def narrow(self) -> dict[str, Any]:
        """Return connection options with which neither the kernel nor the library reads ahead."""
        opened = socket.socket(proto=socket.IPPROTO_TCP)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        opened.connect(self.address)
        return {"sock": opened, "compression": None, "max_queue": 1, "close_timeout": 1}


class Client:
    """A graphql-transport-ws client."""

    def __init__(self, socket: ClientConnection, server: InProcessServer) -> None:
        self.socket = socket
        self._server = server

    async def subscribe(self, query: str, **variables: Any) -> str:
        """Subscribe, and wait until the server listens, which the protocol does not tell."""
        before = self._server.listeners()
        operation = await self.ask(query, **variables)
        await until(lambda: self._server.listeners() - before)
        return operation

    async def ask(self, query: str, **variables: Any) -> str:
        """Send a subscription that may be refused."""
        operation = str(uuid.uuid4())
        payload = {"query": query, "variables": variables}
        await self.socket.send(json.dumps({"id": operation, "type": "subscribe", "payload": payload}))
        return operation

    async def next(self, *, within: float = SOON) -> dict[str, Any]:
        """Return the next message."""
        return cast("dict[str, Any]", json.loads(await asyncio.wait_for(self.socket.recv(), within)))

    async def event(self) -> Any:
        """Return the next event's data."""
        message = await self.next()
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def silence(self) -> None:
        """Assert that no message comes."""
        with pytest.raises(TimeoutError):
            await self.next(within=0.5)


@asynccontextmanager
async def running_in_process(names: Names, directory: Path) -> AsyncIterator[InProcessServer]:
    """Run such a server, on the cloud that the AWS variables lead to."""
    async with AsyncCalls(["dynamodb", "dynamodbstreams"]) as calls:
        store = Store(calls, names)
        feed = ChangeFeed(store, StreamSource(store, interval=0.05))
        running = InProcessServer(store, feed, LocalIssuer(directory))
        mirrored = Subscriptions(feed)
        own = [updates.subscriptions(mirrored)]
        schema = build_schema(CATALOGUE, mirror_over(store, mirrored), extra_subscriptions=own)
        app = build_app(
            schema=schema,
            store=store,
            authentication=Authentication(running.issuer.identity()),
            graphiql=GraphiQL("HourBank"),
            idempotency=Idempotency(store, clock.now),
            rates=without_limits(),
        )
        config = uvicorn.Config(app, port=0, log_level="warning", ws="websockets-sansio", interface="asgi3")
        uvicorn_server = uvicorn.Server(config)
        task = asyncio.create_task(uvicorn_server.serve())
        while not uvicorn_server.started:  # noqa: ASYNC110 — uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        running.address = uvicorn_server.servers[0].sockets[0].getsockname()
        yield running
        uvicorn_server.should_exit = True
        await task
        await feed.aclose()
