"""Every change is told once, in its order, to everybody who keeps up, whatever happens to shards and iterators."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from models import tables
from models.storage.names import Names
from models.storage.store import Store
from resolvers.feed.change_feed import (
    QUEUE_BYTES,
    ChangeFeed,
    FeedClosedError,
    LaggingSubscriberError,
    Subscription,
)
from resolvers.feed.streams import ChangeKind, RowChange, StreamReader
from tests.unit.fake_stream import FakeStream, Shard, failure

LARGE = {"id": {"S": "r"}, "text": {"S": "x" * 400_000}}


@pytest.fixture
def stream() -> FakeStream:
    return FakeStream()


@pytest.fixture
async def reader(stream: FakeStream) -> StreamReader:
    stream.write("1", "before")
    reader = StreamReader(stream, "table")
    await reader.open()
    return reader


async def names(reader: StreamReader) -> list[str]:
    return [change.item["id"]["S"] async for changes in reader.read() for change in changes]


async def test_what_was_there_before_is_not_told(stream: FakeStream, reader: StreamReader) -> None:
    assert await names(reader) == []
    stream.write("1", "after")
    assert await names(reader) == ["after"]
    assert await names(reader) == []


async def test_children_are_read_whole_and_after_their_parents(stream: FakeStream, reader: StreamReader) -> None:
    stream.write("1", "a")
    stream.shards["1"].ended = True
    stream.shards["2"] = Shard(parent="1")
    stream.shards["3"] = Shard(parent="2")
    stream.write("2", "b")
    stream.shards["2"].ended = True
    stream.write("3", "c")
    assert [await names(reader) for _ in range(3)] == [["a"], ["b"], ["c"]]
    stream.write("3", "d")
    assert await names(reader) == ["d"]


async def test_shards_that_had_ended_are_not_read(stream: FakeStream) -> None:
    stream.write("1", "old")
    stream.shards["1"].ended = True
    stream.shards["2"] = Shard(parent="1")
    reader = StreamReader(stream, "table")
    await reader.open()
    stream.write("2", "new")
    assert await names(reader) == ["new"]


@pytest.mark.parametrize("code", ["ExpiredIteratorException", "TrimmedDataAccessException"])
async def test_a_lost_iterator_loses_no_change(stream: FakeStream, reader: StreamReader, code: str) -> None:
    stream.write("1", "a")
    assert await names(reader) == ["a"]
    stream.failures = [failure("ExpiredIteratorException")]
    if code == "TrimmedDataAccessException":
        stream.shards["1"].records.clear()
    stream.write("1", "b")
    told = [name for _ in range(3) for name in await names(reader)]
    assert told == ["b"]


async def test_an_iterator_lost_before_the_first_change_tells_nothing_old(stream: FakeStream) -> None:
    stream.write("1", "old", at=datetime(2020, 1, 1, tzinfo=UTC))
    reader = StreamReader(stream, "table")
    await reader.open()
    stream.failures = [failure("ExpiredIteratorException")]
    stream.write("1", "new")
    assert [name for _ in range(2) for name in await names(reader)] == ["new"]


async def test_a_restarted_cloud_counts_anew_and_nothing_is_lost(stream: FakeStream, reader: StreamReader) -> None:
    stream.write("1", "a")
    assert await names(reader) == ["a"]
    stream.shards["1"].records.clear()
    stream.write("1", "b")
    stream.retried = 1
    assert [name for _ in range(2) for name in await names(reader)] == ["b"]


async def test_a_table_made_anew_is_followed(stream: FakeStream, reader: StreamReader) -> None:
    stream.arn = "stream-2"
    stream.shards = {"9": Shard()}
    stream.write("9", "a")
    reader.forget_iterators()
    assert await names(reader) == ["a"]


async def test_throttling_is_passed_on_and_the_place_kept(stream: FakeStream, reader: StreamReader) -> None:
    stream.write("1", "a")
    stream.failures = [failure("ThrottlingException")]
    with pytest.raises(ClientError):
        await names(reader)
    assert await names(reader) == ["a"]


@pytest.fixture
async def feed(stream: FakeStream) -> AsyncIterator[ChangeFeed]:
    feed = ChangeFeed(Store(stream, Names("test", "us-east-1", "0" * 12)), interval=0.01, queue=3)
    yield feed
    await feed.aclose()


async def test_one_reading_serves_all_subscribers(stream: FakeStream, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification) as first, feed.subscribe(tables.Notification) as second:
        stream.write("1", "a")
        assert (await anext(first)).kind is ChangeKind.CREATE
        assert (await anext(second)).item == {"id": {"S": "a"}}
    assert stream.operations.count("describe_stream") == 1


async def test_nothing_is_read_for_nobody(stream: FakeStream, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification):
        pass
    await asyncio.sleep(0.02)
    asked = len(stream.operations)
    await asyncio.sleep(0.05)
    assert len(stream.operations) == asked


async def test_a_reading_that_fails_is_tried_again(stream: FakeStream, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification) as changes:
        stream.failures = [EndpointConnectionError(endpoint_url="x"), failure("ThrottlingException")]
        stream.write("1", "a")
        change = await asyncio.wait_for(anext(changes), 5)
        assert change.item == {"id": {"S": "a"}}
    assert not stream.failures
    assert await feed.healthy()


async def test_one_who_lags_is_closed_and_the_others_are_not(stream: FakeStream, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification) as slow, feed.subscribe(tables.Notification) as quick:
        for name in "abcd":
            stream.write("1", name)
            assert (await anext(quick)).item == {"id": {"S": name}}
        with pytest.raises(LaggingSubscriberError, match="over 3 changes"):
            await anext(slow)


async def test_closing_the_feed_ends_every_subscription(feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification) as changes:
        await feed.aclose()
        with pytest.raises(FeedClosedError, match="stopping"):
            await anext(changes)


async def test_what_waits_is_told_before_the_end() -> None:
    subscription = Subscription(2)
    change = RowChange(ChangeKind.DELETE, {"id": {"S": "a"}}, 1)
    subscription.offer(change)
    subscription.close(FeedClosedError("over"))
    assert await anext(subscription) is change
    with pytest.raises(FeedClosedError):
        await anext(subscription)


async def test_large_changes_are_bounded_by_their_bytes() -> None:
    subscription = Subscription(1_000)
    change = RowChange.of({"eventName": "MODIFY", "dynamodb": {"NewImage": LARGE, "OldImage": LARGE}})
    for _ in range(1_000):
        subscription.offer(change)
    with pytest.raises(LaggingSubscriberError, match=f"over {QUEUE_BYTES} bytes"):
        await anext(subscription)
    assert not subscription._waiting


async def test_a_thousand_usual_changes_may_wait() -> None:
    subscription = Subscription(1_000)
    usual = {f"field-{number}": {"S": "x" * 30} for number in range(20)}
    for _ in range(1_000):
        subscription.offer(RowChange.of({"eventName": "INSERT", "dynamodb": {"NewImage": usual}}))
    assert (await anext(subscription)).item == usual


async def test_one_change_is_told_however_large_and_gives_its_room_back() -> None:
    subscription = Subscription(1_000, 1)
    for _ in range(2):
        change = RowChange.of({"eventName": "INSERT", "dynamodb": {"NewImage": LARGE}})
        subscription.offer(change)
        assert await anext(subscription) is change


def test_a_row_is_as_large_as_all_that_is_in_it() -> None:
    many = {"tags": {"L": [{"M": {"name": {"S": "x"}, "count": {"N": "1"}}}] * 1_000}, "raw": {"B": b"x" * 9_000}}
    change = RowChange.of({"eventName": "REMOVE", "dynamodb": {"OldImage": many}})
    assert change.item is many
    assert 750_000 < change.size < 800_000
