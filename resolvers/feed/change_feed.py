"""The change feed: passes a table's changes, whoever wrote them, to those in this process who want them."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Protocol, Self

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models import tables
from models.errors import UnavailableError
from models.storage.store import Store
from resolvers.feed.interests import ANY_CHANGE, Interest, SubscriberIndex
from resolvers.feed.limits import SubscriptionLimits
from resolvers.feed.queues import ChangeQueue, FeedClosedError, LaggingSubscriberError
from resolvers.feed.streams import RowChange, StreamReader
from resolvers.rotation import Rotation

_STOPPING = "Closed: the server is stopping"
_OFFERS = 1_000  # to subscribers, some 2 ms, before others are served
_FIRST_BACKOFF = 0.2
# How late the first event is after AWS was gone for a while.
_LONGEST_BACKOFF = 1.0

_log = structlog.get_logger(__name__)


class Subscriber(Protocol):
    """What the feed calls on each of its subscribers."""

    def offer(self, change: RowChange) -> None:
        """Take a change, without ever waiting."""

    def close(self, reason: FeedClosedError) -> None:
        """Take no further change."""


class Subscription:
    """One subscriber's queue of changes, in the order of the stream: an endless asynchronous iterator.

    Args:
        limits: the longest queue; one more change closes the subscription.
        turn: waits until the subscriber may deal with a change.
    """

    def __init__(self, limits: SubscriptionLimits, turn: Callable[[], Awaitable[None]] | None = None) -> None:
        self._turn = turn
        self._queue = ChangeQueue(limits)
        self._wakeup = asyncio.Event()
        self._closed: FeedClosedError | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RowChange:
        """Return the next change.

        Raises:
            FeedClosedError: the subscription is closed and its queue is empty.
        """
        await self._wait()
        if self._turn is not None:
            await self._turn()
            await self._wait()  # meanwhile the queue may have been dropped
        return self._queue.pop()

    async def _wait(self) -> None:
        while not self._queue:
            if self._closed:
                raise self._closed
            self._wakeup.clear()
            await self._wakeup.wait()

    def offer(self, change: RowChange) -> None:
        """Queue a change, without ever waiting for the subscriber."""
        if self._closed:
            return
        try:
            self._queue.put(change)
        except LaggingSubscriberError as error:
            self.close(error)
        else:
            self._wakeup.set()

    def close(self, reason: FeedClosedError) -> None:
        """End the subscription after the changes that are queued."""
        self._closed = self._closed or reason
        self._wakeup.set()


class ChangeFeed:
    """Reads a table's stream while it has subscribers, once for all of them.

    Args:
        store: the tables; its `calls` reach `dynamodb` and `dynamodbstreams`.
        interval: seconds between two reads of a shard. AWS allows five reads a second for all readers together,
            so 0.5 leaves room for a second server and a Lambda trigger beside this one. After a write that it is
            told of, it reads sooner, twice as often in the long run.
        limits: the longest queue of a subscriber.
    """

    def __init__(self, store: Store, *, interval: float = 0.5, limits: SubscriptionLimits | None = None) -> None:
        self.store = store
        self.rotation = Rotation()
        self._interval = interval
        self._limits = limits or SubscriptionLimits()
        self._channels: dict[type[tables.Table], _Channel] = {}

    def _reader(self, table: type[tables.Table]) -> StreamReader:
        return StreamReader(self.store.calls, self.store.names.table(table))

    @asynccontextmanager
    async def subscribe(
        self, table: type[tables.Table], interest: Interest = ANY_CHANGE, who: str = ""
    ) -> AsyncIterator[Subscription]:
        """Subscribe to the changes of a table that are written after the context is entered.

        Args:
            table: the table.
            interest: which changes may be of interest; those that are not may be left out.
            who: the subscriber; all subscriptions of one share their turns.

        Raises:
            botocore.exceptions.ClientError: the stream cannot be opened.
            UnavailableError: AWS does not answer.
            LookupError: the table has no stream.
        """
        subscription = Subscription(self._limits, partial(self.rotation.turn, who))
        leave = await self.join(table, interest, subscription)
        try:
            yield subscription
        finally:
            leave()

    async def join(
        self, table: type[tables.Table], interest: Interest, subscriber: Subscriber
    ) -> Callable[[], None]:
        """Tell a subscriber of the changes of a table from now on; return the function that ends it.

        Raises:
            Exception: what `subscribe` raises.
        """
        channel = self._channels.get(table)
        if channel is None:
            channel = _Channel(partial(self._reader, table), self._interval)
            self._channels[table] = channel
        await channel.join(subscriber, interest)
        return partial(channel.leave, subscriber)

    def queue(self) -> ChangeQueue:
        """Return the queue of a subscriber who keeps their own."""
        return ChangeQueue(self._limits)

    def expect(self, name: str) -> None:
        """Read a table's stream soon, because the table, of this name, was just written to."""
        for table, channel in self._channels.items():
            if self.store.names.table(table) == name:
                channel.expect()

    async def healthy(self) -> bool:
        """Return whether streams can be read now."""
        if any(channel.failing for channel in self._channels.values()):
            return False
        try:
            await self._reader(tables.ServiceRequest).open()
        except (ClientError, BotoCoreError, UnavailableError, LookupError):
            return False
        return True

    async def aclose(self) -> None:
        """Close every subscription, because the server stops."""
        for channel in self._channels.values():
            await channel.aclose()


class _Channel:
    """One table's subscribers, and the task that reads its stream for them."""

    def __init__(self, reader: Callable[[], StreamReader], interval: float) -> None:
        self._reader = reader
        self._interval = interval
        self._subscribers: SubscriberIndex[Subscriber] = SubscriberIndex()
        self._joining = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._expected = 0  # reads that come early
        self._expecting = asyncio.Event()
        self._writes = 0
        self._read_until = 0.0  # the event loop's time by which so many reads are due
        self.failing = False

    async def join(self, subscriber: Subscriber, interest: Interest) -> None:
        async with self._joining:
            if self._is_closed:
                raise FeedClosedError(_STOPPING)
            if self._task is None:
                reader = self._reader()
                await reader.open()
                self._task = asyncio.create_task(self._run(reader), name=f"change feed of {reader.table}")
            self._subscribers.add(subscriber, interest)

    def leave(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        if not self._subscribers and self._task is not None:
            self._task.cancel()
            self._task = None
            self.failing = False

    async def aclose(self) -> None:
        async with self._joining:
            self._is_closed = True
            task, self._task = self._task, None
        self._close(FeedClosedError(_STOPPING))
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _close(self, reason: FeedClosedError) -> None:
        for subscription in self._subscribers:
            subscription.close(reason)

    async def _run(self, reader: StreamReader) -> None:
        """Read while there are subscribers; after any failure retry, with exponential backoff."""
        failures = 0
        while True:
            try:
                await self._read(reader)
                if failures:
                    _log.warning("change feed goes on", table=reader.table, failures=failures)
                failures = 0
                self.failing = False
                await self._pause()
            except Exception as error:  # noqa: BLE001 — if the feed stopped, its subscribers would wait for ever
                failures += 1
                self.failing = True
                if failures == 1:
                    _log.warning("change feed interrupted", table=reader.table, error=repr(error))
                reader.forget_iterators()
                await asyncio.sleep(_backoff(failures))

    def expect(self) -> None:
        """Read soon, and once more if nothing is found: what was just written may not be in the stream yet."""
        self._writes += 1
        self._expected = 2
        self._expecting.set()

    async def _read(self, reader: StreamReader) -> None:
        writes, found = self._writes, 0
        async for changes in reader.read():
            found += len(changes)
            await self._publish(changes)
        if found and self._writes == writes:
            self._expected = 0

    async def _pause(self) -> None:
        """Wait until the next read: for an interval, or for a quarter of it if something is expected.

        In the long run there are at most two reads in an interval.
        """
        half, now = self._interval / 2, asyncio.get_running_loop().time()
        self._read_until = max(self._read_until, now) + half
        soonest = max(half / 2, self._read_until - half - now)
        await asyncio.sleep(soonest)
        if not self._expected:
            self._expecting.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval - soonest):
                    await self._expecting.wait()
        self._expected = max(0, self._expected - 1)

    async def _publish(self, changes: list[RowChange]) -> None:
        offers = 0
        for change in changes:
            for subscription in self._subscribers.of(change):
                subscription.offer(change)
                offers += 1
                if offers % _OFFERS == 0:
                    await asyncio.sleep(0)


def _backoff(failures: int) -> float:
    longest = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(failures, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 — spreads retries, keeps no secret
