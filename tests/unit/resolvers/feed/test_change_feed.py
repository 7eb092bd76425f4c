"""Every subscriber who keeps up receives every change once, in order; one who falls behind is closed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from botocore.exceptions import EndpointConnectionError

from models import tables
from models.changes import ChangeKind
from models.storage.names import Names
from models.storage.store import Store
from resolvers.feed.change_feed import ChangeFeed, Subscription
from resolvers.feed.limits import SubscriptionLimits
from resolvers.feed.queues import FeedClosedError, LaggingSubscriberError
from resolvers.feed.row_changes import RowChange
from resolvers.feed.stream_source import StreamSource
from tests.unit.fake_stream import FakeStream, failure

LARGE = {"id": {"S": "r"}, "text": {"S": "x" * 400_000}}


@pytest.fixture
async def feed(stream: FakeStream) -> AsyncIterator[ChangeFeed]:
    store = Store(stream, Names("test", "us-east-1", "0" * 12))
    feed = ChangeFeed(store, StreamSource(store, interval=0.01), limits=SubscriptionLimits(queue=3))
    yield feed
    await feed.aclose()


async def test_the_stream_is_read_once_for_all_subscribers(stream: FakeStream, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification) as first, feed.subscribe(tables.Notification) as second:
        stream.write("1", "a")
        assert (await anext(first)).kind is ChangeKind.CREATE
        assert (await anext(second)).item == {"id": {"S": "a"}}
    assert stream.operations.count("describe_stream") == 1


async def test_nothing_is_read_without_subscribers(stream: FakeStream, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification):
        pass
    await asyncio.sleep(0.02)
    calls = len(stream.operations)
    await asyncio.sleep(0.05)
    assert len(stream.operations) == calls


async def test_a_read_that_fails_is_retried(stream: FakeStream, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification) as changes:
        stream.failures = [EndpointConnectionError(endpoint_url="x"), failure("ThrottlingException")]
        stream.write("1", "a")
        change = await asyncio.wait_for(anext(changes), 5)
        assert change.item == {"id": {"S": "a"}}
    assert not stream.failures
    assert await feed.healthy()


async def test_only_a_subscriber_that_lags_is_closed(stream: FakeStream, feed: ChangeFeed) -> None:
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


async def test_queued_changes_are_received_before_the_end() -> None:
    subscription = Subscription(SubscriptionLimits(queue=2))
    change = RowChange(ChangeKind.DELETE, {"id": {"S": "a"}}, 1)
    subscription.offer(change)
    subscription.close(FeedClosedError("over"))
    assert await anext(subscription) is change
    with pytest.raises(FeedClosedError):
        await anext(subscription)


async def test_large_changes_are_bounded_by_their_bytes() -> None:
    subscription = Subscription(SubscriptionLimits())
    change = RowChange.of({"eventName": "MODIFY", "dynamodb": {"NewImage": LARGE, "OldImage": LARGE}})
    for _ in range(1_000):
        subscription.offer(change)
    with pytest.raises(LaggingSubscriberError, match=f"over {SubscriptionLimits().queue_bytes} bytes"):
        await anext(subscription)
    assert not subscription._queue


async def test_a_thousand_usual_changes_may_be_queued() -> None:
    subscription = Subscription(SubscriptionLimits())
    usual = {f"field-{number}": {"S": "x" * 30} for number in range(20)}
    for _ in range(1_000):
        subscription.offer(RowChange.of({"eventName": "INSERT", "dynamodb": {"NewImage": usual}}))
    assert (await anext(subscription)).item == usual


async def test_a_single_change_is_queued_however_large_and_then_frees_its_room() -> None:
    subscription = Subscription(SubscriptionLimits(queue_bytes=1))
    for _ in range(2):
        change = RowChange.of({"eventName": "INSERT", "dynamodb": {"NewImage": LARGE}})
        subscription.offer(change)
        assert await anext(subscription) is change
