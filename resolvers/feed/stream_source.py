"""Changes from the tables' streams, each of which this server reads while somebody listens."""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models import tables
from models.errors import UnavailableError
from models.storage.store import Store
from resolvers.feed.backoff import backoff
from resolvers.feed.pace import Pace
from resolvers.feed.sources import Listener
from resolvers.feed.streams import StreamReader

_log = structlog.get_logger(__name__)


class StreamSource:
    """Reads streams for the only server of a deployment: AWS serves two readers of a shard at most.

    Args:
        store: the tables; its `calls` reach `dynamodb` and `dynamodbstreams`.
        interval: seconds between two reads of a shard. AWS allows five reads a second for all readers together,
            so 0.5 leaves room for a Lambda trigger beside this one. After a write that it is told of, it reads
            sooner, twice as often in the long run.
        sample: the table by whose stream the health of all streams is judged.
    """

    def __init__(
        self, store: Store, *, interval: float = 0.5, sample: type[tables.Table] = tables.ServiceRequest
    ) -> None:
        self._store = store
        self._sample = sample
        self._interval = interval
        self._readings: dict[str, StreamReading] = {}

    @property
    def lag(self) -> None:
        """Return None: a stream says to the second when its records were written, and no better."""

    def _reader(self, table: type[tables.Table]) -> StreamReader:
        return StreamReader(self._store.calls, self._store.names.table(table))

    async def listen(self, table: type[tables.Table], listener: Listener) -> Callable[[], None]:
        """Read a table's stream from now on; return the function that ends it.

        Raises:
            botocore.exceptions.ClientError: the stream cannot be opened.
            UnavailableError: AWS does not answer.
            LookupError: the table has no stream.
        """
        reader = self._reader(table)
        await reader.open()
        reading = self._readings[reader.table] = StreamReading(reader, listener, self._interval)
        return partial(self._end, reading)

    def _end(self, reading: "StreamReading") -> None:
        reading.task.cancel()
        if self._readings.get(reading.table) is reading:
            del self._readings[reading.table]

    def expect(self, name: str) -> None:
        """Read a table's stream soon, because the table, of this name, was just written to."""
        if (reading := self._readings.get(name)) is not None:
            reading.pace.expect()

    async def healthy(self) -> bool:
        """Return whether streams can be read now."""
        if any(reading.is_failing for reading in self._readings.values()):
            return False
        try:
            await self._reader(self._sample).open()
        except (ClientError, BotoCoreError, UnavailableError, LookupError):
            return False
        return True

    async def aclose(self) -> None:
        """End all reading."""
        tasks = [reading.task for reading in self._readings.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class StreamReading:
    """The reading of one table's stream, by a task of its own.

    Attributes:
        is_failing: whether the last read has failed.
    """

    def __init__(self, reader: StreamReader, listener: Listener, interval: float) -> None:
        self._reader = reader
        self._listener = listener
        self.pace = Pace(interval)
        self.is_failing = False
        self.table = reader.table
        self.task = asyncio.create_task(self._run(), name=f"change feed of {reader.table}")

    async def _run(self) -> None:
        """Read until it is ended; after any failure retry, with exponential backoff."""
        failures = 0
        while True:
            try:
                await self._read()
                if failures:
                    _log.warning("change feed goes on", table=self.table, failures=failures)
                failures = 0
                self.is_failing = False
                await self.pace.pause()
            except Exception as error:  # noqa: BLE001 — if the feed stopped, its subscribers would wait for ever
                failures += 1
                self.is_failing = True
                if failures == 1:
                    _log.warning("change feed interrupted", table=self.table, error=repr(error))
                self._reader.forget_iterators()
                await asyncio.sleep(backoff(failures))

    async def _read(self) -> None:
        writes, found = self.pace.writes, 0
        async for changes in self._reader.read():
            found += len(changes)
            await self._listener.publish(changes)
        if found:
            self.pace.found(writes)
