"""Every subscriber hears of every change once and in order, whatever happens to the queue."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from models import tables
from models.changes import LARGEST_ROW, Change, ChangeKind
from models.storage.names import Names
from models.storage.store import Store
from resolvers.feed.change_feed import ChangeFeed, Subscription
from resolvers.feed.queues import FeedClosedError
from resolvers.feed.server_queues import queue_source
from resolvers.feed.server_queues.last_changes import LastChanges
from resolvers.feed.server_queues.queue_source import QueueSource
from resolvers.feed.server_queues.server_queue import KEPT_SECONDS
from resolvers.feed.server_queues.subscriptions import NoTopicError
from tests.unit.resolvers.feed.fake_queues import FakeQueues, gone

NAMES = Names("test", "us-east-1", "0" * 12)
TABLE = NAMES.table(tables.Notification)
SOON = 5.0


def change(key: str, sequence: int = 1, *, table: str = TABLE, size: int = 0, stream: str = "s1") -> Change:
    row = {"id": {"S": key}, "title": {"S": f"{key} {sequence}{'x' * size}"}}
    return Change(table, ChangeKind.UPDATE, {"id": {"S": key}}, sequence, row, stream)


async def titles(subscription: Subscription, count: int) -> list[str]:
    async with asyncio.timeout(SOON):
        return [(await anext(subscription)).item["title"]["S"] for _ in range(count)]


async def comes_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 — the source tells nobody
            await asyncio.sleep(0.005)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeQueues:
    monkeypatch.setattr(queue_source, "backoff", lambda failures: 0.001 * failures)
    monkeypatch.setattr(queue_source, "_HEARTBEAT_SECONDS", 0.01)
    return FakeQueues()


@pytest.fixture
async def source(aws: FakeQueues) -> AsyncIterator[QueueSource]:
    opened = QueueSource(aws, NAMES, aws.clock)
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
def feed(aws: FakeQueues, source: QueueSource) -> ChangeFeed:
    return ChangeFeed(Store(aws, NAMES), source)


def is_empty(aws: FakeQueues) -> bool:
    return not any(queue.messages or queue.received for queue in aws.queues.values())


async def test_subscribers_hear_of_the_changes_of_their_table(aws: FakeQueues, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification) as first, feed.subscribe(tables.Notification) as second:
        aws.publish(change("a"), change("s", table=NAMES.table(tables.Service)), change("b"), change("a", 2))
        expected = ["a 1", "b 1", "a 2"]
        assert await titles(first, 3) == expected
        assert await titles(second, 3) == expected
        await comes_true(lambda: is_empty(aws))


async def test_the_queue_is_emptied_while_nobody_listens(aws: FakeQueues, feed: ChangeFeed) -> None:
    aws.publish(*(change(f"r{number}") for number in range(50)))
    await comes_true(lambda: is_empty(aws))
    async with feed.subscribe(tables.Notification) as changes:
        aws.publish(change("a"))
        assert await titles(changes, 1) == ["a 1"]


async def test_what_comes_again_is_not_passed_on_again(aws: FakeQueues, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification) as changes:
        aws.failures["delete_message_batch"] = [EndpointConnectionError(endpoint_url="x")]
        aws.publish(change("a", 1), change("b", 1))
        assert await titles(changes, 2) == ["a 1", "b 1"]
        await comes_true(lambda: not aws.failures["delete_message_batch"])
        aws.come_again()
        aws.publish(change("a", 2))
        assert await titles(changes, 1) == ["a 2"]
        await comes_true(lambda: is_empty(aws))


async def test_a_read_that_fails_is_retried_and_meanwhile_the_feed_is_not_healthy(
    aws: FakeQueues, feed: ChangeFeed, source: QueueSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_source, "backoff", lambda _failures: 0.05)
    async with feed.subscribe(tables.Notification) as changes:
        aws.failures["receive_message"] = [EndpointConnectionError(endpoint_url="x")]
        await comes_true(lambda: source._is_failing)
        assert not await feed.healthy()
        aws.publish(change("a"))
        assert await titles(changes, 1) == ["a 1"]
        await comes_true(lambda: not source._is_failing)
        assert await feed.healthy()


async def test_a_read_that_never_ends_is_not_healthy(feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await feed.healthy()
    monkeypatch.setattr(queue_source, "_SILENCE_SECONDS", -1)
    assert not await feed.healthy()


async def test_the_lag_is_that_of_the_oldest_message(
    aws: FakeQueues, feed: ChangeFeed, source: QueueSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    lags: list[float | None] = []
    async with feed.subscribe(tables.Notification) as changes:
        listener = source._listeners[TABLE]
        publish = listener.publish

        async def noted(told: object) -> None:
            lags.append(source.lag)
            await publish(told)  # type: ignore[arg-type]  # whatever it is told

        monkeypatch.setattr(listener, "publish", noted)
        aws.publish(change("a"))
        await titles(changes, 1)
    assert lags == [1.0]
    assert feed.lag in (0.0, 1.0)


async def test_a_queue_that_was_removed_is_made_anew_and_clients_know_that_they_missed_something(
    aws: FakeQueues, feed: ChangeFeed
) -> None:
    async with feed.subscribe(tables.Notification) as changes:
        aws.failures["subscribe"] = [gone()]
        aws.queues.clear()
        with pytest.raises(FeedClosedError, match="may have been missed"):
            await titles(changes, 1)
    async with feed.subscribe(tables.Notification) as changes:
        aws.publish(change("a"))
        assert await titles(changes, 1) == ["a 1"]
    assert not aws.failures["subscribe"]


async def test_a_queue_that_the_topic_no_longer_fills_is_replaced_and_clients_know_that_they_missed_something(
    aws: FakeQueues, feed: ChangeFeed
) -> None:
    (former,) = aws.queues
    async with feed.subscribe(tables.Notification) as changes:
        aws.passes(60)
        aws.subscriptions.clear()
        with pytest.raises(FeedClosedError, match="may have been missed"):
            await titles(changes, 1)
    async with feed.subscribe(tables.Notification) as changes:
        aws.publish(change("a"))
        assert await titles(changes, 1) == ["a 1"]
    assert len(aws.queues) == 1
    assert former not in aws.queues
    assert await feed.healthy()


async def test_a_subscription_that_is_not_listed_yet_is_not_missed(aws: FakeQueues, feed: ChangeFeed) -> None:
    (own,) = aws.queues
    aws.subscriptions.clear()
    seen = aws.operations.count("list_subscriptions_by_topic")
    await comes_true(lambda: aws.operations.count("list_subscriptions_by_topic") > seen + 2)
    assert await feed.healthy()
    assert list(aws.queues) == [own]


async def test_without_its_topic_the_feed_is_not_healthy_until_there_is_one_again(
    aws: FakeQueues, feed: ChangeFeed, source: QueueSource
) -> None:
    aws.has_topic = False
    aws.subscriptions.clear()
    await comes_true(lambda: source._is_deaf)
    assert not await feed.healthy()
    async with feed.subscribe(tables.Notification) as changes:
        aws.has_topic = True
        with pytest.raises(FeedClosedError, match="may have been missed"):
            await titles(changes, 1)
    assert len(aws.queues) == 1
    assert await feed.healthy()


async def test_after_a_silence_in_which_changes_have_expired_clients_know_that_they_missed_something(
    aws: FakeQueues, feed: ChangeFeed, source: QueueSource
) -> None:
    async with feed.subscribe(tables.Notification) as changes:
        source._heard_at -= 2 * KEPT_SECONDS
        with pytest.raises(FeedClosedError, match="may have been missed"):
            await titles(changes, 1)
    async with feed.subscribe(tables.Notification) as changes:
        aws.publish(change("a"))
        assert await titles(changes, 1) == ["a 1"]


async def test_a_row_that_was_too_large_to_travel_is_read(aws: FakeQueues, feed: ChangeFeed) -> None:
    large = change("a", size=LARGEST_ROW)
    aws.rows["a"] = large.row
    async with feed.subscribe(tables.Notification) as changes:
        aws.publish(change("deleted", size=LARGEST_ROW), large, change("b"))
        assert [title[:4] for title in await titles(changes, 2)] == ["a 1x", "b 1"]


async def test_what_is_no_change_is_removed(aws: FakeQueues, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification) as changes:
        broken = change("a")
        object.__setattr__(broken, "sequence", "x")
        aws.publish(broken, change("b"))
        assert await titles(changes, 1) == ["b 1"]
        await comes_true(lambda: is_empty(aws))


async def test_many_changes_are_received_by_more_calls_at_once(aws: FakeQueues, feed: ChangeFeed) -> None:
    async with feed.subscribe(tables.Notification) as changes:
        rows = [(f"r{number % 100}", number) for number in range(600)]
        aws.publish(*(change(*row) for row in rows))
        heard = await titles(changes, 600)
        for row in {row for row, _ in rows}:
            own = [title for title in heard if title.startswith(f"{row} ")]
            assert own == [f"{row} {number}" for name, number in rows if name == row]
        assert aws.operations.count("receive_message") < 120


async def test_a_server_that_stops_leaves_nothing(aws: FakeQueues, source: QueueSource) -> None:
    (name,) = aws.queues
    assert name.startswith(NAMES.server_queues)
    assert aws.queues[name].attributes["SqsManagedSseEnabled"] == "true"
    await source.aclose()
    assert (aws.queues, aws.subscriptions) == ({}, {})


async def test_a_deployment_without_a_topic_is_refused(aws: FakeQueues) -> None:
    aws.has_topic = False
    with pytest.raises(NoTopicError, match="HOURBANK_FEED=streams"):
        await QueueSource(aws, NAMES, aws.clock).open()
    assert "create_queue" not in aws.operations


@pytest.mark.parametrize("operation", ["list_subscriptions_by_topic", "subscribe"])
async def test_a_server_that_cannot_subscribe_leaves_nothing(aws: FakeQueues, operation: str) -> None:
    aws.failures[operation] = [ClientError({"Error": {"Code": "AuthorizationError"}}, operation)]
    with pytest.raises(ClientError, match="AuthorizationError"):
        await QueueSource(aws, NAMES, aws.clock).open()
    assert (aws.queues, aws.subscriptions) == ({}, {})


def test_the_rows_that_changed_first_are_forgotten_first() -> None:
    last = LastChanges(most=2)
    first, second, third = (change(key) for key in "abc")
    for one in (first, second, first, third):
        last.note(one)
    assert last.has(first)
    assert not last.has(second)
    assert last.has(third)
    assert not last.has(change("a", 2))
    last.note(change("a", 3))
    last.note(change("a", 2))
    assert last.has(change("a", 3))


async def test_a_table_that_is_made_again_begins_with_any_sequence_number(
    aws: FakeQueues, feed: ChangeFeed
) -> None:
    async with feed.subscribe(tables.Notification) as changes:
        aws.publish(change("a", 7), change("a", 1, stream="s2"), change("a", 1, stream="s2"), change("b"))
        assert await titles(changes, 3) == ["a 7", "a 1", "b 1"]
