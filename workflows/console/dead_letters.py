"""The dead-letter queue: what has failed for good, and which request each letter is about.

Letters come from the state machines (`handleWorkflowError`), from the event bus and from Lambda, each in its own
format. A letter about no request is shown as it is, and stays.
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
# Letters read by one run; the others are there at the next run.
MOST = 1_000
# Letters that somebody reads are hidden from others; if the reader dies, they reappear after this time.
HIDDEN_SECONDS = 120
# Long polling: only then SQS asks all of its servers.
_WAIT_SECONDS = 1

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message of the queue.

    Args:
        id: the message's id.
        receipt: the receipt handle, for removing it.
        sent_at: when it failed.
        body: the message's text.
        request_id: the request that it is about; None if it names none.
        generation: the generation of the execution that failed; -1 if unknown.
        step: the step or event that failed.
        error: why it failed.
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
    def read(cls, message: Message) -> "DeadLetter":
        """Return the letter of a message of SQS, whatever its body holds."""
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
        return {
            **_event_content(body, body["detail"]),
            "error": _delivery_error(message.get("MessageAttributes", {})),
        }
    if not isinstance(body.get("requestId"), str):
        return {}
    generation = body.get("generation")
    return {
        "request_id": body["requestId"],
        "generation": generation if isinstance(generation, int) else -1,
        "step": str(body.get("step") or ""),
        "error": ": ".join(str(body[name]) for name in ("error", "cause") if body.get(name)),
    }


def _event_content(event: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of an event, ours or Step Functions', that was not delivered or whose function failed."""
    request_id = detail.get("requestId")
    if not isinstance(request_id, str):
        arn = detail.get("executionArn")
        request_id = request_id_of(arn) if isinstance(arn, str) else None
    return {"request_id": request_id, "step": str(event.get("detail-type", ""))}


def _delivery_error(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return AWS's reason for giving up; Lambda and EventBridge spell the attributes differently."""
    values = {name.replace("_", "").lower(): value.get("StringValue", "") for name, value in attributes.items()}
    return ": ".join(filter(None, (values.get("errorcode"), values.get("errormessage"))))


class DeadLetters:
    """The queue of one deployment.

    Args:
        calls: the way to AWS.
        names: the deployment's names.
    """

    def __init__(self, calls: Calls, names: Names) -> None:
        self._calls = calls
        self._names = names

    async def read(self, most: int = MOST) -> list[DeadLetter]:
        """Return the letters in the queue, and hide them for a while; one that was received twice counts once."""
        letters: dict[str, DeadLetter] = {}
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
            letters.update({message["MessageId"]: DeadLetter.read(message) for message in messages})
        return sorted(letters.values(), key=lambda letter: letter.sent_at)

    async def remove(self, letters: Sequence[DeadLetter]) -> None:
        """Delete letters from the queue."""
        for entries in _batches(letters):
            await self._call("delete_message_batch", Entries=entries)

    async def put_back(self, letters: Sequence[DeadLetter]) -> None:
        """Make letters visible to others again."""
        for entries in _batches(letters, VisibilityTimeout=0):
            await self._call("change_message_visibility_batch", Entries=entries)

    async def _call(self, operation: str, **params: Any) -> Any:
        return await self._calls.call("sqs", operation, QueueUrl=self._names.dead_letter_queue_url, **params)


def _batches(letters: Sequence[DeadLetter], **more: Any) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(letters), LARGEST_BATCH):
        batch = letters[start : start + LARGEST_BATCH]
        yield [{"Id": str(place), "ReceiptHandle": letter.receipt, **more} for place, letter in enumerate(batch)]
