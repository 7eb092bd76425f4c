"""A server over a stream in memory, and a client as Amplify's are on its real-time sockets."""

import base64
import json
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from models import clock
from resolvers.feed.change_feed import ChangeFeed
from resolvers.feed.limits import SubscriptionLimits
from resolvers.feed.stream_source import StreamSource
from resolvers.hosting.settings import LOCAL_ORIGINS
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Caller
from resolvers.identity.keys import UnauthenticatedError
from resolvers.mirror.subscriptions import Subscriptions
from resolvers.rates.rates import Rates
from resolvers.transport.app import HttpPolicy, build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.idempotency import Idempotency
from schema.build import MirrorSchema
from tests.unit import asgi_socket
from tests.unit.asgi_socket import Socket
from tests.unit.fake_stream import FakeStream
from tests.unit.mirror import ALICE, BOB, MemoryStore, mirror_over
from tests.unit.rates import without_limits
from tests.unit.verifiers import Forgetful

PATH = "/graphql/realtime"
API_KEY = "da2-abcdefghijklmnopqrstuvwxyz"
ACK = {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300_000}}
SERVICES = "subscription { onCreateService { id } }"
FILTERED = "subscription ($f: ModelSubscriptionServiceFilterInput) { onCreateService(filter: $f) { id } }"
REQUESTS = "subscription ($of: String) { onCreateServiceRequest(requesterId: $of) { id } }"


class Callers(Forgetful):
    """Knows alice, bob, and for so many seconds `alice 20`."""

    async def caller(self, authorization: str) -> Caller:
        name, _, seconds = authorization.partition(" ")
        known = {"alice": ALICE, "bob": BOB}.get(name)
        if known is None:
            raise UnauthenticatedError("Token expired" if name == "stale" else "Invalid token")
        expires = time.time() + float(seconds) if seconds else math.inf
        return Caller(known.sub, known.username, expires=expires)


class MemoryServer:
    """A server over tables and a stream in memory."""

    def __init__(
        self,
        schema: MirrorSchema,
        rates: Rates | None = None,
        limits: SubscriptionLimits | None = None,
        *,
        fast_path: bool = True,
    ) -> None:
        self.stream = FakeStream()
        self.store = MemoryStore()
        self.store.calls = self.stream
        self.feed = ChangeFeed(self.store, StreamSource(self.store, interval=0.01))
        self.schema = schema
        schema.resolver = mirror_over(self.store, Subscriptions(self.feed, limits))
        self.app = build_app(
            schema=self.schema,
            store=self.store,
            authentication=Authentication(Callers(), [API_KEY]),
            graphiql=GraphiQL("HourBank"),
            idempotency=Idempotency(self.store, clock.now),
            rates=rates or without_limits(),
            policy=HttpPolicy(origins=["https://app.example", *LOCAL_ORIGINS]),
            fast_path=fast_path,
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
            assert (await socket.receive())["subprotocol"] == "graphql-ws"
            socket.send(type="connection_init")
            assert await socket.receive_json() == ACK
            assert await socket.receive_json() == {"type": "ka"}
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
    assert await socket.receive_json() == {"id": id_, "type": "start_ack"}


def begin(socket: Socket, id_: str, operation: object, authorization: Mapping[str, str]) -> None:
    payload = {"data": json.dumps(operation), "extensions": {"authorization": authorization}}
    socket.send(id=id_, type="start", payload=payload)


def problem(frame: Mapping[str, Any]) -> str:
    """Return the error type of an error frame."""
    assert frame["type"] == "error", frame
    (error,) = frame["payload"]["errors"]
    assert error["message"]
    return str(error["errorType"])


@asynccontextmanager
async def listening(
    schema: MirrorSchema,
    rates: Rates | None = None,
    limits: SubscriptionLimits | None = None,
    *,
    fast_path: bool = True,
) -> AsyncIterator[MemoryServer]:
    """Give a server, and stop its readers in the end."""
    memory_server = MemoryServer(schema, rates, limits, fast_path=fast_path)
    yield memory_server
    await memory_server.feed.aclose()
