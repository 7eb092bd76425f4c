"""A FIFO topic and the FIFO queues that are subscribed to it, as AWS documents them."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from models.changes import Change
from models.storage.calls import BlockingCalls

_LONGEST_WAIT = 0.02


@dataclass
class Queue:
    """A queue: its messages, those that are received and not deleted, and its tags."""

    tags: dict[str, str]
    attributes: dict[str, str]
    messages: list[tuple[int, Change]] = field(default_factory=list)
    received: dict[int, Change] = field(default_factory=dict)


class FakeQueues(BlockingCalls):
    """Stands in for SQS, SNS and DynamoDB."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 29, tzinfo=UTC)
        self.has_topic = True
        self.queues: dict[str, Queue] = {}
        self.subscriptions: dict[str, str] = {}
        self.rows: dict[str, Any] = {}
        self.failures: dict[str, list[Exception]] = {}
        self.operations: list[str] = []
        self.delivered = 0

    def clock(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def publish(self, *changes: Change) -> None:
        """Let changes come to every subscribed queue."""
        for change in changes:
            for name in self.subscriptions.values():
                if name in self.queues:
                    self.delivered += 1
                    self.queues[name].messages.append((self.delivered, change))

    def come_again(self) -> None:
        """Let what was received and not deleted come again, as after a while."""
        for queue in self.queues.values():
            queue.messages = sorted([*queue.received.items(), *queue.messages], key=lambda one: one[0])
            queue.received.clear()

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Answer as the service would, or fail as `failures` says."""
        del service
        self.operations.append(operation)
        if failures := self.failures.get(operation):
            raise failures.pop(0)
        return await getattr(self, operation)(**params)

    def _queue(self, url: str) -> Queue:
        name = url.rpartition("/")[2]
        if name not in self.queues:
            raise gone()
        return self.queues[name]

    async def create_queue(self, *, QueueName: str, Attributes: Any, tags: Any) -> Any:  # noqa: N803 — AWS's names
        self.queues[QueueName] = Queue(dict(tags), dict(Attributes))
        return {"QueueUrl": f"http://sqs/{QueueName}"}

    async def subscribe(self, *, Endpoint: str, **_: Any) -> Any:  # noqa: N803
        arn = f"arn:subscription:{len(self.operations)}"
        self.subscriptions[arn] = Endpoint.rpartition(":")[2]
        return {"SubscriptionArn": arn}

    async def receive_message(self, *, QueueUrl: str, WaitTimeSeconds: int, **_: Any) -> Any:  # noqa: N803
        queue = self._queue(QueueUrl)
        if not queue.messages:
            await asyncio.sleep(min(WaitTimeSeconds, _LONGEST_WAIT))
            queue = self._queue(QueueUrl)
        busy = {change.row_id for change in queue.received.values()}
        taken = [one for one in queue.messages if one[1].row_id not in busy][:10]
        queue.messages = [one for one in queue.messages if one not in taken]
        queue.received.update(taken)
        sent = str(int((self.now - timedelta(seconds=1)).timestamp() * 1000))
        return {
            "Messages": [
                {
                    "Body": change.message().text,
                    "ReceiptHandle": str(number),
                    "Attributes": {"SentTimestamp": sent},
                }
                for number, change in taken
            ]
        }

    async def delete_message_batch(self, *, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803
        for entry in Entries:
            self._queue(QueueUrl).received.pop(int(entry["ReceiptHandle"]), None)
        return {}

    async def tag_queue(self, *, QueueUrl: str, Tags: Any) -> Any:  # noqa: N803
        self._queue(QueueUrl).tags |= Tags

    async def list_queue_tags(self, *, QueueUrl: str) -> Any:  # noqa: N803
        return {"Tags": self._queue(QueueUrl).tags}

    async def list_queues(self, *, QueueNamePrefix: str, NextToken: str = "0", **_: Any) -> Any:  # noqa: N803
        """List twenty on a page, so that paging is tested."""
        known = [f"http://sqs/{name}" for name in self.queues if name.startswith(QueueNamePrefix)]
        start = int(NextToken)
        more = {"NextToken": str(start + 20)} if start + 20 < len(known) else {}
        return {"QueueUrls": known[start : start + 20], **more}

    async def list_subscriptions_by_topic(self, *, NextToken: str = "0", **_: Any) -> Any:  # noqa: N803
        """List twenty on a page, so that paging is tested."""
        if not self.has_topic:
            raise ClientError({"Error": {"Code": "NotFound", "Message": ""}}, "ListSubscriptionsByTopic")
        known, start = list(self.subscriptions.items()), int(NextToken)
        page = [{"SubscriptionArn": arn, "Endpoint": f"arn:q:{name}"} for arn, name in known[start : start + 20]]
        return {"Subscriptions": page, **({"NextToken": str(start + 20)} if start + 20 < len(known) else {})}

    async def unsubscribe(self, *, SubscriptionArn: str) -> Any:  # noqa: N803
        self.subscriptions.pop(SubscriptionArn, None)

    async def delete_queue(self, *, QueueUrl: str) -> Any:  # noqa: N803
        self._queue(QueueUrl)
        del self.queues[QueueUrl.rpartition("/")[2]]

    async def get_item(self, *, Key: Any, **_: Any) -> Any:  # noqa: N803
        row = self.rows.get(Key["id"]["S"])
        return {} if row is None else {"Item": row}


def gone() -> ClientError:
    code = "AWS.SimpleQueueService.NonExistentQueue"
    return ClientError({"Error": {"Code": code, "Message": ""}}, "ReceiveMessage")
