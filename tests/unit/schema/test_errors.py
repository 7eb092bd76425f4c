"""What a failure tells: clients the kind and a number to quote, the log where it was, nobody a member's row."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError
from structlog.testing import capture_logs

from models.errors import UnavailableError
from resolvers.hosting.logs import configure_logging
from schema.errors import AppSyncError, report, report_any
from tests.unit.processor_time import least_seconds


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def fail(depth: int, email: str) -> None:
    row = {"id": {"S": "m1"}, "email": {"S": email}}
    if depth:
        fail(depth - 1, email)
    raise LookupError(f"no balance of {row['id']['S']}")


def failed() -> GraphQLError:
    try:
        fail(20, "alice@" + "private.example")
    except LookupError as error:
        return GraphQLError(str(error), path=["getUser"], original_error=error)
    raise AssertionError


@pytest.mark.usefixtures("_logging_as_before")
def test_the_log_names_the_place_and_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()  # now that stderr is the one that is looked at
    reported = report(failed()).formatted
    line = capsys.readouterr().err
    assert reported["errorInfo"]["correlationId"] in line
    assert "LookupError: no balance of m1" in line
    assert "in fail" in line
    assert "alice@private.example" not in line


@pytest.mark.usefixtures("_logging_as_before")
def test_many_failures_do_not_hold_up_the_server() -> None:
    configure_logging()
    assert least_seconds(lambda: [report(failed()) for _ in range(30)]) < 1


@pytest.mark.parametrize("error", [MissingQueryError(), GraphQLError("no")])
def test_a_request_without_an_operation_is_the_clients_mistake(error: Exception) -> None:
    assert report_any(error).error_type == "ValidationError"


def test_a_failure_outside_of_any_field_is_masked_or_told() -> None:
    assert report_any(ValueError("a secret")).error_type == "InternalFailure"
    assert "secret" not in report_any(ValueError("a secret")).message
    assert report_any(AppSyncError("Full", error_type="Full")).formatted["message"] == "Full"


def client_error(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetItem")


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (UnavailableError(), False),
        (UnavailableError(is_outcome_unknown=True), True),
        (EndpointConnectionError(endpoint_url="x"), True),
        (ReadTimeoutError(endpoint_url="x"), True),
        (client_error("InternalServerError", 500), True),
        (client_error("ThrottlingException", 400), False),
    ],
    ids=repr,
)
def test_that_aws_does_not_answer_is_an_error_of_its_own_and_no_line_in_the_log(
    error: Exception, *, unknown: bool
) -> None:
    with capture_logs() as logs:
        reported = report(GraphQLError("x", path=["getUser"], original_error=error)).formatted
    assert reported["errorType"] == "ServiceUnavailable"
    assert reported["errorInfo"] == {"retryAfterSeconds": 1, "outcomeIsUnknown": unknown}
    assert logs == []
