"""The feed hears of this server's own writes, each table once, and of nothing that was refused."""

import time
from typing import Any

import pytest

from models import tables
from models.storage.calls import BlockingCalls
from models.storage.names import Names
from models.storage.store import Store
from resolvers.feed.change_feed import ChangeFeed
from resolvers.feed.stream_source import StreamSource
from resolvers.feed.writes import HeardCalls
from tests.unit.fake_stream import FakeStream, failure


class Aws(BlockingCalls):
    """Answers everything, unless it is to refuse."""

    refuses = False

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        del service, operation, params
        if self.refuses:
            raise failure("ConditionalCheckFailedException")
        return {}


@pytest.mark.parametrize(
    ("operation", "params", "heard"),
    [
        ("put_item", {"TableName": "a"}, ["a"]),
        ("update_item", {"TableName": "a"}, ["a"]),
        ("delete_item", {"TableName": "a"}, ["a"]),
        ("batch_write_item", {"RequestItems": {"a": [], "b": []}}, ["a", "b"]),
        (
            "transact_write_items",
            {
                "TransactItems": [
                    {"Put": {"TableName": "a"}},
                    {"Update": {"TableName": "b"}},
                    {"Put": {"TableName": "a"}},
                ]
            },
            ["a", "b"],
        ),
        ("get_item", {"TableName": "a"}, []),
    ],
)
async def test_writes_are_heard_of(operation: str, params: dict[str, Any], heard: list[str]) -> None:
    aws, told = Aws(), list[str]()
    calls = HeardCalls(aws)
    await calls.call("dynamodb", operation, **params)
    calls.hear = told.append
    await calls.call("dynamodb", operation, **params)
    assert sorted(told) == heard
    aws.refuses = True
    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        await calls.call("dynamodb", operation, **params)
    assert sorted(told) == heard


async def test_a_table_that_was_written_to_is_read_sooner() -> None:
    store = Store(FakeStream(), Names("test", "us-east-1", "0" * 12))
    source = StreamSource(store, interval=0.2)
    feed = ChangeFeed(store, source)
    async with feed.subscribe(tables.Notification):
        pace = source._readings[store.names.table(tables.Notification)].pace
        took = []
        for written in (None, tables.Service, *[tables.Notification] * 12):
            if written is not None:
                feed.expect(store.names.table(written))
            begun = time.monotonic()
            await pace.pause()
            took.append(time.monotonic() - begun)
    await feed.aclose()
    assert min(took[:2]) >= 0.19
    assert took[2] < 0.19
    assert sum(took[2:]) > 10 * 0.095
