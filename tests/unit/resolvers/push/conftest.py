"""Subscribers of one feed, without a socket."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from strawberry.types import ExecutionResult

from models.changes import ChangeKind
from models.tables import Table
from resolvers.context import RequestContext
from resolvers.feed.change_feed import ChangeFeed
from resolvers.feed.limits import SubscriptionLimits
from resolvers.feed.row_changes import RowChange
from resolvers.feed.stream_source import StreamSource
from resolvers.identity.callers import Caller
from resolvers.mirror.subscriptions import Subscriptions
from resolvers.plans.planner import Planner
from resolvers.push.push import Push
from resolvers.push.recipient import Recipient
from tests.unit.fake_stream import FakeStream
from tests.unit.mirror import MemoryStore, build_mirror, mirror_over, wire

if TYPE_CHECKING:
    from resolvers.identity.membership import Membership


@dataclass
class Heard:
    """What a subscriber has heard; while `reads` is not set, the client does not read."""

    payloads: list[Any] = field(default_factory=list)
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    waited: int = 0

    def write(self, payload: bytes) -> bool:
        if self.reads.is_set():
            self.payloads.append(orjson.loads(payload))
        return self.reads.is_set()

    async def send(self, payload: bytes) -> None:
        self.waited += 1
        await self.reads.wait()
        self.payloads.append(orjson.loads(payload))

    async def send_result(self, result: ExecutionResult) -> None:
        self.payloads.append(result)


class Pushing:
    """A feed and its subscribers."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.store.calls = FakeStream()
        self.feed = ChangeFeed(
            self.store, StreamSource(self.store, interval=100), limits=SubscriptionLimits(queue=3)
        )
        schema = build_mirror()
        schema.resolver = mirror_over(self.store, Subscriptions(self.feed))
        self.push = Push(schema, self.store, Planner(schema))
        self.membership: Membership | None = None

    async def recipient(self, caller: Caller, query: str, **variables: Any) -> tuple[Recipient | None, Heard]:
        """Begin a subscription of somebody who reads."""
        heard = Heard()
        heard.reads.set()
        context = RequestContext(self.store, caller, {}, membership=self.membership)
        recipient = await self.push.begin(query, None, variables, context, heard)
        if recipient is not None:
            recipient.begin()
        return recipient, heard

    async def hears(self, caller: Caller, query: str, **variables: Any) -> Heard:
        recipient, heard = await self.recipient(caller, query, **variables)
        assert recipient is not None
        return heard

    async def update(self, table: type[Table], **values: Any) -> None:
        """Let a row change, and everybody hear of it."""
        item = {name: wire(value) for name, value in values.items()}
        await self.feed._channels[table].publish([RowChange(ChangeKind.UPDATE, item, 100)])
        for _ in range(20):
            await asyncio.sleep(0.001)


@pytest.fixture
async def pushing() -> AsyncIterator[Pushing]:
    pushing = Pushing()
    yield pushing
    await pushing.feed.aclose()
