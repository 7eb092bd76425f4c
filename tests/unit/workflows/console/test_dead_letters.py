"""Whatever lies in the dead-letter queue is read, and shown without harm."""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from workflows.console.dead_letters import Letter
from workflows.console.redrive import Case, Redrive, RedriveOutcome, cases_of
from workflows.console.redrive_prompt import restart_failed

SENT = datetime(2026, 1, 1, tzinfo=UTC)
FAILED = {
    "requestId": "r",
    "generation": 2,
    "visits": 1,
    "step": "CreateEscrow",
    "timeoutSeconds": 1,
    "error": "TypeError",
    "cause": "no username",
}
UNDELIVERED = {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "denied", "RULE_ARN": "arn"}
UNHANDLED = {"ErrorCode": "200", "ErrorMessage": "it failed", "RequestID": "x"}
ANSWERED = {"detail-type": "Provider Response Received", "detail": {"requestId": "r", "status": "ACCEPTED"}}
CLOSED = {
    "detail-type": "Step Functions Execution Status Change",
    "detail": {"executionArn": "arn:aws:states:us-east-1:0:execution:hourbank-ServiceRequestWorkflow:r-r3"},
}
BATCH = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": {"batchSize": 1}}


def message(body: object, number: int = 0, attributes: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "MessageId": f"m{number}",
        "ReceiptHandle": f"h{number}",
        "Body": body if isinstance(body, str) else json.dumps(body),
        "Attributes": {"SentTimestamp": str(int(SENT.timestamp() * 1000) + number)},
        "MessageAttributes": {
            name: {"StringValue": value, "DataType": "String"} for name, value in (attributes or {}).items()
        },
    }


@pytest.mark.parametrize(
    ("body", "attributes", "read"),
    [
        (FAILED, {}, ("r", 2, "CreateEscrow", "TypeError: no username")),
        ({"requestId": "r"}, {}, ("r", -1, "", "")),
        ({"requestId": "r", "generation": "x", "step": None}, {}, ("r", -1, "", "")),
        (ANSWERED, UNDELIVERED, ("r", -1, "Provider Response Received", "NO_PERMISSIONS: denied")),
        (ANSWERED, UNHANDLED, ("r", -1, "Provider Response Received", "200: it failed")),
        (CLOSED, {}, ("r", -1, "Step Functions Execution Status Change", "")),
    ],
)
def test_a_letter_says_which_request_failed_where_and_why(
    body: object, attributes: dict[str, str], read: tuple[object, ...]
) -> None:
    letter = Letter.read(message(body, attributes=attributes))
    assert (letter.request_id, letter.generation, letter.step, letter.error) == read
    assert letter.sent_at == SENT


POISON = ["", "{", "[]", "5", "null", '"x"', "[" * 100_000, "{}"]
POISON += ['{"requestId": 5}', '{"detail": 5}', '{"detail": {}}', '{"detail": {"executionArn": []}}']


@pytest.mark.parametrize("body", [*POISON, json.dumps(BATCH)])
def test_a_letter_that_tells_of_no_request_is_no_error(body: str) -> None:
    letter = Letter.read({"MessageId": "m", "ReceiptHandle": "h", "Body": body})
    assert letter.request_id is None
    assert letter.body == body


def test_letters_about_one_request_are_one_case() -> None:
    bodies = [FAILED, "poison", {**FAILED, "requestId": "s"}, {**FAILED, "generation": 3}]
    letters = [Letter.read(message(body, number)) for number, body in enumerate(bodies)]
    first, second = cases_of(letters)
    assert (first.request_id, len(first.letters), first.generation, first.since) == ("r", 2, 3, SENT)
    assert first.latest is letters[3]
    assert (second.request_id, len(second.letters)) == ("s", 1)


class Queue(Redrive):
    """A redrive over letters in memory."""

    def __init__(self, *bodies: object, outcome: RedriveOutcome = RedriveOutcome.RESTARTED) -> None:
        self._read = [Letter.read(message(body, number)) for number, body in enumerate(bodies)]
        self._outcome = outcome
        self.restarted: list[str] = []
        self.back: list[str] | None = None

    async def letters(self) -> list[Letter]:
        return self._read

    async def put_back(self, letters: Sequence[Letter]) -> None:
        self.back = [letter.id for letter in letters]

    async def restart(self, case: Case) -> RedriveOutcome:
        self.restarted.append(case.request_id)
        return self._outcome


async def shown(queue: Queue, *, only_list: bool = False, answer: bool = True) -> tuple[str, bool]:
    output = io.StringIO()
    console = Console(file=output, width=160)
    done = await restart_failed(queue, console, only_list=only_list, ask=lambda _: answer)
    return output.getvalue(), done


async def test_a_list_restarts_nothing() -> None:
    queue = Queue(FAILED, FAILED, "poison")
    text, done = await shown(queue, only_list=True)
    assert done
    told = ("CreateEscrow", "TypeError: no username", "2026-01-01T00:00:00.000Z", "poison")
    assert all(part in text for part in told)
    assert (queue.restarted, queue.back) == ([], ["m0", "m1", "m2"])


async def test_nothing_is_restarted_that_was_not_agreed_to() -> None:
    queue = Queue(FAILED)
    await shown(queue, answer=False)
    assert (queue.restarted, queue.back) == ([], ["m0"])


async def test_what_is_restarted_is_told_and_what_is_not_stays() -> None:
    queue = Queue(FAILED, "poison")
    text, done = await shown(queue)
    assert done
    assert "r restarted" in text
    assert (queue.restarted, queue.back) == (["r"], ["m1"])
    queue = Queue(FAILED, outcome=RedriveOutcome.FAILED)
    assert (await shown(queue))[1] is False
    assert queue.back == ["m0"]


async def test_an_interruption_puts_everything_back() -> None:
    queue = Queue(FAILED, "poison")

    def interrupt(_question: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await restart_failed(queue, Console(file=io.StringIO()), only_list=False, ask=interrupt)
    assert queue.back == ["m0", "m1"]


async def test_poison_does_nothing_to_the_console() -> None:
    wild = ["[/]", "[red]", "\x1b[2J\x07", "\u202e", "x" * 100_000]
    text, done = await shown(Queue(*wild, *({**FAILED, "error": one, "requestId": one} for one in wild)))
    assert done
    assert "[/]" in text
    assert "[red]" in text
    assert not set("\x1b\x07\u202e") & set(text)
    assert len(text) < 10_000


async def test_an_empty_queue_is_said_to_be_empty() -> None:
    assert "Nothing has failed" in (await shown(Queue()))[0]
