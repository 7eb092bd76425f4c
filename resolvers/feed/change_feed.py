"""The change feed: what any writer changes in a table, told to everybody in this process who subscribed to it.

FeedClosedError
└── LaggingSubscriberError  this subscriber did not keep up; the others did
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models import tables
from models.storage.store import Store
from resolvers.feed.streams import RowChange, StreamReader

# What may wait for one subscriber, in changes and in bytes of memory: 1,000 rows of the usual twenty fields
# take some 5 MB, ten rows of the largest kind take the rest.
QUEUE = 1_000
QUEUE_BYTES = 8 * 1024 * 1024
_FIRST_BACKOFF = 0.2
_LONGEST_BACKOFF = 5.0

_log = structlog.get_logger(__name__)


class FeedClosedError(Exception):
    """No further change will be told to this subscriber; the message says why."""


class LaggingSubscriberError(FeedClosedError):
    """The subscriber's queue was full."""


class Subscription:
    """One subscriber's changes, in the order of the stream. An endless asynchronous iterator.

    Args:
        limit: changes that may wait; the next one closes the subscription and drops them all.
        limit_bytes: memory that they may take, unless a single one takes more.
    """

    def __init__(self, limit: int, limit_bytes: int = QUEUE_BYTES) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._waiting: deque[RowChange] = deque()
        self._stirred = asyncio.Event()
        self._closed: FeedClosedError | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RowChange:
        """Return the next change.

        Raises:
            FeedClosedError: there will be none.
        """
        while not self._waiting:
            if self._closed:
                raise self._closed
            self._stirred.clear()
            await self._stirred.wait()
        change = self._waiting.popleft()
        self._bytes -= change.size
        return change

    def offer(self, change: RowChange) -> None:
        """Put a change in line, without ever waiting for the subscriber."""
        if self._closed:
            return
        if len(self._waiting) >= self._limit:
            self._drop(f"over {self._limit} changes")
        elif self._waiting and self._bytes + change.size > self._limit_bytes:
            self._drop(f"over {self._limit_bytes} bytes of changes")
        else:
            self._waiting.append(change)
            self._bytes += change.size
            self._stirred.set()

    def _drop(self, what: str) -> None:
        self._waiting.clear()
        self._bytes = 0
        self.close(LaggingSubscriberError(f"Closed: {what} were waiting to be read"))

    def close(self, reason: FeedClosedError) -> None:
        """End the subscription after the changes that wait."""
        self._closed = self._closed or reason
        self._stirred.set()


class ChangeFeed:
    """Reads a table's stream while somebody subscribes to it, once for all subscribers.

    Args:
        store: the tables; its `calls` reach `dynamodb` and `dynamodbstreams`.
        interval: seconds between two readings of a shard. AWS allows five a second for all readers together,
            so 0.5 leaves room for a second server and a Lambda trigger beside this one.
        queue: changes that may wait for one subscriber.
    """

    def __init__(self, store: Store, *, interval: float = 0.5, queue: int = QUEUE) -> None:
        self.store = store
        self._interval = interval
        self._queue = queue
        self._channels: dict[type[tables.Table], _Channel] = {}

    def _reader(self, table: type[tables.Table]) -> StreamReader:
        return StreamReader(self.store.calls, self.store.names.table(table))

    @asynccontextmanager
    async def subscribe(self, table: type[tables.Table]) -> AsyncIterator[Subscription]:
        """Tell every change of a table that is written from the moment this is entered.

        Raises:
            botocore.exceptions.ClientError: the stream cannot be opened.
            botocore.exceptions.BotoCoreError: AWS did not answer.
            LookupError: the table has no stream.
        """
        channel = self._channels.get(table)
        if channel is None:
            channel = _Channel(partial(self._reader, table), self._interval)
            self._channels[table] = channel
        subscription = Subscription(self._queue)
        await channel.join(subscription)
        try:
            yield subscription
        finally:
            channel.leave(subscription)

    async def healthy(self) -> bool:
        """Tell whether streams can be read now."""
        if any(channel.failing for channel in self._channels.values()):
            return False
        try:
            await self._reader(tables.ServiceRequest).open()
        except (ClientError, BotoCoreError, LookupError):
            return False
        return True

    async def aclose(self) -> None:
        """End every subscription; the server is about to stop."""
        for channel in self._channels.values():
            await channel.aclose()


class _Channel:
    """One table's subscribers, and the task that reads its stream for them."""

    def __init__(self, reader: Callable[[], StreamReader], interval: float) -> None:
        self._reader = reader
        self._interval = interval
        self._subscribers: set[Subscription] = set()
        self._joining = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.failing = False

    async def join(self, subscription: Subscription) -> None:
        async with self._joining:
            if self._task is None:
                reader = self._reader()
                await reader.open()
                self._task = asyncio.create_task(self._run(reader), name=f"change feed of {reader.table}")
            self._subscribers.add(subscription)

    def leave(self, subscription: Subscription) -> None:
        self._subscribers.discard(subscription)
        if not self._subscribers and self._task is not None:
            self._task.cancel()
            self._task = None
            self.failing = False

    async def aclose(self) -> None:
        task, self._task = self._task, None
        self._close(FeedClosedError("Closed: the server is stopping"))
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _close(self, reason: FeedClosedError) -> None:
        for subscription in self._subscribers:
            subscription.close(reason)

    async def _run(self, reader: StreamReader) -> None:
        """Read for as long as there are subscribers; whatever fails is tried again, ever more slowly."""
        failures = 0
        while True:
            try:
                async for changes in reader.read():
                    self._tell(changes)
                failures = 0
                self.failing = False
                await asyncio.sleep(self._interval)
            except Exception as error:  # noqa: BLE001 — a feed that stopped would leave its subscribers waiting
                failures += 1
                self.failing = True
                _log.warning("change feed interrupted", table=reader.table, failures=failures, error=repr(error))
                reader.forget_iterators()
                await asyncio.sleep(_backoff(failures))

    def _tell(self, changes: list[RowChange]) -> None:
        for change in changes:
            for subscription in self._subscribers:
                subscription.offer(change)


def _backoff(failures: int) -> float:
    longest = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(failures, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 — spreads retries, keeps no secret
