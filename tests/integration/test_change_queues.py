"""A server's queue on the local cloud: it hears of changes again, whatever became of subscription and topic."""

from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import pytest

from models import clock, tables
from models.changes import Change, ChangeKind
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.names import Names
from resolvers.feed.queues import FeedClosedError
from resolvers.feed.row_changes import RowChange
from resolvers.feed.server_queues import queue_source, server_queue
from resolvers.feed.server_queues.queue_source import QueueSource
from resolvers.feed.server_queues.subscriptions import subscriptions
from tests.integration.conftest import Cloud
from tests.integration.polling import until


class Heard:
    """Notes what it is told: the ids of rows that have changed, and that changes may have been missed."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.missed = 0

    async def publish(self, changes: Sequence[RowChange]) -> None:
        self.rows += [change.item["id"]["S"] for change in changes]

    def close(self, reason: FeedClosedError) -> None:
        del reason
        self.missed += 1


class Topic:
    """A deployment's topic of changes, without the deployment."""

    def __init__(self, calls: AsyncCalls, names: Names) -> None:
        self.calls = calls
        self.names = names

    async def create(self) -> None:
        name = self.names.change_topic_arn.rpartition(":")[2]
        await self.calls.call("sns", "create_topic", Name=name, Attributes={"FifoTopic": "true"})

    async def delete(self) -> None:
        await self.calls.call("sns", "delete_topic", TopicArn=self.names.change_topic_arn)

    async def publish(self, key: str) -> None:
        row = {"id": {"S": key}}
        message = Change(self.names.table(tables.Notification), ChangeKind.CREATE, row, 1, row, "s").message()
        await self.calls.call(
            "sns",
            "publish",
            TopicArn=self.names.change_topic_arn,
            Message=message.text,
            MessageGroupId=message.group,
            MessageDeduplicationId=message.id,
        )


@pytest.fixture
async def topic(aws: Cloud) -> AsyncIterator[Topic]:
    del aws
    async with AsyncCalls(["sns", "sqs", "dynamodb"]) as calls:
        made = Topic(calls, Settings(stack=f"feed{uuid4().hex[:8]}").names)
        await made.create()
        yield made
        await made.delete()


@pytest.fixture
async def source(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[QueueSource]:
    monkeypatch.setattr(queue_source, "_HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(server_queue, "_LISTED_AFTER_SECONDS", 0)
    opened = QueueSource(topic.calls, topic.names, clock.now)
    await opened.open()
    yield opened
    await opened.aclose()
    queues = await topic.calls.call("sqs", "list_queues", QueueNamePrefix=topic.names.server_queues)
    assert not queues.get("QueueUrls")


async def hears(topic: Topic, heard: Heard, key: str) -> None:
    await topic.publish(key)
    await until(lambda: key in heard.rows)


async def test_a_server_whose_subscription_is_gone_begins_anew(topic: Topic, source: QueueSource) -> None:
    heard = Heard()
    await source.listen(tables.Notification, heard)
    await hears(topic, heard, "before")
    for arn in (await subscriptions(topic.calls, topic.names)).values():
        await topic.calls.call("sns", "unsubscribe", SubscriptionArn=arn)
    await until(lambda: heard.missed)
    await hears(topic, heard, "afterwards")
    assert await source.healthy()


async def test_a_server_without_its_topic_is_not_healthy(topic: Topic, source: QueueSource) -> None:
    heard = Heard()
    await source.listen(tables.Notification, heard)
    await topic.delete()
    await until(lambda: source._is_deaf)
    assert not await source.healthy()
    await topic.create()
    await until(lambda: heard.missed)
    await hears(topic, heard, "afterwards")
    assert await source.healthy()
