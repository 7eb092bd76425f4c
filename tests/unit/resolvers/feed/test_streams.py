"""Every change is read once and in order, whatever happens to shards and iterators."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from resolvers.feed.row_changes import RowChange
from resolvers.feed.streams import StreamReader
from tests.unit.fake_stream import FakeStream, Shard, failure


@pytest.fixture
async def reader(stream: FakeStream) -> StreamReader:
    stream.write("1", "before")
    reader = StreamReader(stream, "table")
    await reader.open()
    return reader


async def names(reader: StreamReader) -> list[str]:
    return [change.item["id"]["S"] async for changes in reader.read() for change in changes]


async def test_changes_from_before_are_not_read(stream: FakeStream, reader: StreamReader) -> None:
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
    read = [name for _ in range(3) for name in await names(reader)]
    assert read == ["b"]


async def test_an_iterator_lost_before_the_first_change_leads_to_nothing_old(stream: FakeStream) -> None:
    stream.write("1", "old", at=datetime(2020, 1, 1, tzinfo=UTC))
    reader = StreamReader(stream, "table")
    await reader.open()
    stream.failures = [failure("ExpiredIteratorException")]
    stream.write("1", "new")
    assert [name for _ in range(2) for name in await names(reader)] == ["new"]


async def test_after_a_restart_of_the_cloud_no_change_is_lost(stream: FakeStream, reader: StreamReader) -> None:
    stream.write("1", "a")
    assert await names(reader) == ["a"]
    stream.shards["1"].records.clear()
    stream.write("1", "b")
    stream.retried = 1
    assert [name for _ in range(2) for name in await names(reader)] == ["b"]


async def test_the_stream_of_a_recreated_table_is_read(stream: FakeStream, reader: StreamReader) -> None:
    stream.arn = "stream-2"
    stream.shards = {"9": Shard()}
    stream.write("9", "a")
    reader.forget_iterators()
    assert await names(reader) == ["a"]


async def test_throttling_is_raised_and_the_position_kept(stream: FakeStream, reader: StreamReader) -> None:
    stream.write("1", "a")
    stream.failures = [failure("ThrottlingException")]
    with pytest.raises(ClientError):
        await names(reader)
    assert await names(reader) == ["a"]


def test_the_size_of_a_row_is_that_of_all_its_values() -> None:
    many = {"tags": {"L": [{"M": {"name": {"S": "x"}, "count": {"N": "1"}}}] * 1_000}, "raw": {"B": b"x" * 9_000}}
    change = RowChange.of({"eventName": "REMOVE", "dynamodb": {"OldImage": many}})
    assert change.item is many
    assert 750_000 < change.size < 800_000
