"""DynamoDB Streams as AWS documents it: shards that end, iterators that expire, calls that fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from models.storage.calls import BlockingCalls


@dataclass
class Shard:
    """A shard of the fake stream."""

    parent: str | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False


class FakeStream(BlockingCalls):
    """Stands in for AWS, where one table has a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.shards = {"1": Shard()}
        self.arn = "stream-1"
        self.written = 0
        self.failures: list[Exception] = []
        self.retried = 0
        self.operations: list[str] = []

    def write(self, shard: str, name: str, *, at: datetime | None = None, texts: Mapping[str, str] = {}) -> None:
        """Record that a row was created."""
        self.written += 1
        image = {
            "SequenceNumber": str(self.written * 100),
            "NewImage": {field: {"S": text} for field, text in {"id": name, **texts}.items()},
            "ApproximateCreationDateTime": at or datetime.now(UTC),
        }
        self.shards[shard].records.append({"eventName": "INSERT", "dynamodb": image})

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Answer as the service would; `get_records` fails as `failures` says."""
        del service
        self.operations.append(operation)
        if operation == "get_records" and self.failures:
            raise self.failures.pop(0)
        return getattr(self, operation)(**params)

    def describe_table(self, TableName: str) -> Any:  # noqa: N803 — AWS's name
        return {"Table": {"TableName": TableName, "LatestStreamArn": self.arn}}

    def describe_stream(self, StreamArn: str, ExclusiveStartShardId: str = "") -> Any:  # noqa: N803 — AWS's names
        """List one shard a page, so that paging is tested."""
        del StreamArn
        (name, shard), *more = [entry for entry in self.shards.items() if entry[0] > ExclusiveStartShardId]
        described: dict[str, Any] = {"ShardId": name, "SequenceNumberRange": {"StartingSequenceNumber": "1"}}
        if shard.parent:
            described["ParentShardId"] = shard.parent
        if shard.ended:
            described["SequenceNumberRange"]["EndingSequenceNumber"] = "9"
        last = {"LastEvaluatedShardId": name} if more else {}
        return {"StreamDescription": {"Shards": [described], **last}}

    def get_shard_iterator(self, ShardId: str, ShardIteratorType: str, **params: str) -> Any:  # noqa: N803 — AWS's
        numbers = [record["dynamodb"]["SequenceNumber"] for record in self.shards[ShardId].records]
        match ShardIteratorType:
            case "LATEST":
                place = len(numbers)
            case "TRIM_HORIZON":
                place = 0
            case _ if params["SequenceNumber"] in numbers:
                place = numbers.index(params["SequenceNumber"]) + 1
            case _:
                raise failure("TrimmedDataAccessException")
        return {"ShardIterator": f"{ShardId}/{place}"}

    def get_records(self, ShardIterator: str) -> Any:  # noqa: N803 — AWS's name
        name, place = ShardIterator.split("/")
        shard = self.shards[name]
        following = None if shard.ended else f"{name}/{max(int(place), len(shard.records))}"
        retries, self.retried = self.retried, 0
        return {
            "Records": shard.records[int(place) :],
            "NextShardIterator": following,
            "ResponseMetadata": {"RetryAttempts": retries},
        }


def failure(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetRecords")
