"""What delivers events in virtual time: the event log's stream, the event bus, and the dead-letter queue."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any

from models import tables
from models.clock import Clock
from models.storage.names import Names
from tests.chaos.faults import CALL_ERRORS
from workflows.console.dead_letters import HIDDEN_SECONDS
from workflows.handlers import FUNCTIONS

# As often as Lambda tries an asynchronous invocation.
DELIVERIES = 3
# Seconds that the stream and the bus take to deliver.
TELLING = (0.05, 1.0)

Invoke = Callable[[str, Any], Awaitable[Any]]
Begin = Callable[[Awaitable[Any]], object]


class Bus:
    """The event log's stream, the event bus that it feeds, and the dead-letter queue.

    Args:
        names: the deployment's names.
        invoke: calls a Lambda function by its name.
        begin: starts a background task.
        clock: the time.
        random: chooses how long things take.
    """

    def __init__(self, names: Names, invoke: Invoke, begin: Begin, clock: Clock, random: Random) -> None:
        self._log = names.table(tables.EventLog)
        self._invoke = invoke
        self._begin = begin
        self._clock = clock
        self._random = random
        self._letters: dict[str, dict[str, Any]] = {}
        self._hidden_until: dict[str, float] = {}

    @property
    def letters(self) -> list[dict[str, Any]]:
        """Return the messages in the dead-letter queue."""
        return list(self._letters.values())

    def written(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Deliver the new rows of the event log, which a transaction wrote, to the stream's function."""
        puts = [item["Put"]["Item"] for item in items if item.get("Put", {}).get("TableName") == self._log]
        if puts:
            records = [{"eventName": "INSERT", "dynamodb": {"NewImage": row}} for row in puts]
            self._begin(self.deliver("publishEvents", {"Records": records}))

    async def deliver(self, name: str, event: Any) -> None:
        """Deliver an event to a function; retry if it fails, and then send it to the dead-letter queue."""
        for _ in range(DELIVERIES):
            await asyncio.sleep(self._random.uniform(*TELLING))
            try:
                await self._invoke(name, event)
            except CALL_ERRORS:
                await asyncio.sleep(self._random.uniform(1, 20))
            else:
                return
        self._send(json.dumps(event))

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Answer a call as EventBridge, SQS or SNS would."""
        answers: dict[tuple[str, str], Callable[..., Any]] = {
            ("events", "put_events"): self._put,
            ("sqs", "send_message"): lambda **given: self._send(given["MessageBody"]),
            ("sqs", "receive_message"): self._receive,
            ("sqs", "delete_message_batch"): self._delete,
            ("sqs", "change_message_visibility_batch"): self._show,
            ("sns", "publish"): lambda **_: {},
            ("sns", "publish_batch"): lambda **_: {},
        }
        return answers[service, operation](**params)

    def _put(self, **given: Any) -> dict[str, Any]:
        for entry in given["Entries"]:
            event = {"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
            for name, function in FUNCTIONS.items():
                rule = function.rule
                is_meant = rule is not None and not rule.default_bus and entry["Source"] in rule.sources
                if is_meant and rule is not None and entry["DetailType"] in rule.detail_types:
                    self._begin(self.deliver(name, event))
        return {"FailedEntryCount": 0}

    def _send(self, body: str) -> dict[str, Any]:
        letter_id = f"letter-{len(self._hidden_until)}"
        sent = {"SentTimestamp": str(int(self._clock().timestamp() * 1000))}
        self._letters[letter_id] = {
            "MessageId": letter_id,
            "ReceiptHandle": letter_id,
            "Body": body,
            "Attributes": sent,
        }
        self._hidden_until[letter_id] = 0.0
        return {}

    def _receive(self, **given: Any) -> dict[str, Any]:
        now = self._clock().timestamp()
        seen = [known for known in self._letters if self._hidden_until[known] <= now]
        found = seen[: given["MaxNumberOfMessages"]]
        self._hidden_until.update(dict.fromkeys(found, now + HIDDEN_SECONDS))
        return {"Messages": [self._letters[known] for known in found]}

    def _delete(self, **given: Any) -> dict[str, Any]:
        for entry in given["Entries"]:
            self._letters.pop(entry["ReceiptHandle"], None)
        return {}

    def _show(self, **given: Any) -> dict[str, Any]:
        self._hidden_until.update({entry["ReceiptHandle"]: 0.0 for entry in given["Entries"]})
        return {}
