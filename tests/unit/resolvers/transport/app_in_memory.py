"""The app over tables in memory, and its clients."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette

from models import clock, tables
from resolvers.hosting.settings import LOCAL_ORIGINS
from resolvers.identity.authentication import Authentication, TokenVerifier
from resolvers.identity.callers import Caller
from resolvers.identity.keys import UnauthenticatedError
from resolvers.rates.rates import Rates
from resolvers.transport.app import HttpPolicy, build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.idempotency import Idempotency
from tests.unit import asgi_socket
from tests.unit.asgi_socket import Socket
from tests.unit.mirror import ALICE, MemoryStore, schema_over
from tests.unit.rates import without_limits
from tests.unit.verifiers import Forgetful

API_KEY = "da2-abcdefghijklmnopqrstuvwxyz"
SIGNED = {"authorization": "alice"}
BALANCE = {"query": '{ getUserBalance(userId: "sub-alice") { totalBalance } }'}
FILTERED = "query($f: ModelServiceFilterInput) { listServices(filter: $f) { items { id } } }"


class Callers(Forgetful):
    """Knows one token."""

    async def caller(self, authorization: str) -> Caller:
        if authorization != "alice":
            raise UnauthenticatedError("Token expired")
        return ALICE


def app_in_memory(
    rates: Rates | None = None, store: MemoryStore | None = None, tokens: TokenVerifier | None = None
) -> Starlette:
    """Return the app over tables in memory: Alice's balance."""
    store = store or MemoryStore()
    store.add(tables.UserBalance, userId="sub-alice", totalBalance=10, createdAt="2026", updatedAt="2026")
    return build_app(
        schema=schema_over(store),
        store=store,
        authentication=Authentication(tokens or Callers(), [API_KEY]),
        graphiql=GraphiQL("HourBank"),
        idempotency=Idempotency(store, clock.now),
        rates=rates or without_limits(),
        policy=HttpPolicy(origins=["https://app.example", *LOCAL_ORIGINS]),
    )


def connected(app: Starlette, **headers: str) -> AbstractAsyncContextManager[Socket]:
    return asgi_socket.connected(app, "/graphql", ["graphql-transport-ws"], **headers)


@asynccontextmanager
async def signed_in(app: Starlette) -> AsyncIterator[Socket]:
    async with connected(app, **SIGNED) as socket:
        await socket.receive()
        socket.send(type="connection_init")
        assert await socket.receive_json() == {"type": "connection_ack"}
        yield socket
