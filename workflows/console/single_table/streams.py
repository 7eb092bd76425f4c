"""The single table's stream, read from a stored position on: which rows changed, and what they were before."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from models.errors import HourBankError
from models.storage.calls import Calls
from models.storage.store import Item
from workflows.console.single_table.position import Position

_SHARD_PAGES = 100  # of 100 shards each; a stream keeps the shards of a day only
# By how much the clocks of AWS and of this machine may differ.
_SKEW = timedelta(minutes=5)
# What DynamoDB says of records that it has no more, or of shards.
_GONE = frozenset({"TrimmedDataAccessException", "ResourceNotFoundException"})


class MissedChangesError(HourBankError):
    """The stream has records no more that were not read; everything has to be compared again."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that has changed.

    Args:
        key: its key.
        before: what it was; None if it is new.
        at: when, to the second.
    """

    key: Item
    before: Item | None
    at: datetime


@dataclass(slots=True)
class StreamOfTable:
    """Reads the stream that a position names, and moves the position on.

    Args:
        calls: the way to AWS.
        position: the position.

    Attributes:
        is_behind: whether a shard that has ended was not read to its end: an empty page says nothing of the next.
    """

    calls: Calls
    position: Position
    is_behind: bool = True
    _iterators: dict[str, str] = field(default_factory=dict)

    async def read(self) -> AsyncIterator[list[Changed]]:
        """Yield what has changed, shard by shard; a shard's position is moved on once its changes are done.

        Raises:
            MissedChangesError: the stream has records no more that were not read.
        """
        shards = await self._shards()
        known = self.position.shards
        if any(last is not None and name not in shards for name, last in known.items()):
            raise MissedChangesError("a shard is gone before it was read to its end")
        for name in [name for name in known if name not in shards]:
            del known[name]
        # A shard goes on where its parent has ended.
        for name, (parent, _) in shards.items():
            if not self._is_done(name) and (parent not in shards or self._is_done(parent)):
                async for changes in self._read(name):
                    yield changes
        self.is_behind = any(has_ended and not self._is_done(name) for name, (_, has_ended) in shards.items())

    def _is_done(self, shard: str) -> bool:
        """Return whether a shard was read to its end."""
        return self.position.shards.get(shard, "") is None

    async def _shards(self) -> dict[str, tuple[str, bool]]:
        """Return the stream's shards: the parent of each, "" if it has none, and whether it has ended."""
        found: dict[str, tuple[str, bool]] = {}
        start: dict[str, str] = {}
        for _ in range(_SHARD_PAGES):
            answer = await self._call("describe_stream", StreamArn=self.position.stream, **start)
            description = answer["StreamDescription"]
            for one in description["Shards"]:
                has_ended = "EndingSequenceNumber" in one.get("SequenceNumberRange", {})
                found[one["ShardId"]] = one.get("ParentShardId", ""), has_ended
            if (last := description.get("LastEvaluatedShardId")) is None:
                break
            start = {"ExclusiveStartShardId": last}
        return found

    async def _read(self, name: str) -> AsyncIterator[list[Changed]]:
        """Yield what one page of a shard says."""
        iterator = self._iterators.pop(name, None) or await self._iterator(name)
        try:
            answer = await self._call("get_records", ShardIterator=iterator)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExpiredIteratorException":
                raise
            return  # the next read gets another one
        records = answer["Records"]
        yield list(self._changes(records))
        following = answer.get("NextShardIterator")
        if following is None:
            self.position.shards[name] = None
            return
        self._iterators[name] = following
        if records:
            self.position.shards[name] = records[-1]["dynamodb"]["SequenceNumber"]

    async def _iterator(self, name: str) -> str:
        last = self.position.shards.get(name)
        where = (
            {"ShardIteratorType": "TRIM_HORIZON"}
            if last is None
            else {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": last}
        )
        answer = await self._call("get_shard_iterator", StreamArn=self.position.stream, ShardId=name, **where)
        iterator: str = answer["ShardIterator"]
        return iterator

    def _changes(self, records: list[Mapping[str, Any]]) -> Iterator[Changed]:
        """Yield what records say, without those of long before copying began."""
        begun = self.position.begun
        for record in records:
            image = record["dynamodb"]
            at: datetime = image["ApproximateCreationDateTime"]
            if begun is None or at >= begun - _SKEW:
                yield Changed(image["Keys"], image.get("OldImage"), at)

    async def _call(self, operation: str, **params: Any) -> Any:
        try:
            return await self.calls.call("dynamodbstreams", operation, **params)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise MissedChangesError(str(error)) from error
            raise
