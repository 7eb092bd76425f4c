"""The dead-letter queue: what has failed for good, and which request each letter is about.

Letters come from the state machines (`handleWorkflowError`), from the event bus and from Lambda, each in a form of
its own. One that tells of no request is shown as it is, and stays.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.storage.calls import Calls
from models.storage.names import Names
from workflows.executions.requests import request_id_of

# SQS's own limit for one call.
LARGEST_BATCH = 10
# Letters read at a time; what is left is there the next time.
MOST = 1_000
# While somebody looks at letters nobody else sees them; whoever dies over them has them come back.
HIDDEN_SECONDS = 120
# SQS looks at all of its servers only if it may wait.
_WAIT_SECONDS = 1

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message of the queue.

    Args:
        id: the message's id.
        receipt: what it is removed by.
        sent_at: when it failed.
        body: the message itself.
        request_id: the request that it is about; None if nobody can tell.
        generation: the execution's, if it was one that failed.
        step: where it failed.
        error: why.
    """

    id: str
    receipt: str
    sent_at: datetime
    body: str
    request_id: str | None = None
    generation: int = -1
    step: str = ""
    error: str = ""

    @classmethod
    def read(cls, message: Message) -> "Letter":
        """Return the letter of a message as SQS hands it out, whatever is in it."""
        sent = int(message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
        return cls(
            id=message["MessageId"],
            receipt=message["ReceiptHandle"],
            sent_at=datetime.fromtimestamp(sent, UTC),
            body=message["Body"],
            **_content(message),
        )


def _content(message: Message) -> dict[str, Any]:
    try:
        body = json.loads(message["Body"])
    except (ValueError, RecursionError):
        return {}
    if not isinstance(body, dict):
        return {}
    if isinstance(body.get("detail"), dict):
        return {**_of_event(body, body["detail"]), "error": _said(message.get("MessageAttributes", {}))}
    if not isinstance(body.get("requestId"), str):
        return {}
    generation = body.get("generation")
    return {
        "request_id": body["requestId"],
        "generation": generation if isinstance(generation, int) else -1,
        "step": str(body.get("step") or ""),
        "error": ": ".join(str(body[name]) for name in ("error", "cause") if body.get(name)),
    }


def _of_event(event: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    """Read an event that was not delivered, or whose function failed: ours, or one of Step Functions'."""
    found = detail.get("requestId")
    if not isinstance(found, str):
        arn = detail.get("executionArn")
        found = request_id_of(arn) if isinstance(arn, str) else None
    return {"request_id": found, "step": str(event.get("detail-type", ""))}


def _said(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return why AWS gave up, in its own words: Lambda and EventBridge spell the attributes differently."""
    words = {name.replace("_", "").lower(): value.get("StringValue", "") for name, value in attributes.items()}
    return ": ".join(filter(None, (words.get("errorcode"), words.get("errormessage"))))


class DeadLetters:
    """The queue of one deployment.

    Args:
        calls: the way to AWS.
        names: the deployment's names.
    """

    def __init__(self, calls: Calls, names: Names) -> None:
        self._calls = calls
        self._names = names

    async def read(self, most: int = MOST) -> list[Letter]:
        """Return the letters that lie in the queue, and hide them for a while; a letter that came twice once."""
        letters: dict[str, Letter] = {}
        while len(letters) < most:
            answer = await self._call(
                "receive_message",
                MaxNumberOfMessages=LARGEST_BATCH,
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=_WAIT_SECONDS,
                AttributeNames=["SentTimestamp"],
                MessageAttributeNames=["All"],
            )
            if not (messages := answer.get("Messages")):
                break
            letters.update({message["MessageId"]: Letter.read(message) for message in messages})
        return sorted(letters.values(), key=lambda letter: letter.sent_at)

    async def remove(self, letters: Sequence[Letter]) -> None:
        """Take letters out of the queue."""
        for entries in _batches(letters):
            await self._call("delete_message_batch", Entries=entries)

    async def put_back(self, letters: Sequence[Letter]) -> None:
        """Let others see letters again."""
        for entries in _batches(letters, VisibilityTimeout=0):
            await self._call("change_message_visibility_batch", Entries=entries)

    async def _call(self, operation: str, **params: Any) -> Any:
        queue = await self._calls.call("sqs", "get_queue_url", QueueName=self._names.dead_letter_queue)
        return await self._calls.call("sqs", operation, QueueUrl=queue["QueueUrl"], **params)


def _batches(letters: Sequence[Letter], **more: Any) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(letters), LARGEST_BATCH):
        batch = letters[start : start + LARGEST_BATCH]
        yield [{"Id": str(place), "ReceiptHandle": letter.receipt, **more} for place, letter in enumerate(batch)]
