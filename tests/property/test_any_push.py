"""Whatever is subscribed to, by whomever: events are the same whether answered together or for each alone."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

import schema.types  # noqa: F401 — declares the models
from models import clock
from models.changes import ChangeKind
from models.storage.store import Item
from resolvers.feed.change_feed import ChangeFeed
from resolvers.feed.row_changes import RowChange
from resolvers.feed.stream_source import StreamSource
from resolvers.identity.authentication import Authentication
from resolvers.identity.callers import Caller, Standing
from resolvers.mirror import paging
from resolvers.mirror.subscriptions import Subscriptions
from resolvers.push.push import Push
from resolvers.transport.app import build_app
from resolvers.transport.over_http.idempotency import Idempotency
from schema.amplify.declaration import Model
from schema.strawberry_internals import graphql_schema
from schema.types import CATALOGUE
from tests.property.plan_documents import RowQueries
from tests.property.test_any_plan import IDS, filled, row
from tests.security.fuzz.documents import Operation
from tests.unit.asgi_socket import Socket, connected
from tests.unit.fake_stream import FakeStream
from tests.unit.mirror import ADMIN, ALICE, BOB, MemoryStore, build_mirror, mirror_over
from tests.unit.rates import without_limits
from tests.unit.realtime import header
from tests.unit.verifiers import Forgetful

KEY = "da2-abcdefghijklmnopqrstuvwxyz"
CALLERS = {
    "alice": ALICE,
    "bob": BOB,
    "carol": Caller("sub-carol", "carol"),
    "admin": ADMIN,
    "eve": Caller("sub-eve", "eve", standing=Standing.NEWCOMER),
}
LISTENERS = [*CALLERS, "alice", "carol", KEY]
_CORRELATION = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_KINDS = {"onCreate": ChangeKind.CREATE, "onUpdate": ChangeKind.UPDATE, "onDelete": ChangeKind.DELETE}


class Known(Forgetful):
    """Knows the callers by their names."""

    async def caller(self, authorization: str) -> Caller:
        return CALLERS[authorization]


class Server:
    """A server over tables in memory, whose feed is told of changes by the test."""

    def __init__(self, store: MemoryStore, *, fast_path: bool) -> None:
        store.calls = FakeStream()
        self.feed = ChangeFeed(store, StreamSource(store, interval=100))
        self.schema = build_mirror()
        self.schema.resolver = mirror_over(store, Subscriptions(self.feed))
        self.app = build_app(
            schema=self.schema,
            store=store,
            authentication=Authentication(Known(), [KEY], admits_guests=True),
            graphiql=None,
            idempotency=Idempotency(store, clock.now),
            rates=without_limits(),
            fast_path=fast_path,
        )

    async def tell(self, model: Model, changes: Sequence[tuple[ChangeKind, Item]]) -> None:
        """Let rows change, and the server stop once everybody was told."""
        if (channel := self.feed._channels.get(model.table)) is not None:
            for kind, item in changes:
                await channel.publish([RowChange(kind, item, 100)])
        await self.feed.aclose()


async def heard_by_amplify(server: Server, operation: Operation, stack: AsyncExitStack) -> list[Socket]:
    sockets = []
    for name in LISTENERS:
        field = "x-api-key" if name == KEY else "Authorization"
        opening = connected(server.app, "/graphql/realtime", ["graphql-ws", header(**{field: name})])
        socket = await stack.enter_async_context(opening)
        socket.send(type="connection_init")
        for _ in range(3):  # accept, acknowledgement, keep-alive
            await socket.receive()
        data = json.dumps({"query": operation.query, "variables": operation.variables})
        extensions = {"authorization": {"host": "server", field: name}}
        socket.send(id="1", type="start", payload={"data": data, "extensions": extensions})
        sockets.append(socket)
    return sockets


async def heard_by_others(server: Server, operation: Operation, stack: AsyncExitStack) -> list[Socket]:
    sockets = []
    for name in LISTENERS:
        field = "x-api-key" if name == KEY else "Authorization"
        socket = await stack.enter_async_context(connected(server.app, "/graphql", ["graphql-transport-ws"]))
        socket.send(type="connection_init", payload={field: name})
        for _ in range(2):  # accept, acknowledgement
            await socket.receive()
        socket.send(
            id="1", type="subscribe", payload={"query": operation.query, "variables": dict(operation.variables)}
        )
        sockets.append(socket)
    return sockets


async def heard(
    store: MemoryStore, operation: Operation, model: Model, changes: Any, *, by_amplify: bool, fast_path: bool
) -> list[list[Any]]:
    """Return the frames of each recipient, to the last one."""
    server = Server(store, fast_path=fast_path)
    async with AsyncExitStack() as stack:
        listen = heard_by_amplify if by_amplify else heard_by_others
        sockets = await listen(server, operation, stack)
        for _ in range(50):  # until all listen who may
            await asyncio.sleep(0)
        await server.tell(model, changes)
        return [await frames_of(socket) for socket in sockets]


async def frames_of(socket: Socket) -> list[Any]:
    frames: list[Any] = []
    while not frames or frames[-1]["type"] not in {"complete", "error"}:
        frames.append(json.loads(_CORRELATION.sub("ID", (await socket.receive())["text"])))
    return frames


async def both_ways(seed: int) -> tuple[Operation, list[list[Any]], list[list[Any]]]:
    """Return a subscription, and what everybody hears of its events when they are answered together, and alone."""
    random = Random(seed)  # noqa: S311 — no secret
    core = graphql_schema(build_mirror())
    assert core.subscription_type
    name = random.choice(sorted(core.subscription_type.fields))
    operation = RowQueries(random, core).any_subscription(name)
    model = CATALOGUE.models[name[len("onCreate") :]]
    changes = [
        (_KINDS[name[: len("onCreate")]] if random.random() < 0.9 else ChangeKind.UPDATE, changed(random, model))
        for _ in range(5)
    ]
    by_amplify = random.random() < 0.5
    found = []
    for fast_path in (True, False):
        store = filled(Random(seed))  # noqa: S311 — no secret
        with capture_logs():
            frames = await heard(store, operation, model, changes, by_amplify=by_amplify, fast_path=fast_path)
        found.append(frames)
    return operation, found[0], found[1]


def changed(random: Random, model: Model) -> Mapping[str, Any]:
    return row(random, model, random.choice(IDS))


@pytest.fixture(autouse=True)
def same_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the token of a position be the same each time."""
    monkeypatch.setattr(paging, "token_bytes", bytes)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**48))
async def test_events_are_the_same_whether_answered_together_or_alone(seed: int) -> None:
    operation, together, alone = await both_ways(seed)
    assert together == alone, (operation, together, alone)


async def test_most_subscriptions_are_answered_together(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    begin = Push.begin

    async def counted(*given: Any) -> Any:
        recipient = await begin(*given)
        begun.append(recipient is not None)
        return recipient

    monkeypatch.setattr(Push, "begin", counted)
    events = 0
    for seed in range(60):
        _, together, _ = await both_ways(seed)
        events += sum(frame["type"] in {"next", "data"} for frames in together for frame in frames)
    assert sum(begun) > len(begun) / 3
    assert events > 300
