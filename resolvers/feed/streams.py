"""Reading one table's DynamoDB stream: every shard in its order, each record once, from a moment on.

A stream is a changing set of shards. A shard is read by iterators that expire, and it ends; its children go on
where it ended, and may not be read before it. The position in a shard is kept as a sequence number, so that any
iterator can be lost: to expiry, to a stream whose older part was trimmed, or to a cloud that was restarted.
"""

import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from models.storage.calls import Calls
from models.storage.store import Item

_SHARD_PAGES = 100  # of 100 shards each; a stream keeps the shards of 24 hours only
_VALUE_BYTES = 250  # what Python needs for a value beside its text: a dict of one entry, and the text's own head
_DISCOVERY_SECONDS = 10.0  # a shard's children are also looked for when it ends, this is for the rest


class ChangeKind(StrEnum):
    """What happened to a row, in DynamoDB's words."""

    CREATE = "INSERT"
    UPDATE = "MODIFY"
    DELETE = "REMOVE"


@dataclass(frozen=True, slots=True)
class RowChange:
    """A change of one row.

    Args:
        kind: what happened.
        item: the whole row, as it is now, or as it last was.
        size: bytes of memory that the row takes, roughly.
    """

    kind: ChangeKind
    item: Item
    size: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "RowChange":
        """Return what a stream's record tells; the row as it was before is let go unless it is the last."""
        image = record["dynamodb"]
        item: Item = image.get("NewImage") or image["OldImage"]
        return cls(ChangeKind(record["eventName"]), item, sum(map(_size, item.values())))


class _Start(StrEnum):
    """Where the reading of a shard begins when none of its records was read yet."""

    LATEST = "LATEST"
    TRIM_HORIZON = "TRIM_HORIZON"


@dataclass(slots=True)
class _Shard:
    """A shard that is being read, or waits for its parent's end."""

    id: str
    parent: str | None
    start: _Start
    iterator: str | None = None
    last: str | None = None  # sequence number of the last record read
    since: float = 0.0  # records from before were not asked for


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
        """Take the position after the newest record of every shard; later changes will all be read.

        Raises:
            botocore.exceptions.ClientError: AWS refused.
            botocore.exceptions.BotoCoreError: AWS did not answer.
            LookupError: the table has no stream.
        """
        self._opened = float(int(time.time()))  # records carry whole seconds
        self._stream = await self._find_stream()
        for found in await self._describe():
            if "EndingSequenceNumber" in found.get("SequenceNumberRange", {}):
                self._ended.add(found["ShardId"])
            else:
                self._follow(found, _Start.LATEST)
        for shard in self._shards.values():
            await self._locate(shard)

    async def read(self) -> AsyncIterator[list[RowChange]]:
        """Yield the changes since the last reading, shard by shard, those of one row in their order.

        Raises:
            botocore.exceptions.ClientError: AWS refused; the position is kept, so repeat later.
            botocore.exceptions.BotoCoreError: AWS did not answer; likewise.
            LookupError: the table has no stream any more; likewise.
        """
        if time.monotonic() >= self._discover_at:
            await self._discover()
        readable = [shard for shard in self._shards.values() if shard.parent not in self._shards]
        for shard in readable:
            yield await self._read(shard)

    def forget_iterators(self) -> None:
        """Have every shard located by its sequence number again, since the cloud may have been restarted."""
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
        """Return the stream's shards, ended ones too."""
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
        """Follow the shards that are new; all of them, if the table got a new stream."""
        if (stream := await self._find_stream()) != self._stream:
            self._stream = stream
            self._shards.clear()
            self._ended.clear()
        listed = await self._describe()
        for found in listed:
            if found["ShardId"] not in self._shards and found["ShardId"] not in self._ended:
                self._follow(found, _Start.TRIM_HORIZON)
        self._ended &= {found["ShardId"] for found in listed}

    def _follow(self, found: dict[str, Any], start: _Start) -> None:
        self._shards[found["ShardId"]] = _Shard(found["ShardId"], found.get("ParentShardId"), start)

    async def _locate(self, shard: _Shard) -> None:
        """Get an iterator for what comes after the last record read."""
        where = {"StreamArn": self._stream, "ShardId": shard.id}
        if shard.last is not None:
            where |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": shard.last}
        else:
            where |= {"ShardIteratorType": shard.start}
            shard.since = 0.0 if shard.start is _Start.LATEST else self._opened
        answer = await self._stream_call("get_shard_iterator", **where)
        shard.iterator = answer["ShardIterator"]
        # Located a second time, the newest record may be one that was missed meanwhile.
        shard.start = _Start.TRIM_HORIZON

    async def _read(self, shard: _Shard) -> list[RowChange]:
        try:
            answer = await self._get_records(shard)
            if answer["ResponseMetadata"]["RetryAttempts"]:
                # The cloud may have been restarted in between, and the iterator mean another place now.
                shard.iterator = None
                answer = await self._get_records(shard)
        except ClientError as error:
            self._recover(shard, error)
            return []
        changes = list(_changes(shard, answer["Records"]))
        if answer["Records"]:
            shard.last = answer["Records"][-1]["dynamodb"]["SequenceNumber"]
        shard.iterator = answer.get("NextShardIterator")
        if shard.iterator is None:
            self._end(shard)
        return changes

    async def _get_records(self, shard: _Shard) -> dict[str, Any]:
        if shard.iterator is None:
            await self._locate(shard)
        answer: dict[str, Any] = await self._stream_call("get_records", ShardIterator=shard.iterator)
        return answer

    def _recover(self, shard: _Shard, error: ClientError) -> None:
        """Make the next reading start where it can, or pass the error on."""
        match error.response["Error"]["Code"]:
            case "ExpiredIteratorException":
                shard.iterator = None
            case "TrimmedDataAccessException":
                # What was not read within 24 hours is gone; go on with the oldest that is left.
                shard.iterator = shard.last = None
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
        if record["dynamodb"]["ApproximateCreationDateTime"].timestamp() >= shard.since:
            yield RowChange.of(record)


def _size(value: Mapping[str, Any]) -> int:
    """Return roughly what a value of a row takes in memory, with all that is in it."""
    match value:
        case {"L": list(members)}:
            return _VALUE_BYTES + sum(map(_size, members))
        case {"M": dict(members)}:
            return _VALUE_BYTES + sum(map(_size, members.values()))
        case {"S": str(text)} | {"N": str(text)}:
            return _VALUE_BYTES + len(text)
        case {"B": bytes(data)}:
            return _VALUE_BYTES + len(data)
        case {"SS": list(texts)} | {"NS": list(texts)} | {"BS": list(texts)}:
            return _VALUE_BYTES * (1 + len(texts)) + sum(map(len, texts))
    return _VALUE_BYTES
