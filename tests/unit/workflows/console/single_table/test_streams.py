"""A stream is read from a stored position on: shards in order, iterators that expire, records that are gone."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.unit.fake_stream import FakeStream, Shard, failure
from workflows.console.single_table.position import Position
from workflows.console.single_table.streams import MissedChangesError, StreamOfTable

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


class _Stream(FakeStream):
    """A stream whose records have keys."""

    def tell(self, shard: str, name: str, at: datetime = NOW) -> None:
        self.write(shard, name, at=at)
        self.shards[shard].records[-1]["dynamodb"] |= {
            "Keys": {"id": {"S": name}},
            "OldImage": {"was": {"S": name}},
        }


async def told(stream: _Stream, position: Position) -> list[str]:
    """Return whose changes a process hears of that begins at a position."""
    reading = StreamOfTable(stream, position)
    found: list[str] = []
    for _ in range(3):
        async for changes in reading.read():
            found += [one.key["id"]["S"] for one in changes]
            assert all(one.before == {"was": one.key["id"]} for one in changes)
    return found


def beginning() -> Position:
    return Position().restarted("stream-1", NOW)


async def test_a_process_goes_on_where_the_last_one_has_stopped() -> None:
    stream, position = _Stream(), beginning()
    stream.tell("1", "a")
    assert await told(stream, position) == ["a"]
    stream.tell("1", "b")
    stored = Position.of({"position": {"S": position.text()}})
    assert stored == position
    assert await told(stream, stored) == ["b"]
    assert stored.shards == {"1": "200"}


async def test_a_shard_is_read_after_its_parent() -> None:
    stream, position = _Stream(), beginning()
    stream.shards = {"1": Shard(parent="2"), "2": Shard(ended=True)}
    stream.tell("2", "a")
    stream.tell("1", "b")
    reading = StreamOfTable(stream, position)
    assert [one.key["id"]["S"] async for changes in reading.read() for one in changes] == ["a"]
    assert not reading.is_behind
    assert await told(stream, position) == ["b"]
    assert position.shards == {"2": None, "1": "200"}
    # A shard that was read to its end may go.
    del stream.shards["2"]
    assert await told(stream, position) == []
    assert position.shards == {"1": "200"}


async def test_an_ended_shard_that_waits_for_its_parent_is_not_overlooked() -> None:
    stream = _Stream()
    stream.shards = {"1": Shard(parent="2", ended=True), "2": Shard()}
    reading = StreamOfTable(stream, beginning())
    assert [changes async for changes in reading.read()] == [[]]
    assert reading.is_behind


async def test_what_changed_long_before_is_not_told() -> None:
    stream = _Stream()
    stream.tell("1", "old", NOW - timedelta(hours=1))
    stream.tell("1", "new", NOW - timedelta(minutes=1))
    assert await told(stream, beginning()) == ["new"]


async def test_an_iterator_may_expire() -> None:
    stream, position = _Stream(), beginning()
    stream.tell("1", "a")
    stream.failures = [failure("ExpiredIteratorException")]
    assert await told(stream, position) == ["a"]


@pytest.mark.parametrize("code", ["TrimmedDataAccessException", "ResourceNotFoundException"])
async def test_what_was_missed_is_noticed(code: str) -> None:
    stream = _Stream()
    stream.failures = [failure(code)]
    with pytest.raises(MissedChangesError):
        await told(stream, beginning())


async def test_a_shard_that_went_before_it_was_read_is_noticed() -> None:
    stream, position = _Stream(), beginning()
    stream.tell("1", "a")
    await told(stream, position)
    stream.shards = {"2": Shard()}
    with pytest.raises(MissedChangesError):
        await told(stream, position)


async def test_any_other_error_ends_the_reading() -> None:
    stream = _Stream()
    stream.failures = [failure("AccessDeniedException")]
    with pytest.raises(ClientError):
        await told(stream, beginning())
