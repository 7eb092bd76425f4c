"""The function that tells every server of the changes in the tables' streams, by one topic."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from models.changes import Change, Message, batches
from workflows.executions.services import Services
from workflows.handlers.bootstrap import Event, lambda_handler
from workflows.metrics.declared import CHANGE_LAG, Point
from workflows.metrics.emission import emit

_TRIES = 3
_PAUSE_SECONDS = 0.1


@lambda_handler
async def publish_changes(services: Services, event: Event) -> None:
    """Publish each change of a table's stream, at least once and in the order of its row.

    Raises:
        RuntimeError: the topic refused some; Lambda retries the whole batch of the stream.
    """
    await publish(services, event["Records"])
    emit(services.names.stack, _lag(event["Records"], services.clock()))


def _lag(records: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Point]:
    """Yield by how much the oldest of the changes is late; DynamoDB says their times to the second."""
    times = [record["dynamodb"].get("ApproximateCreationDateTime") for record in records]
    if known := [float(time) for time in times if time is not None]:
        yield CHANGE_LAG.at(max(0.0, now.timestamp() - min(known)))


async def publish(services: Services, records: Iterable[Mapping[str, Any]]) -> None:
    """Publish the changes that a stream's records describe.

    Raises:
        RuntimeError: the topic refused some; none of a later call was published.
    """
    for batch in batches(map(Change.of, records)):
        await _publish(services, batch)


async def _publish(services: Services, messages: Sequence[Message]) -> None:
    """Publish messages by one call; what the topic refuses is sent again."""
    left = {str(number): message for number, message in enumerate(messages)}
    for trial in range(_TRIES):
        if trial:
            await services.calls.pause(_PAUSE_SECONDS * 2**trial)
        answer = await services.calls.call(
            "sns",
            "publish_batch",
            TopicArn=services.names.change_topic_arn,
            PublishBatchRequestEntries=[_entry(number, message) for number, message in left.items()],
        )
        left = {failed["Id"]: left[failed["Id"]] for failed in answer.get("Failed", ())}
        if not left:
            return
    raise RuntimeError(f"the topic refused {len(left)} of {len(messages)} changes: {answer['Failed'][0]}")


def _entry(number: str, message: Message) -> dict[str, str]:
    return {
        "Id": number,
        "Message": message.text,
        "MessageGroupId": message.group,
        "MessageDeduplicationId": message.id,
    }
