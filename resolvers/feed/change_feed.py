"""The change feed: passes a table's changes, whoever wrote them, to those in this process who want them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol, Self

from models import tables
from models.storage.store import Store
from resolvers.feed.interests import ANY_CHANGE, Interest, SubscriberIndex
from resolvers.feed.limits import SubscriptionLimits
from resolvers.feed.queues import ChangeQueue, FeedClosedError, LaggingSubscriberError
from resolvers.feed.row_changes import RowChange
from resolvers.feed.sources import ChangeSource
from resolvers.rotation import Rotation

_STOPPING = "Closed: the server is stopping"
_OFFERS = 1_000  # to subscribers, some 2 ms, before others are served


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
    """Passes changes to subscribers; each table is listened to while it has any, once for all of them.

    Args:
        store: the tables.
        source: where changes come from.
        limits: the longest queue of a subscriber.
    """

    def __init__(self, store: Store, source: ChangeSource, *, limits: SubscriptionLimits | None = None) -> None:
        self.store = store
        self.rotation = Rotation()
        self._source = source
        self._limits = limits or SubscriptionLimits()
        self._channels: dict[type[tables.Table], _Channel] = {}

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
            botocore.exceptions.ClientError: changes cannot be read.
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
            channel = self._channels[table] = _Channel(table, self._source)
        await channel.join(subscriber, interest)
        return partial(channel.leave, subscriber)

    def queue(self) -> ChangeQueue:
        """Return the queue of a subscriber who keeps their own."""
        return ChangeQueue(self._limits)

    def expect(self, name: str) -> None:
        """Look for a table's changes soon, because the table, of this name, was just written to."""
        self._source.expect(name)

    @property
    def lag(self) -> float | None:
        """Return for how many seconds the last changes had waited to be read; None if that is not known."""
        return self._source.lag

    async def healthy(self) -> bool:
        """Return whether changes can be read now."""
        return await self._source.healthy()

    async def aclose(self) -> None:
        """Close every subscription, because the server stops."""
        for channel in self._channels.values():
            await channel.aclose()
        await self._source.aclose()


class _Channel:
    """One table's subscribers, who listen to its changes together."""

    def __init__(self, table: type[tables.Table], source: ChangeSource) -> None:
        self._table = table
        self._source = source
        self._subscribers: SubscriberIndex[Subscriber] = SubscriberIndex()
        self._joining = asyncio.Lock()
        self._end: Callable[[], None] | None = None
        self._is_closed = False

    async def join(self, subscriber: Subscriber, interest: Interest) -> None:
        async with self._joining:
            if self._is_closed:
                raise FeedClosedError(_STOPPING)
            if self._end is None:
                self._end = await self._source.listen(self._table, self)
            self._subscribers.add(subscriber, interest)

    def leave(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        if not self._subscribers and self._end is not None:
            self._end()
            self._end = None

    async def aclose(self) -> None:
        async with self._joining:
            self._is_closed = True
        self.close(FeedClosedError(_STOPPING))

    def close(self, reason: FeedClosedError) -> None:
        for subscription in list(self._subscribers):
            subscription.close(reason)

    async def publish(self, changes: Sequence[RowChange]) -> None:
        offers = 0
        for change in changes:
            for subscription in self._subscribers.of(change):
                subscription.offer(change)
                offers += 1
                if offers % _OFFERS == 0:
                    await asyncio.sleep(0)
