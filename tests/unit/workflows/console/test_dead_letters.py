"""Whatever lies in the dead-letter queue is read."""

import json

import pytest

from tests.unit.workflows.console.letters import FAILED, SENT, message
from workflows.console.dead_letters import DeadLetter

UNDELIVERED = {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "denied", "RULE_ARN": "arn"}
UNHANDLED = {"ErrorCode": "200", "ErrorMessage": "it failed", "RequestID": "x"}
ANSWERED = {"detail-type": "Provider Response Received", "detail": {"requestId": "r", "status": "ACCEPTED"}}
CLOSED = {
    "detail-type": "Step Functions Execution Status Change",
    "detail": {"executionArn": "arn:aws:states:us-east-1:0:execution:hourbank-ServiceRequestWorkflow:r-r3"},
}
BATCH = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": {"batchSize": 1}}


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
    letter = DeadLetter.read(message(body, attributes=attributes))
    assert (letter.request_id, letter.generation, letter.step, letter.error) == read
    assert letter.sent_at == SENT


POISON = ["", "{", "[]", "5", "null", '"x"', "[" * 100_000, "{}"]
POISON += ['{"requestId": 5}', '{"detail": 5}', '{"detail": {}}', '{"detail": {"executionArn": []}}']


@pytest.mark.parametrize("body", [*POISON, json.dumps(BATCH)])
def test_a_letter_about_no_request_is_no_error(body: str) -> None:
    letter = DeadLetter.read({"MessageId": "m", "ReceiptHandle": "h", "Body": body})
    assert letter.request_id is None
    assert letter.body == body
