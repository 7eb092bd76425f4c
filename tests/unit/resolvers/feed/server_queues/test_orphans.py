"""The queues of servers that were killed are removed, and no other."""

import pytest
from botocore.exceptions import EndpointConnectionError

from models.storage.names import Names
from resolvers.feed.server_queues import orphans
from resolvers.feed.server_queues.orphans import DEAD_AFTER, Orphans
from resolvers.feed.server_queues.server_queue import ServerQueue
from resolvers.feed.server_queues.subscriptions import NoTopicError
from tests.unit.resolvers.feed.fake_queues import FakeQueues, gone

NAMES = Names("test", "us-east-1", "0" * 12)


async def opened(aws: FakeQueues) -> ServerQueue:
    queue = ServerQueue(aws, NAMES, aws.clock)
    await queue.open()
    return queue


@pytest.fixture
def aws() -> FakeQueues:
    return FakeQueues()


async def test_queues_without_a_heartbeat_are_removed_with_their_subscriptions(aws: FakeQueues) -> None:
    living = await opened(aws)
    for _ in range(4):
        await opened(aws)
    aws.passes(DEAD_AFTER + 1)
    await living.beat()
    young = await opened(aws)
    assert await Orphans(aws, NAMES, aws.clock).sweep() == 4
    assert len(aws.queues) == len(aws.subscriptions) == 2
    assert await Orphans(aws, NAMES, aws.clock).sweep() == 0
    for queue in (living, young):
        assert await queue.receive(seconds=0) == []


async def test_nothing_is_removed_before_it_must_be_dead(aws: FakeQueues) -> None:
    await opened(aws)
    aws.passes(DEAD_AFTER)
    assert await Orphans(aws, NAMES, aws.clock).sweep() == 0


async def test_the_queues_of_others_are_left_alone(aws: FakeQueues) -> None:
    await aws.create_queue(QueueName="test-dead-letters", Attributes={}, tags={})
    await aws.create_queue(QueueName=f"{NAMES.server_queues}x.fifo", Attributes={}, tags={})
    await aws.subscribe(Endpoint="arn:test-another.fifo")
    aws.passes(2 * DEAD_AFTER)
    assert await Orphans(aws, NAMES, aws.clock).sweep() == 0
    assert (len(aws.queues), len(aws.subscriptions)) == (2, 1)


async def test_a_subscription_whose_queue_is_gone_is_removed(aws: FakeQueues) -> None:
    await opened(aws)
    aws.queues.clear()
    assert await Orphans(aws, NAMES, aws.clock).sweep() == 0
    aws.passes(DEAD_AFTER + 1)
    assert await Orphans(aws, NAMES, aws.clock).sweep() == 1
    assert aws.subscriptions == {}


async def test_a_queue_that_another_server_removes_meanwhile_is_no_error(aws: FakeQueues) -> None:
    for _ in range(2):
        await opened(aws)
    aws.passes(DEAD_AFTER + 1)
    aws.failures = {"list_queue_tags": [gone()], "delete_queue": [gone(), gone()]}
    assert await Orphans(aws, NAMES, aws.clock).sweep() == 2


@pytest.mark.parametrize("operation", ["list_queue_tags", "delete_queue"])
async def test_a_sweep_that_aws_does_not_answer_fails_and_may_be_repeated(aws: FakeQueues, operation: str) -> None:
    await opened(aws)
    aws.passes(DEAD_AFTER + 1)
    aws.failures = {operation: [EndpointConnectionError(endpoint_url="x")]}
    with pytest.raises(EndpointConnectionError):
        await Orphans(aws, NAMES, aws.clock).sweep()
    assert await Orphans(aws, NAMES, aws.clock).sweep() == 1
    assert aws.queues == {}


async def test_a_sweep_removes_so_many(aws: FakeQueues) -> None:
    for _ in range(30):
        await opened(aws)
    aws.passes(DEAD_AFTER + 1)
    orphans = Orphans(aws, NAMES, aws.clock)
    assert [await orphans.sweep() for _ in range(3)] == [20, 10, 0]


async def test_every_page_of_queues_is_looked_at(aws: FakeQueues) -> None:
    living = [await opened(aws) for _ in range(20)]
    for _ in range(15):
        await opened(aws)
    aws.passes(DEAD_AFTER + 1)
    for queue in living:
        await queue.beat()
    assert await Orphans(aws, NAMES, aws.clock).sweep() == 15
    assert len(aws.queues) == len(aws.subscriptions) == 20


async def test_a_subscription_stays_if_its_queue_may_be_on_a_page_that_was_not_listed(
    aws: FakeQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "_PAGES", 1)
    living = [await opened(aws) for _ in range(21)]
    aws.passes(DEAD_AFTER + 1)
    for queue in living:
        await queue.beat()
    assert await Orphans(aws, NAMES, aws.clock).sweep() == 0
    assert len(aws.subscriptions) == 21


async def test_without_its_topic_nothing_is_removed(aws: FakeQueues) -> None:
    await opened(aws)
    aws.passes(DEAD_AFTER + 1)
    aws.has_topic = False
    with pytest.raises(NoTopicError):
        await Orphans(aws, NAMES, aws.clock).sweep()
    assert len(aws.queues) == 1
