"""The function that tells every server of the changes in the tables' streams, by one topic."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.changes import Change, Message, batches
from workflows.executions.services import Services
from workflows.handlers.bootstrap import Event, lambda_handler

_TRIES = 3
_PAUSE_SECONDS = 0.1


@lambda_handler
async def publish_changes(services: Services, event: Event) -> None:
    """Publish each change of a table's stream, at least once and in the order of its row.

    Raises:
        RuntimeError: the topic refused some; Lambda retries the whole batch of the stream.
    """
    await publish(services, event["Records"])


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
