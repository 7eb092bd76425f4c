"""Changes from a queue of this server's own, which a topic fills with the changes of all tables."""

import asyncio
import random
import time
from collections.abc import Callable, Collection
from functools import partial

import structlog

from models.changes import Change
from models.clock import Clock
from models.storage.calls import Calls
from models.storage.names import Names
from models.tables import Table
from resolvers.feed.backoff import backoff
from resolvers.feed.queues import FeedClosedError
from resolvers.feed.row_changes import RowChange
from resolvers.feed.server_queues.last_changes import LastChanges
from resolvers.feed.server_queues.orphans import Orphans
from resolvers.feed.server_queues.server_queue import KEPT_SECONDS, MOST_RECEIVED, Received, ServerQueue, is_gone
from resolvers.feed.server_queues.subscriptions import NoTopicError
from resolvers.feed.sources import Listener

_MISSED = "Closed: changes may have been missed; subscribe again"
# Seconds for which one call waits for messages; a call's own deadline is a second later.
_WAIT_SECONDS = 5
# Longer than a call takes with its retries.
_SILENCE_SECONDS = 20.0
# As long as every call is full, twice as many are made at once, up to this.
_MOST_AT_ONCE = 8
_HEARTBEAT_SECONDS = 60.0
_HEARTBEATS_PER_SWEEP = 5
_STOP_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class QueueSource:
    """Reads a server's queue from `open` on, whether anybody listens or not.

    Args:
        calls: the way to SQS, SNS and DynamoDB.
        names: the deployment's names.
        clock: the time.
    """

    def __init__(self, calls: Calls, names: Names, clock: Clock) -> None:
        self._calls = calls
        self._names = names
        self._clock = clock
        self._queue = ServerQueue(calls, names, clock)
        self._orphans = Orphans(calls, names, clock)
        self._last = LastChanges()
        self._listeners: dict[str, Listener] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._is_failing = False
        # Whether the queue is gone, or nothing fills it any more.
        self._is_deaf = False
        self._read_at = 0.0
        self._heard_at = 0.0
        self.lag: float | None = None

    async def open(self) -> None:
        """Make the queue and begin to read it.

        Raises:
            NoTopicError: the deployment publishes no changes.
            botocore.exceptions.ClientError: AWS refuses it.
            botocore.exceptions.BotoCoreError: AWS does not answer.
        """
        await self._queue.open()
        self._read_at, self._heard_at = time.monotonic(), self._clock().timestamp()
        self._tasks = [asyncio.create_task(work, name="change feed") for work in (self._run(), self._keep_up())]

    async def listen(self, table: type[Table], listener: Listener) -> Callable[[], None]:
        """Tell a listener of a table's changes from now on; return the function that ends it.

        Changes that were written a moment before may come, too.
        """
        name = self._names.table(table)
        self._listeners[name] = listener
        return partial(self._end, name)

    def _end(self, name: str) -> None:
        del self._listeners[name]

    def expect(self, name: str) -> None:
        """Do nothing: the queue is waiting for changes already."""

    async def healthy(self) -> bool:
        """Return whether the queue can be read now; until it is open, nothing is known to be wrong."""
        if not self._tasks:
            return True
        return not self._is_failing and not self._is_deaf and time.monotonic() - self._read_at < _SILENCE_SECONDS

    async def aclose(self) -> None:
        """Stop reading, and remove the queue."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._queue.remove()
        except TimeoutError:
            _log.warning("the queue is left to other servers, which will remove it")

    async def _run(self) -> None:
        """Read until it is ended; after any failure retry, with exponential backoff."""
        failures, at_once = 0, 1
        while True:
            try:
                if self._is_deaf:
                    await self._begin_anew()
                is_full = await self._read(at_once)
                at_once = min(2 * at_once, _MOST_AT_ONCE) if is_full else 1
                if failures:
                    _log.warning("change feed goes on", failures=failures)
                self._heard()
                failures, self._is_failing, self._read_at = 0, False, time.monotonic()
            except Exception as error:  # noqa: BLE001 — if the feed stopped, its subscribers would wait for ever
                failures, at_once = failures + 1, 1
                self._is_failing = True
                if failures == 1:
                    _log.warning("change feed interrupted", error=repr(error))
                self._is_deaf = self._is_deaf or is_gone(error)
                await asyncio.sleep(backoff(failures))

    def _heard(self) -> None:
        """Note when the queue was read; after a silence in which changes have expired, clients are told."""
        now = self._clock().timestamp()
        if now - self._heard_at > KEPT_SECONDS:
            self._miss()
        self._heard_at = now

    async def _read(self, at_once: int) -> bool:
        """Pass on what is in the queue; return whether there may be more.

        SQS gives messages of a row to nobody while others of that row are received and not deleted, so that the
        calls that are made at once have different rows.
        """
        seconds = _WAIT_SECONDS if at_once == 1 else 0
        answers = await asyncio.gather(*(self._queue.receive(seconds=seconds) for _ in range(at_once)))
        received = [answer for answer in answers if answer]
        sent = [message.sent for answer in received for message in answer]
        self.lag = max(0.0, self._clock().timestamp() - min(sent)) if sent else 0.0
        for answer in received:
            await self._pass_on(answer)
        await asyncio.gather(*map(self._queue.delete, received))
        return all(len(answer) == MOST_RECEIVED for answer in answers)

    async def _pass_on(self, messages: Collection[Received]) -> None:
        for message in messages:
            try:
                change = Change.decoded(message.text)
            except (LookupError, TypeError, ValueError) as error:
                _log.warning("this is no change", text=message.text[:200], error=repr(error))
                continue
            if self._last.has(change):
                continue
            if (listener := self._listeners.get(change.table)) is not None:
                await self._tell(listener, change)
            self._last.note(change)

    async def _tell(self, listener: Listener, change: Change) -> None:
        row = change.row
        if row is None:  # too large for a message
            answer = await self._calls.call(
                "dynamodb", "get_item", TableName=change.table, Key=change.key, ConsistentRead=True
            )
            row = answer.get("Item")
        if row is not None:  # else it was deleted meanwhile, and that is the next change
            await listener.publish([RowChange.sized(change.kind, row)])

    async def _begin_anew(self) -> None:
        """Make another queue, and tell clients that they may have missed changes.

        Raises:
            NoTopicError: the deployment publishes no changes any more.
            botocore.exceptions.ClientError: AWS refuses it.
            botocore.exceptions.BotoCoreError: AWS does not answer.
        """
        await self._queue.open()
        _log.warning("no change came to the queue any more; there is another one")
        self._is_deaf, self._last = False, LastChanges()
        self._miss()

    def _miss(self) -> None:
        """Tell clients that they may have missed changes."""
        for listener in list(self._listeners.values()):
            listener.close(FeedClosedError(_MISSED))

    async def _keep_up(self) -> None:
        """Remove orphans, say again and again that this server lives, and look whether its queue is filled."""
        beats = 0
        while True:
            try:
                # First it says that it lives: its own queue may look like an orphan after a long silence.
                if beats:
                    await self._queue.beat()
                    self._is_deaf = self._is_deaf or not await self._queue.is_subscribed()
                if beats % _HEARTBEATS_PER_SWEEP == 0:
                    await self._orphans.sweep()
            except Exception as error:  # noqa: BLE001 — it is tried again
                self._is_deaf = self._is_deaf or isinstance(error, NoTopicError)
                _log.warning("the queues of changes could not be looked after", error=repr(error))
            beats += 1
            # Spread, so that servers that start together do not look at the same queues together.
            await asyncio.sleep(_HEARTBEAT_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 — no secret
