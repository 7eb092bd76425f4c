"""Reading one table's DynamoDB stream: every shard in order, each record once, from one moment on.

A stream is a changing set of shards. A shard is read with shard iterators, which expire. A shard also ends; its
children continue it and must be read after it. The position in a shard is kept as a sequence number, so that any
iterator may be lost: because it expired, because the stream was trimmed, or because a local cloud was restarted.
"""

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from models.storage.calls import Calls
from resolvers.feed.row_changes import RowChange

_SHARD_PAGES = 100  # of 100 shards each; a stream keeps the shards of 24 hours only
_DISCOVERY_SECONDS = 10.0  # between two looks for new shards; the end of a shard causes an immediate look as well


class _Start(StrEnum):
    """Where reading a shard begins if none of its records was read yet: a type of shard iterator."""

    LATEST = "LATEST"
    TRIM_HORIZON = "TRIM_HORIZON"


@dataclass(slots=True)
class _Shard:
    """A shard that is being read, or that waits for its parent to end."""

    id: str
    parent: str | None
    start: _Start
    iterator: str | None = None
    last_read: str | None = None  # sequence number of the last record read
    not_before: float = 0.0  # epoch seconds; older records are ignored


class StreamReader:
    """Reads the changes of one table from `open` on.

    Args:
        calls: the way to AWS.
        table: the table's name.
    """

    def __init__(self, calls: Calls, table: str) -> None:
        self._calls = calls
        self.table = table
        self._stream = ""
        self._shards: dict[str, _Shard] = {}
        self._ended: set[str] = set()
        self._opened = 0.0
        self._discover_at = 0.0

    async def open(self) -> None:
        """Set the position after the newest record of every shard; all later changes will be read.

        Raises:
            botocore.exceptions.ClientError: AWS refused the call.
            botocore.exceptions.BotoCoreError, UnavailableError: AWS did not answer.
            LookupError: the table has no stream.
        """
        self._opened = float(int(time.time()))  # records carry whole seconds
        self._stream = await self._find_stream()
        for found in await self._describe():
            if "EndingSequenceNumber" in found.get("SequenceNumberRange", {}):
                self._ended.add(found["ShardId"])
            else:
                self._add(found, _Start.LATEST)
        for shard in self._shards.values():
            await self._renew_iterator(shard)

    async def read(self) -> AsyncIterator[list[RowChange]]:
        """Yield the changes since the last read, shard by shard; the changes of one row are in order.

        After any of these errors the position is kept, so the caller may read again later.

        Raises:
            botocore.exceptions.ClientError: AWS refused the call.
            botocore.exceptions.BotoCoreError, UnavailableError: AWS did not answer.
            LookupError: the table no longer has a stream.
        """
        if time.monotonic() >= self._discover_at:
            await self._discover()
        readable = [shard for shard in self._shards.values() if shard.parent not in self._shards]
        for shard in readable:
            yield await self._read(shard)

    def forget_iterators(self) -> None:
        """Get new iterators for the next read, because a local cloud may have been restarted."""
        for shard in self._shards.values():
            shard.iterator = None
        self._discover_at = 0.0

    async def _find_stream(self) -> str:
        described = await self._calls.call("dynamodb", "describe_table", TableName=self.table)
        stream: str | None = described["Table"].get("LatestStreamArn")
        if stream is None:
            raise LookupError(f"table {self.table} has no stream")
        return stream

    async def _describe(self) -> list[dict[str, Any]]:
        """Return all shards of the stream, including those that have ended."""
        shards: list[dict[str, Any]] = []
        start: dict[str, str] = {}
        for _ in range(_SHARD_PAGES):
            answer = await self._stream_call("describe_stream", StreamArn=self._stream, **start)
            description = answer["StreamDescription"]
            shards += description["Shards"]
            if (last := description.get("LastEvaluatedShardId")) is None:
                break
            start = {"ExclusiveStartShardId": last}
        self._discover_at = time.monotonic() + _DISCOVERY_SECONDS
        return shards

    async def _discover(self) -> None:
        """Add the shards that are new; all of them, if the table has a new stream."""
        if (stream := await self._find_stream()) != self._stream:
            self._stream = stream
            self._shards.clear()
            self._ended.clear()
        listed = await self._describe()
        for found in listed:
            if found["ShardId"] not in self._shards and found["ShardId"] not in self._ended:
                self._add(found, _Start.TRIM_HORIZON)
        self._ended &= {found["ShardId"] for found in listed}

    def _add(self, found: dict[str, Any], start: _Start) -> None:
        self._shards[found["ShardId"]] = _Shard(found["ShardId"], found.get("ParentShardId"), start)

    async def _renew_iterator(self, shard: _Shard) -> None:
        """Get an iterator for the records after the last one read."""
        where = {"StreamArn": self._stream, "ShardId": shard.id}
        if shard.last_read is not None:
            where |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": shard.last_read}
        else:
            where |= {"ShardIteratorType": shard.start}
            shard.not_before = 0.0 if shard.start is _Start.LATEST else self._opened
        answer = await self._stream_call("get_shard_iterator", **where)
        shard.iterator = answer["ShardIterator"]
        # If this iterator is lost before a record is read, a second LATEST would skip what was written meanwhile.
        shard.start = _Start.TRIM_HORIZON

    async def _read(self, shard: _Shard) -> list[RowChange]:
        try:
            answer = await self._get_records(shard)
            if answer["ResponseMetadata"]["RetryAttempts"]:
                # A local cloud may have been restarted before the retry; the iterator may be another position now.
                shard.iterator = None
                answer = await self._get_records(shard)
        except ClientError as error:
            self._recover(shard, error)
            return []
        changes = list(_changes(shard, answer["Records"]))
        if answer["Records"]:
            shard.last_read = answer["Records"][-1]["dynamodb"]["SequenceNumber"]
        shard.iterator = answer.get("NextShardIterator")
        if shard.iterator is None:
            self._end(shard)
        return changes

    async def _get_records(self, shard: _Shard) -> dict[str, Any]:
        if shard.iterator is None:
            await self._renew_iterator(shard)
        answer: dict[str, Any] = await self._stream_call("get_records", ShardIterator=shard.iterator)
        return answer

    def _recover(self, shard: _Shard, error: ClientError) -> None:
        """Let the next read start where it can, or raise the error again."""
        match error.response["Error"]["Code"]:
            case "ExpiredIteratorException":
                shard.iterator = None
            case "TrimmedDataAccessException":
                # Records that were not read within 24 hours are gone; go on with the oldest one left.
                shard.iterator = shard.last_read = None
            case "ResourceNotFoundException":
                self._end(shard)
            case _:
                raise error

    def _end(self, shard: _Shard) -> None:
        del self._shards[shard.id]
        self._ended.add(shard.id)
        self._discover_at = 0.0

    async def _stream_call(self, operation: str, **params: Any) -> Any:
        return await self._calls.call("dynamodbstreams", operation, **params)


def _changes(shard: _Shard, records: Iterable[dict[str, Any]]) -> Iterator[RowChange]:
    for record in records:
        if record["dynamodb"]["ApproximateCreationDateTime"].timestamp() >= shard.not_before:
            yield RowChange.of(record)
