"""Who has not joined, or is inactive, writes nothing but their joining; and what of a row its writer decides."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from models import clock, tables
from models.storage.store import Item
from resolvers.context import RequestContext
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Caller
from resolvers.identity.membership import KEPT_FOR, Membership
from resolvers.transport.app import build_app
from resolvers.transport.graphiql import GraphiQL
from resolvers.transport.over_http.idempotency import Idempotency
from tests.security import own_operations
from tests.security.backends import CloudBackend
from tests.security.cases import GROUPS, Case, Line, document, item_of, lines
from tests.security.samples import SAMPLES
from tests.unit import asgi_socket
from tests.unit.asgi_socket import Socket
from tests.unit.processor_time import least_seconds_async
from tests.unit.rates import without_limits
from tests.unit.realtime import header
from tests.unit.verifiers import Forgetful

pytestmark = pytest.mark.asyncio(loop_scope="package")

DEAREST = 0.05  # seconds of the processor
JOINING = "createUser"


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Callers(Forgetful):
    """Accepts a caller as JSON for a token."""

    async def caller(self, authorization: str) -> Caller:
        sub, username, groups, issued = json.loads(authorization)
        return Caller(sub, username, frozenset(groups), issued=issued)


def token_of(caller: Caller) -> str:
    return json.dumps([caller.sub, caller.username, sorted(caller.groups), caller.issued])


class Web:
    """The whole server over the cloud, in this process, which looks up who is a member."""

    def __init__(self, backend: CloudBackend) -> None:
        self.backend = backend
        self.now = Clock()
        self.membership = Membership(backend.store, self.now)
        self.app = build_app(
            schema=backend.schema,
            store=backend.store,
            authentication=Authentication(Callers(), membership=self.membership),
            graphiql=GraphiQL("HourBank"),
            idempotency=Idempotency(backend.store, clock.now),
            rates=without_limits(),
        )
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://server")

    async def ask(self, caller: Caller, query: str, variables: dict[str, Any]) -> httpx.Response:
        body = {"query": query, "variables": variables}
        return await self._client.post("/graphql", json=body, headers={"Authorization": token_of(caller)})

    @asynccontextmanager
    async def modern(self, caller: Caller) -> AsyncIterator[Socket]:
        """Open a socket of graphql-transport-ws."""
        async with asgi_socket.connected(self.app, "/graphql", ["graphql-transport-ws"]) as socket:
            await socket.receive()
            socket.send(type="connection_init", payload={"Authorization": token_of(caller)})
            assert await socket.receive_json() == {"type": "connection_ack"}
            yield socket

    @asynccontextmanager
    async def appsync(self, caller: Caller) -> AsyncIterator[Socket]:
        """Open a socket of AppSync's protocol."""
        offered = ["graphql-ws", header(Authorization=token_of(caller))]
        async with asgi_socket.connected(self.app, "/graphql/realtime", offered) as socket:
            await socket.receive()
            socket.send(type="connection_init")
            assert (await socket.receive_json())["type"] == "connection_ack"
            assert await socket.receive_json() == {"type": "ka"}
            yield socket


@pytest.fixture(scope="module")
def web(cloud_backend: CloudBackend) -> Web:
    return Web(cloud_backend)


WRITES = [
    line
    for line in lines()
    if line.operation.startswith(("create", "update", "delete", *own_operations.OPERATIONS))
    and not line.operation.startswith(("get", "on"))
    and "done" in line.expected.values()
    and line.operation != JOINING
]
# For each, every caller who could do it as an active member.
DONE_BY = [
    (line, column)
    for line in WRITES
    for column, word in line.expected.items()
    if word == "done" and column != "key"
]


def user_row(caller: Caller, **more: Any) -> Item:
    sample = SAMPLES["User"]
    dates = {"createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z"}
    unique = {"username": f"member-{caller.sub}", "email": f"{caller.sub}@example.org"}
    return item_of({**sample.given, **dates, **unique, "id": caller.sub, **more})


async def staged(web: Web, case: Case, *, joined: bool) -> Caller:
    """Store a case's rows, and its caller as an inactive member or as none; return the caller."""
    caller, store = case.asker, web.backend.store
    await web.backend.prepare(case)
    if joined:
        existing = await store.get(tables.User, caller.sub, consistent=True)
        await store.put(tables.User, (existing or user_row(caller)) | {"isActive": {"BOOL": False}})
    else:
        await store.delete(tables.User, caller.sub)
    return caller


async def rows_of(web: Web, case: Case) -> list[Item | None]:
    keys = {case.row_key, case.asked_key, *([case.made_key] if case.line.creates else [])}
    return [await web.backend.store.get(case.line.table, key, consistent=True) for key in sorted(keys)]


@pytest.mark.parametrize("joined", [True, False], ids=["inactive", "never joined"])
@pytest.mark.parametrize(("line", "column"), DONE_BY, ids=str)
async def test_who_is_no_active_member_writes_nothing(web: Web, line: Line, column: str, *, joined: bool) -> None:
    if not joined and (column in GROUPS or line.of == "User"):
        return  # a group comes from Cognito, not from joining; and a User's own row is what joining makes
    case = Case.of(line, column)
    caller = await staged(web, case, joined=joined)
    before, query = await rows_of(web, case), document(web.backend.schema._schema, line)
    answer = await web.ask(caller, query, case.variables())
    assert answer.status_code == 200
    (error,) = answer.json()["errors"]
    assert error["errorType"] == "Unauthorized"
    assert answer.json()["data"] == {line.operation: None}
    assert await rows_of(web, case) == before


async def test_every_mutation_is_tried(cloud_backend: CloudBackend) -> None:
    mutation = cloud_backend.schema._schema.mutation_type
    assert mutation
    refused_to_all = {line.operation for line in lines()} - {line.operation for line in WRITES}
    tried = {line.operation for line in WRITES}
    assert mutation.fields.keys() - tried - refused_to_all == set()
    for operation in mutation.fields.keys() & refused_to_all - {JOINING}:
        # Nobody may do it in any state, so that being inactive adds nothing.
        words = {w for line in lines() if line.operation == operation for w in line.expected.values()}
        assert words <= {"401", "no", "cond"}, operation


async def test_refusing_one_costs_little(web: Web) -> None:
    for operation in ("createService", "updateUser", "processDirectTransfer", "createMessage"):
        line = next(line for line in WRITES if line.operation == operation)
        case = Case.of(line, next(c for c, word in line.expected.items() if word == "done"))
        caller, query = await staged(web, case, joined=True), document(web.backend.schema._schema, line)
        variables = case.variables()
        assert await least_seconds_async(lambda: web.ask(caller, query, variables)) < DEAREST  # noqa: B023 — awaited here


@pytest.mark.parametrize(("line", "column"), DONE_BY, ids=str)
async def test_an_open_socket_of_an_inactive_member_writes_nothing(web: Web, line: Line, column: str) -> None:
    case, store = Case.of(line, column), web.backend.store
    caller = case.asker
    await store.put(tables.User, user_row(caller))
    query = document(web.backend.schema._schema, line)
    async with web.modern(caller) as modern, web.appsync(caller) as appsync:
        await staged(web, case, joined=True)
        web.now.now += KEPT_FOR
        before = await rows_of(web, case)
        payload = {"query": query, "variables": case.variables()}
        modern.send(id="1", type="subscribe", payload=payload)
        answer = await modern.receive_json()
        assert answer["payload"]["data"] == {line.operation: None}
        assert answer["payload"]["errors"][0]["errorType"] == "Unauthorized"
        # This protocol runs no mutation for anybody.
        authorization = {"host": "server", "Authorization": token_of(caller)}
        start = {"data": json.dumps(payload), "extensions": {"authorization": authorization}}
        appsync.send(id="1", type="start", payload=start)
        (error,) = (await appsync.receive_json())["payload"]["errors"]
        assert error["errorType"] == "UnsupportedOperation"
        assert await rows_of(web, case) == before


NOTIFIED = "subscription ($of: ID!) { onNewNotification(userId: $of) { id } }"


def notification(caller: Caller) -> Item:
    sample = SAMPLES["Notification"].given
    dates = {"createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z"}
    return item_of({**sample, **dates, "id": str(uuid4()), "userId": caller.sub})


@pytest.mark.parametrize("how", ["inactive", "gone", "signed out"])
async def test_an_open_subscription_ends_within_five_seconds(web: Web, how: str) -> None:
    caller, store = Caller(str(uuid4()), f"m-{uuid4().hex[:8]}", issued=1), web.backend.store
    row = user_row(caller)
    await store.put(tables.User, row)
    context = RequestContext(store, None, {}, membership=web.membership)
    await context.identify(caller)
    results: Any = await web.backend.schema.stream(
        NOTIFIED, variable_values={"of": caller.sub}, context_value=context
    )
    async with aclosing(results):
        follow = asyncio.create_task(anext(results))
        await context.listening.wait()
        await store.put(tables.Notification, notification(caller))
        assert (await follow).data["onNewNotification"]
        if how == "gone":
            await store.delete(tables.User, caller.sub)
        elif how == "inactive":
            await store.put(tables.User, row | {"isActive": {"BOOL": False}})
        else:
            await store.put(tables.User, row | {"tokensValidFrom": {"S": "2026-01-01T00:00:01.000Z"}})
        web.now.now += KEPT_FOR
        late = asyncio.create_task(anext(results))
        await store.put(tables.Notification, notification(caller))
        marker = Caller(str(uuid4()), "marker")
        await store.put(tables.User, user_row(marker))
        await _passes(web, marker)
        if late.done():
            assert "expired" in str(late.result().errors)
        late.cancel()
        await asyncio.wait({late})


async def _passes(web: Web, marker: Caller) -> None:
    """Wait until a later change has reached another subscriber."""
    context = RequestContext(web.backend.store, None, {}, membership=web.membership)
    await context.identify(marker)
    results: Any = await web.backend.schema.stream(
        NOTIFIED, variable_values={"of": marker.sub}, context_value=context
    )
    async with aclosing(results):
        first = asyncio.create_task(anext(results))
        await context.listening.wait()
        await web.backend.store.put(tables.Notification, notification(marker))
        assert (await first).data
