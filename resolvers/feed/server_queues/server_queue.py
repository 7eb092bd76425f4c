"""The queue of one server: made when it starts, filled by the topic of changes, removed when it stops."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from models.changes import HEARTBEAT
from models.clock import Clock
from models.storage.calls import Calls
from models.storage.names import Names
from resolvers.feed.server_queues.subscriptions import subscriptions

# SQS's own names of the error, by its older and its newer protocol.
_GONE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
# The most messages that one call receives.
MOST_RECEIVED = 10
# Whatever was received and not deleted comes again after so many seconds; to pass it on takes milliseconds.
_HIDDEN_SECONDS = 10
# A new subscription may not be listed at once.
_LISTED_AFTER_SECONDS = 30
# Changes that nobody has read for an hour are of no use, nor is a server that cannot read them.
KEPT_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was received.

    Args:
        text: a change, as it was published.
        receipt: with which it is deleted.
        sent: when it came to the queue, in epoch seconds.
    """

    text: str
    receipt: str
    sent: float


def is_gone(error: Exception) -> bool:
    """Return whether a call has failed because its queue does not exist."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in _GONE


class ServerQueue:
    """A queue of this server's own. Nothing of it exists before `open`; opened again, it is another queue.

    Args:
        calls: the way to SQS and SNS.
        names: the deployment's names.
        clock: the time.
    """

    def __init__(self, calls: Calls, names: Names, clock: Clock) -> None:
        self._calls = calls
        self._names = names
        self._clock = clock
        self._url = ""
        self._subscription = ""
        self._opened_at = 0

    async def open(self) -> None:
        """Make the queue, and remove a former one; every change that is published from now on comes to it.

        Raises:
            NoTopicError: the deployment publishes no changes.
            botocore.exceptions.ClientError: AWS refuses it.
            botocore.exceptions.BotoCoreError: AWS does not answer.
        """
        await subscriptions(self._calls, self._names)
        now = self._now()
        name = name_of_queue(self._names, now)
        arn = self._names.arn("sqs", name)
        made = await self._calls.call(
            "sqs",
            "create_queue",
            QueueName=name,
            Attributes=_attributes(arn, self._names.change_topic_arn),
            tags=self._heartbeat(),
        )
        try:
            subscribed = await self._subscribe(arn)
        except (ClientError, BotoCoreError):
            with suppress(ClientError, BotoCoreError):
                await self._calls.call("sqs", "delete_queue", QueueUrl=made["QueueUrl"])
            raise
        await self.remove()
        # Not before it is subscribed: an empty queue that nothing fills would look like one without changes.
        self._url, self._subscription, self._opened_at = made["QueueUrl"], subscribed["SubscriptionArn"], now

    async def _subscribe(self, queue: str) -> Any:
        return await self._calls.call(
            "sns",
            "subscribe",
            TopicArn=self._names.change_topic_arn,
            Protocol="sqs",
            Endpoint=queue,
            Attributes={"RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )

    async def receive(self, *, seconds: int) -> list[Received]:
        """Return messages, those of one row in order; wait for so many seconds if there are none."""
        answer = await self._calls.call(
            "sqs",
            "receive_message",
            QueueUrl=self._url,
            MaxNumberOfMessages=MOST_RECEIVED,
            WaitTimeSeconds=seconds,
            MessageSystemAttributeNames=["SentTimestamp"],
            # If its answer is lost, the call is sent again, and gets the same messages.
            ReceiveRequestAttemptId=str(uuid4()),
        )
        return [
            Received(one["Body"], one["ReceiptHandle"], int(one["Attributes"]["SentTimestamp"]) / 1_000)
            for one in answer.get("Messages", ())
        ]

    async def delete(self, messages: Collection[Received]) -> None:
        """Delete messages that one call has received; those that cannot be deleted come again."""
        entries = [{"Id": str(place), "ReceiptHandle": one.receipt} for place, one in enumerate(messages)]
        await self._calls.call("sqs", "delete_message_batch", QueueUrl=self._url, Entries=entries)

    async def beat(self) -> None:
        """Say that this server lives, so that no other removes its queue."""
        await self._calls.call("sqs", "tag_queue", QueueUrl=self._url, Tags=self._heartbeat())

    async def is_subscribed(self) -> bool:
        """Return whether the topic still fills the queue; of a new queue that is assumed.

        Raises:
            NoTopicError: the topic does not exist.
            botocore.exceptions.ClientError: AWS refuses it.
            botocore.exceptions.BotoCoreError: AWS does not answer.
        """
        subscribed = await subscriptions(self._calls, self._names)
        is_new = self._now() - self._opened_at < _LISTED_AFTER_SECONDS
        return is_new or self._subscription in subscribed.values()

    async def remove(self) -> None:
        """Remove the queue and its subscription, as far as AWS answers; what is left is an orphan."""
        url, self._url = self._url, ""
        subscription, self._subscription = self._subscription, ""
        if subscription:
            with suppress(ClientError, BotoCoreError):
                await self._calls.call("sns", "unsubscribe", SubscriptionArn=subscription)
        if url:
            with suppress(ClientError, BotoCoreError):
                await self._calls.call("sqs", "delete_queue", QueueUrl=url)

    def _heartbeat(self) -> Mapping[str, str]:
        return {HEARTBEAT: str(self._now())}

    def _now(self) -> int:
        return int(self._clock().timestamp())


def name_of_queue(names: Names, now: int) -> str:
    """Return a new name for a server's queue, which says when it was made, in epoch seconds."""
    return f"{names.server_queues}{now}-{uuid4().hex[:12]}.fifo"


def _attributes(queue: str, topic: str) -> Mapping[str, Any]:
    may_send = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return {
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
        "MessageRetentionPeriod": str(KEPT_SECONDS),
        "Policy": json.dumps({"Version": "2012-10-17", "Statement": [may_send]}),
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": str(_HIDDEN_SECONDS),
    }
