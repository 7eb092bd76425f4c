"""Why DynamoDB rejects a call is said in words that tell what to change; most reasons are DynamoDB Local's own."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from graphql import GraphQLError
from structlog.testing import capture_logs

from schema.errors import report
from schema.rejections import explained, rejection_of


def rejected(message: str, operation: str = "UpdateItem", code: str = "ValidationException") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("Item size has exceeded the maximum allowed size", "400 KB"),
        ("Item size to update has exceeded the maximum allowed size", "400 KB"),
        ("Invalid FilterExpression: Expression size has exceeded the maximum allowed size", "fewer operators"),
        ("Invalid ConditionExpression: The expression contains too many operators; number of operators", "fewer"),
        (
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
            "out of range",
        ),
        ("Attempting to store more than 38 significant digits in a Number", "38 digits"),
        ("DynamoDB only supports precision up to 38 digits", "38 digits"),
        ("A value provided cannot be converted into a number", "out of range"),
        ("One or more parameter values were invalid: Size limit exceeded", "too long"),
        ("A key attribute cannot contain an empty string value. Key: id", "id: A key is empty"),
        ("Nesting Levels have exceeded supported limits", "32 levels"),
        (
            "Size of hashkey has exceeded the maximum size limit of2048 bytes",
            "long",
        ),
        (
            "A key attribute cannot contain an empty string value. IndexName: byX, IndexKey: userId",
            "userId: A key is empty",
        ),
        ("Operand type mismatch", "rejects these values: Operand type mismatch"),
    ],
)
def test_a_cause_is_named_in_plain_words(reason: str, told: str) -> None:
    assert rejection_of(rejected(reason)) == reason
    assert told in explained(reason)[0]


def test_a_long_reason_is_cut() -> None:
    assert len(explained("x" * 5_000)[0]) < 400


@pytest.mark.parametrize(
    "error",
    [
        rejected("Invalid Name", "StartExecution"),
        rejected("none of the client's", code="ResourceNotFoundException"),
        rejected("", "TransactWriteItems", "TransactionCanceledException"),
    ],
)
def test_other_failures_are_unexpected(error: ClientError) -> None:
    assert rejection_of(error) is None
    with capture_logs():
        assert report(GraphQLError("x", path=["f"], original_error=error)).error_type == "InternalFailure"


def test_a_row_of_a_transaction_may_be_rejected() -> None:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "CancellationReasons": [
            {"Code": "None"},
            {"Code": "ValidationError", "Message": "Item size has exceeded"},
        ],
    }
    error = ClientError(response, "TransactWriteItems")
    with capture_logs() as logs:
        reported = report(GraphQLError("x", path=["f"], original_error=error))
    assert (reported.error_type, "400 KB" in reported.message) == ("BadRequest", True)
    assert [log["log_level"] for log in logs] == ["warning"]


def test_the_field_is_named_if_dynamodb_names_it() -> None:
    reason = "The AttributeValue for a key attribute cannot contain an empty string value. IndexKey: userId"
    with capture_logs():
        reported = report(GraphQLError("x", path=["f"], original_error=rejected(reason)))
    assert reported.error_info == {"field": "userId"}
